"""Turns at a file: one at a time, and free again when their holder is gone."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from readstone.store.turn import FileTurn

_HOLD = """
import sys
from pathlib import Path
from readstone.store.turn import FileTurn
turn = FileTurn(Path(sys.argv[1]))
turn.open()
with turn:
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_who_comes_second_waits_and_a_holder_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    turn = FileTurn(path)
    turn.open()
    with (
        subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder,
        ThreadPoolExecutor(1) as thread,
    ):
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"

        def enter() -> str:
            with turn:
                return "entered"

        waiting = thread.submit(enter)
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        holder.kill()
        assert waiting.result(30) == "entered"
    turn.close()
    turn.close()


def test_threads_of_one_process_take_turns_too(tmp_path: Path) -> None:
    turn = FileTurn(tmp_path / "turn")
    turn.open()

    def enter() -> str:
        with turn:
            return "entered"

    with ThreadPoolExecutor(1) as thread:
        with turn:
            waiting = thread.submit(enter)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
        assert waiting.result(30) == "entered"
    turn.close()


def test_a_turn_that_cannot_be_had_is_nobodys(tmp_path: Path) -> None:
    turn = FileTurn(tmp_path / "turn")
    with pytest.raises(ValueError, match="descriptor"), turn:
        pass
    turn.open()
    with turn:
        pass
    turn.close()
