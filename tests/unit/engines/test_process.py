"""A child process: started apart, ended whole."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from readstone.engines.process import Child

_STUBBORN = "import signal, sys, os; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write({fd}, b'.'); signal.pause()"
_PARENT = "import subprocess, sys, os; child = subprocess.Popen(['sleep', '60']); os.write({fd}, f'{{child.pid}}\\n'.encode()); child.wait()"


async def _spawn(program: str) -> tuple[Child, int]:
    """The child, and the reading end of a pipe it has written to."""
    ours, theirs = os.pipe()
    child = await Child.spawn([sys.executable, "-c", program.format(fd=theirs)], inherited=[theirs])
    os.close(theirs)
    return child, ours


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_an_exit_code_is_told() -> None:
    child = await Child.spawn([sys.executable, "-c", "raise SystemExit(7)"])

    assert await child.wait() == 7


async def test_it_leads_a_session_of_its_own() -> None:
    child, pipe = await _spawn("import os, signal; os.write({fd}, b'.'); signal.pause()")
    os.read(pipe, 1)

    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)

    await child.stop(grace=5)
    os.close(pipe)


async def test_one_that_will_not_stop_is_made_to() -> None:
    child, pipe = await _spawn(_STUBBORN)
    os.read(pipe, 1)

    await child.stop(grace=0.05)

    assert not _is_alive(child.pid)
    os.close(pipe)


async def test_its_own_children_end_with_it() -> None:
    child, pipe = await _spawn(_PARENT)
    grandchild = int(os.read(pipe, 20))

    child.kill()
    await child.wait()

    os.read(pipe, 1)  # the grandchild holds the pipe open: this returns once it has let go of it
    async with asyncio.timeout(10):
        while _is_alive(grandchild):  # noqa: ASYNC110  (a process sets no event of ours)
            await asyncio.sleep(0)
    os.close(pipe)


async def test_stopping_one_that_is_gone_does_nothing() -> None:
    child = await Child.spawn([sys.executable, "-c", ""])
    await child.wait()

    await child.stop(grace=5)
    child.kill()


async def test_a_program_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(OSError, match="nowhere"):
        await Child.spawn(["nowhere/to-be-found"])
