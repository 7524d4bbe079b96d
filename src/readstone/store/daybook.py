"""The daybook beside an SQLite file: entries are put down here before their answers go out, and committed soon after.

A line takes a thirtieth of what a transaction does, and outlives the process as well: it is with the operating system. Whoever reads the
ledger has what is put down committed first (`gather`); what is committed already changes nothing.
"""

import fcntl
import os
import secrets
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from readstone.core.ledger import Entry
from readstone.telemetry import log_trouble

_NAME: Final = "-daybook-"
_PIECE: Final = 1024 * 1024
_SUM: Final = 8
"""Characters of the checksum that a line begins with."""
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Entry).decode


class Daybook:
    """What one process puts down: two pages, a file each. While what is on one is committed, the other takes what comes.

    A page is locked as long as its process lives, and made when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._page = _Page(path)
        self._sealed = _Page(path)
        self._is_failing = False

    def write(self, entry: Entry) -> bool:
        """Put an entry down, so that it outlives this process; False where that cannot be done, as on a disk that is full."""
        content = _encode(entry)
        try:
            # The line before it may have been written in part.
            self._page.write(b"\n%08x%b" % (zlib.crc32(content), content))
        except OSError as error:
            if not self._is_failing:
                self._is_failing = True
                log_trouble("daybook failed", reason=str(error))
            return False
        self._is_failing = False
        return True

    def seal(self) -> None:
        """Begin a page; on the one before is nothing but what is about to be committed.

        Where a commit failed, what it was to clear still stands there, and the page goes on.
        """
        if not self._sealed.size:
            self._page, self._sealed = self._sealed, self._page

    def clear(self) -> None:
        """What was sealed is committed."""
        try:
            self._sealed.clear()
        except OSError as error:
            log_trouble("daybook failed", reason=str(error))

    def close(self) -> None:
        """Let go of the pages; one with something on it stays for who reads next."""
        for page in (self._page, self._sealed):
            page.close()


def gather(path: Path, commit: Callable[[Sequence[Entry]], None]) -> None:
    """Have everything committed that is put down beside that file; pages of processes that are gone are removed.

    OSError where a page cannot be read.
    """
    start = path.name + _NAME
    for page in sorted(path.parent.iterdir()):
        if page.name.startswith(start):
            _gather(page, commit)


def _gather(page: Path, commit: Callable[[Sequence[Entry]], None]) -> None:
    try:
        file = os.open(page, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # its process has just ended well
    try:
        is_left = _locked(file)
        entries = list(_entries(_content(file)))
        if entries:
            commit(entries)
        if is_left:
            page.unlink(missing_ok=True)
    finally:
        os.close(file)


class _Page:
    """One file of entries, a line each. Its first byte makes it."""

    __slots__ = ("_file", "_name", "_path", "size")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = path
        self._file = -1
        self.size = 0

    def write(self, line: bytes) -> None:
        if self._file < 0:
            self._open()
        written = os.write(self._file, line)
        self.size += written
        if written < len(line):
            raise OSError("there is no room for all of a line")

    def clear(self) -> None:
        if self._file >= 0:
            os.ftruncate(self._file, 0)
        self.size = 0

    def close(self) -> None:
        if self._file >= 0:
            if not self.size:
                self._name.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        """Make a file and lock it, unless somebody took it for one that was left in between."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        while self._file < 0:
            self._name = self._path.with_name(f"{self._path.name}{_NAME}{secrets.token_hex(8)}")
            file = os.open(self._name, flags, 0o600)
            try:
                if _locked(file) and os.fstat(file).st_nlink:
                    self._file = file
            finally:
                if self._file < 0:
                    os.close(file)


def _locked(file: int) -> bool:
    """Lock a page; False where its process lives, or somebody is reading what one left."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _content(file: int) -> bytes:
    pieces: list[bytes] = []
    while piece := os.read(file, _PIECE):
        pieces.append(piece)
    return b"".join(pieces)


def _entries(content: bytes) -> Iterator[Entry]:
    """What stands in whole lines: the last one may be of a process that was killed while it wrote."""
    for line in content.split(b"\n"):
        told, written = line[:_SUM], line[_SUM:]
        if told == b"%08x" % zlib.crc32(written):
            try:
                yield _decode(written)
            except msgspec.DecodeError as error:  # of another version
                log_trouble("line of a daybook is not read", reason=type(error).__name__)
