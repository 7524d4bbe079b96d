"""A child process that an engine runs in: started in a session of its own, watched, and ended whole."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress


class Child:
    """A running child and everything it started; use `spawn` to make one.

    It leads its own process group, so Ctrl-C in the server's terminal does not reach it. However it ends, what is
    left of its group is killed before the child is waited for: while it is not, its id names nothing else.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._reaped = threading.Lock()
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        threading.Thread(target=self._watch, name=f"child-{process.pid}", daemon=True).start()

    @classmethod
    async def spawn(
        cls,
        arguments: Sequence[str],
        inherited: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> "Child":
        """Start a program; it inherits stderr and the file descriptors named. OSError where it cannot start.

        It gets the environment given, or ours.
        """
        process = subprocess.Popen(  # noqa: ASYNC220, S603  (a few milliseconds; our own command line)
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=tuple(inherited),
            env=environment,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's too."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for its end; its exit code, or minus the signal that ended it."""
        return await asyncio.shield(self._ended)

    async def stop(self, grace: float) -> None:
        """Ask it and its group to end, then after `grace` seconds make them; returns when it is gone.

        Being cancelled here does not spare the child.
        """
        self._signal_group(signal.SIGTERM)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), grace)
        finally:
            self.kill()
            await self.wait()

    def terminate(self) -> None:
        """Ask it, and it alone, to end."""
        with self._reaped:
            if self._process.returncode is None:
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and its descendants now."""
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with self._reaped, suppress(ProcessLookupError):
            if self._process.returncode is None:
                os.killpg(self.pid, number)

    def _watch(self) -> None:
        """In a thread of its own: wait for the end, kill what is left of the group, tell the loop."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._reaped:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            code = self._process.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._ended.get_loop().call_soon_threadsafe(self._tell, code)

    def _tell(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)
