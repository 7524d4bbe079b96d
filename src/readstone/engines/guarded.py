"""A program run under the launcher: with a log of its own, and gone, with all it started, when we are."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from readstone.engines import launcher
from readstone.engines.process import Child

_END_SECONDS = 5.0
"""How long the launcher may take to kill everything before it is killed itself, with its group."""
_TAIL_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class LogFile:
    """Where a program's output goes: at most `bytes` in the file, and `files` older ones beside it."""

    path: Path
    bytes: int = 10 * 1024 * 1024
    files: int = 3

    def tail(self, lines: int) -> str:
        """Its last lines, of the program's last run only; empty where there is none. Reads the file."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                content = file.read()
        except OSError:
            return ""
        said = content.decode(errors="replace").splitlines()
        begun = max((i for i, line in enumerate(said) if line.startswith(launcher.RUN)), default=0)
        return "\n".join(said[begun:][-lines:])


class Guarded:
    """A program and everything it ever starts; use `start` to run one.

    Its descendants end with its first process and with ours, however either ends.
    """

    def __init__(self, child: Child, lifeline: int) -> None:
        self._child = child
        self._lifeline: int | None = lifeline

    @classmethod
    async def start(
        cls, program: Sequence[str], environment: Mapping[str, str], log: LogFile
    ) -> "Guarded":
        """Run a program with exactly this environment; one that cannot start ends with code 127 and a line in its log."""
        theirs, ours = os.pipe()
        try:
            limits = [str(theirs), str(log.path), str(log.bytes), str(log.files)]
            command = [sys.executable, "-I", "-m", launcher.__name__, *limits, *program]
            child = await Child.spawn(command, inherited=[theirs], environment=environment)
        except BaseException:  # cancelled, too: nobody else would close it
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return cls(child, ours)

    @property
    def pid(self) -> int:
        """The launcher's process id: of its process group and session too."""
        return self._child.pid

    async def wait(self) -> int:
        """Wait for its end; its exit code, or 128 + the signal that ended it."""
        code = await self._child.wait()
        self._let_go()
        return code

    async def stop(self, grace: float) -> None:
        """Ask its first process to end, then after `grace` seconds kill everything; returns when all is gone.

        Being cancelled here spares nothing.
        """
        try:
            self._child.terminate()
            await self._within(grace)
        finally:
            self._let_go()
        try:
            await self._within(_END_SECONDS)
        finally:
            self._child.kill()
            await self.wait()

    async def _within(self, seconds: float) -> None:
        """Wait for its end, no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wait()

    def _let_go(self) -> None:
        """Close the lifeline: the launcher kills everything and ends."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
