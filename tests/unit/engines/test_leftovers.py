"""Records of running engines: what a killed server left is ended, and nothing else ever is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from readstone.engines.leftovers import MARK, Identity, Leftovers
from unit.engines.processes import is_alive, leave_record

MARKED = "2f6c0d0b5a"


@pytest.fixture
def stray() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of a session of its own that carries the mark."""
    with subprocess.Popen(
        ["sleep", "600"], env={**os.environ, MARK: MARKED}, start_new_session=True
    ) as process:
        yield process
        process.kill()


def _ended() -> int:
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_server_left_is_ended(
    tmp_path: Path, stray: "subprocess.Popen[bytes]"
) -> None:
    path = leave_record(tmp_path, _ended(), MARKED)

    assert Leftovers(tmp_path).reap("chat") == 1

    assert stray.wait() == -9
    assert not path.exists()
    assert not (tmp_path / "private").exists()


def test_the_session_of_the_recorded_launcher_is_ended_without_a_mark(
    tmp_path: Path, stray: "subprocess.Popen[bytes]"
) -> None:
    leave_record(tmp_path, stray.pid, "another mark")

    assert Leftovers(tmp_path).reap("chat") == 1

    assert stray.wait() == -9


def test_a_session_without_leader_and_mark_is_known_by_a_recorded_process(tmp_path: Path) -> None:
    """As vLLM's is, whose processes write over their environment."""
    program = (
        "import subprocess, sys\n"
        "first, second = (subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL) for _ in '12')\n"
        "print(first.pid, second.pid, flush=True)\n"
        "sys.stdin.readline(), first.kill(), print(first.wait(), flush=True), sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as leader:
        assert leader.stdin
        assert leader.stdout
        pids = [int(pid) for pid in leader.stdout.readline().split()]
        path = leave_record(tmp_path, leader.pid, "another mark")
        Leftovers(tmp_path).note("chat", leader.pid)
        leader.stdin.write(b"end the first\n")
        leader.stdin.flush()
        assert leader.stdout.readline() == b"-9\n"
        leader.kill()
        leader.wait()
    assert is_alive(pids[1])

    assert Leftovers(tmp_path).reap("chat") == 1

    assert not is_alive(pids[1])
    assert not path.exists()


def test_what_is_noted_of_a_run_that_is_over_is_nothing(tmp_path: Path) -> None:
    Leftovers(tmp_path).note("chat", 12)

    assert not list(tmp_path.iterdir())


def test_a_process_that_got_a_recorded_id_later_is_not_touched(
    tmp_path: Path, stray: "subprocess.Popen[bytes]"
) -> None:
    path = leave_record(tmp_path, stray.pid, "another mark", launcher=Identity(stray.pid, 1))

    assert Leftovers(tmp_path).reap("chat") == 0

    assert stray.poll() is None
    assert not path.exists()


def test_the_engine_of_a_server_that_still_runs_is_not_touched(
    tmp_path: Path, stray: "subprocess.Popen[bytes]"
) -> None:
    Leftovers(tmp_path).remember("chat", stray.pid, MARKED, tmp_path)

    assert Leftovers(tmp_path).reap("chat") == 0

    assert stray.poll() is None
    assert [path.name for path in tmp_path.iterdir()] == [f"chat-{stray.pid}.json"]


def test_ids_of_an_earlier_boot_mean_nothing(
    tmp_path: Path, stray: "subprocess.Popen[bytes]"
) -> None:
    path = leave_record(tmp_path, stray.pid, MARKED, boot="an earlier one")

    assert Leftovers(tmp_path).reap("chat") == 0

    assert stray.poll() is None
    assert not path.exists()


def test_the_records_of_another_engine_are_left_alone(
    tmp_path: Path, stray: "subprocess.Popen[bytes]"
) -> None:
    path = leave_record(tmp_path, stray.pid, MARKED)

    assert Leftovers(tmp_path).reap("chat-2") == 0
    assert Leftovers(tmp_path).reap("cha") == 0

    assert path.exists()
    assert stray.poll() is None


def test_a_torn_record_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "chat-12.json"
    path.write_bytes(b'{"boot": ')

    assert Leftovers(tmp_path).reap("chat") == 0

    assert not path.exists()


def test_where_nothing_was_ever_recorded_nothing_is_ended(tmp_path: Path) -> None:
    assert Leftovers(tmp_path / "missing").reap("chat") == 0


def test_closing_a_run_ends_what_escaped_its_launcher(
    tmp_path: Path, stray: "subprocess.Popen[bytes]"
) -> None:
    Leftovers(tmp_path).remember("chat", _ended(), MARKED, tmp_path / "private")
    (record,) = tmp_path.iterdir()

    assert Leftovers(tmp_path).close("chat", int(record.stem.removeprefix("chat-"))) == 1

    assert stray.wait() == -9
    assert not record.exists()
