"""Turns at an SQLite file: processes that commit entries queue in the kernel, in the order they came.

Without it one that finds the file busy sleeps and tries again, for longer each time, and may find it busy then too: under load some
commits took a second.
"""

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType


class FileTurn:
    """A block that one thread of one process is in at a time; a lock on a file beside the database, which ends with its holder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._thread = threading.Lock()  # to the kernel all of a process hold the file's lock alike

    def open(self) -> None:
        """Make the file where there is none; OSError where that cannot be."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> None:
        self._thread.acquire()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:  # whatever it is, the next thread gets its turn
            self._thread.release()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._thread.release()
