"""Programs under the launcher: logged, and gone with all they started."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from readstone.engines.guarded import Guarded, LogFile
from unit.engines.processes import is_alive, noted, until

HERE = Path(__file__).parent


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "engine.log")


async def _engine(log: LogFile, *modes: str) -> tuple[Guarded, Path]:
    """A pretend engine that listens, and its notes."""
    directory = log.path.parent
    notes, socket = directory / "notes", directory / "engine.sock"
    program = [sys.executable, str(HERE / "pretend_engine.py"), str(socket), str(notes), *modes]
    guarded = await Guarded.start(program, os.environ, log)
    await until(socket.exists)
    return guarded, notes


async def _run(log: LogFile, program: str) -> int:
    return await (await Guarded.start([sys.executable, "-c", program], os.environ, log)).wait()


async def test_an_exit_code_is_told(log: LogFile) -> None:
    assert await _run(log, "raise SystemExit(7)") == 7


async def test_a_signal_is_told_as_a_shell_tells_it(log: LogFile) -> None:
    assert await _run(log, "import os; os.kill(os.getpid(), 11)") == 128 + 11


async def test_a_program_that_is_not_there_ends_with_a_line_in_its_log(log: LogFile) -> None:
    guarded = await Guarded.start(["/nowhere/engine"], os.environ, log)

    assert await guarded.wait() == 127
    assert "cannot start /nowhere/engine: No such file" in log.tail(1)


async def test_output_and_errors_go_to_the_log(log: LogFile) -> None:
    await _run(log, "import sys; print('out', flush=True); print('wrong', file=sys.stderr)")

    assert log.tail(2) == "out\nwrong"
    assert log.path.stat().st_mode & 0o777 == 0o600


async def test_the_tail_of_a_log_is_of_the_last_run_only(log: LogFile) -> None:
    await _run(log, "print('the first')")
    await _run(log, "print('the second')")

    assert "the first" in log.path.read_text(encoding="utf-8")
    command, said = log.tail(20).splitlines()
    assert (command.startswith("--- "), said) == (True, "the second")


async def test_the_log_stays_within_its_size(log: LogFile) -> None:
    small = LogFile(log.path, bytes=100_000, files=2)

    await _run(small, "print('\\n'.join(f'{n:099d}' for n in range(10_000)))")

    files = sorted(log.path.parent.glob("engine.log*"))
    assert [file.name for file in files] == ["engine.log", "engine.log.1", "engine.log.2"]
    assert all(0 < file.stat().st_size <= 100_000 for file in files)
    assert small.tail(1) == f"{9_999:099d}"


async def test_a_log_of_one_file_begins_anew(log: LogFile) -> None:
    small = LogFile(log.path, bytes=100_000, files=0)

    await _run(small, "print('\\n'.join(f'{n:099d}' for n in range(10_000)))")

    assert [file.name for file in log.path.parent.iterdir()] == ["engine.log"]
    assert log.path.stat().st_size <= 100_000


async def test_a_log_that_cannot_be_written_does_not_stop_the_program(tmp_path: Path) -> None:
    assert await _run(LogFile(tmp_path / "missing" / "engine.log"), "print('hello')") == 0


async def test_stopping_asks_the_first_process_alone(log: LogFile) -> None:
    program = (
        "import os, signal, subprocess, sys; child = subprocess.Popen(['sleep', '600']);"
        "signal.signal(signal.SIGTERM, lambda *_: (print('asked', child.poll(), flush=True), os._exit(0)));"
        "print('ready', flush=True); signal.pause()"
    )
    guarded = await Guarded.start([sys.executable, "-c", program], os.environ, log)
    await until(lambda: log.tail(1) == "ready")

    await guarded.stop(grace=20)

    assert log.tail(1) == "asked None"
    assert await guarded.wait() == 0


async def test_what_a_program_leaves_behind_ends_with_it(log: LogFile) -> None:
    guarded, notes = await _engine(log, "parent")
    engine, *descendants = noted(notes)

    os.kill(engine, signal.SIGKILL)

    assert await guarded.wait() == 128 + signal.SIGKILL
    assert len(descendants) == 2
    assert not any(is_alive(pid) for pid in descendants)


async def test_one_that_ignores_being_asked_is_made_to_end_with_all_it_started(
    log: LogFile,
) -> None:
    guarded, notes = await _engine(log, "parent", "stubborn")

    await guarded.stop(grace=0.05)

    assert len(noted(notes)) == 3
    assert not any(is_alive(pid) for pid in noted(notes))


async def test_being_cancelled_while_stopping_spares_nothing(log: LogFile) -> None:
    guarded, notes = await _engine(log, "parent", "stubborn")
    stopping = asyncio.create_task(guarded.stop(grace=600))
    await asyncio.sleep(0)

    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)

    await until(lambda: not any(is_alive(pid) for pid in noted(notes)))


async def test_a_launcher_that_is_killed_takes_the_engine_with_it(log: LogFile) -> None:
    guarded, notes = await _engine(log)

    os.kill(guarded.pid, signal.SIGKILL)

    assert await guarded.wait() == -signal.SIGKILL
    await until(lambda: not any(is_alive(pid) for pid in noted(notes)))


async def test_a_server_that_is_killed_leaves_neither_child_nor_grandchild(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "pretend_server.py"), str(tmp_path), str(notes)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout
    launcher = int(await server.stdout.readline())
    await until(lambda: len(noted(notes)) == 3)

    server.kill()
    await server.wait()

    await until(lambda: not any(is_alive(pid) for pid in [launcher, *noted(notes)]))
