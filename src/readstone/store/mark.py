"""The mark of an SQLite store's keys: eight bytes beside its file, mapped by every process, other after each change of a key."""

import fcntl
import mmap
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from readstone.store.kept import CHANGING

_SIZE: Final = 8


class Mark:
    """Says whether keys were changed, by whichever process, at the price of reading memory.

    A change writes `CHANGING`, commits, and writes a mark that was never there before, all under a lock of the file. So who
    reads a mark, and then the same again, knows that no change was committed between; and where the changing process
    is killed on its way, `CHANGING` stays and everybody asks the database until the next change or start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._map: mmap.mmap | None = None
        self._value: memoryview[int] | None = None

    def open(self) -> None:
        """Map the file, made where there is none; OSError where that cannot be done."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with self._locked():
            # Its bytes are written before they are mapped: a page without a block on the disk could fail when it is read.
            if int.from_bytes(os.pread(self._file, _SIZE, 0), sys.byteorder) == CHANGING:
                self._write(_new())
        self._map = mmap.mmap(self._file, _SIZE, prot=mmap.PROT_READ)
        self._value = memoryview(self._map).cast("Q")

    @property
    def value(self) -> int:
        """The mark as it is now, of all processes."""
        return CHANGING if self._value is None else self._value[0]

    @contextmanager
    def changing(self) -> Generator[None]:
        """A block in which keys are changed and the change is committed, or fails; it waits its turn.

        OSError where the mark cannot be written, before anything was changed.
        """
        with self._locked():
            self._write(CHANGING)
            try:
                yield
            finally:
                self._write(_new())

    def close(self) -> None:
        """Let go of the file."""
        if self._value is not None:
            self._value.release()
            self._value = None
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @contextmanager
    def _locked(self) -> Generator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _write(self, value: int) -> None:
        # Not through the map: a full disk is an error here and would be a signal there.
        os.pwrite(self._file, value.to_bytes(_SIZE, sys.byteorder), 0)


def _new() -> int:
    """A mark that was never there: counting could come by the same number twice."""
    return int.from_bytes(os.urandom(_SIZE), sys.byteorder) or 1
