"""A child process that an engine runs in: started in a session of its own, watched, and ended whole."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress


class Child:
    """A running child and everything it started; use `spawn` to make one.

    It leads its own process group, so Ctrl-C in the server's terminal does not reach it and ending it ends
    its descendants too.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def spawn(cls, arguments: Sequence[str], inherited: Sequence[int] = ()) -> "Child":
        """Start a program; it inherits stderr and the file descriptors named. OSError where it cannot start."""
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            pass_fds=tuple(inherited),
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's too."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for its end; its exit code, or minus the signal that ended it."""
        return await self._process.wait()

    async def stop(self, grace: float) -> None:
        """Ask it to end, then after `grace` seconds make it; returns when it is gone.

        Being cancelled here does not spare the child.
        """
        self._signal(signal.SIGTERM)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace)
        finally:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """End it and its descendants now."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
