"""What an earlier server left running when it was killed: recorded while it runs, ended at the next start.

The launcher ends an engine whenever its server does; this is for the case that both were killed at once. A process
is ended only where it is certainly ours: its environment holds the mark that only that run was started with (vLLM's
processes write over theirs), or it belongs to the launcher's session. A session's number is nobody else's for as long
as a process of it lives, so one recorded process (same id, same start, same boot) proves it.
"""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

MARK = "SUPERVISED_BY_READSTONE"
"""The variable that names one run of an engine, in all of its processes."""

_PROC = Path("/proc")
_SESSION = 3
_STARTED = 19
_SECONDS = 5.0
_PAUSE = 0.02


class Identity(msgspec.Struct, frozen=True):
    """A process, told apart from a later one with the same id by when it started (clock ticks since boot)."""

    pid: int
    started: int


class Record(msgspec.Struct, frozen=True):
    """One run of an engine: whose it is, its launcher and other processes of its session, its mark, its directory."""

    boot: str
    server: Identity
    launcher: Identity
    members: tuple[Identity, ...]
    mark: str
    directory: str


class Leftovers:
    """The records of running engines, in a directory; its methods block for as long as a disk takes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writing = threading.Lock()

    def remember(self, engine: str, launcher: int, mark: str, directory: Path) -> None:
        """Record a run that has just begun."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = Identity(os.getpid(), _started(os.getpid()) or 0)
        leader = Identity(launcher, _started(launcher) or 0)
        record = Record(_boot(), server, leader, (), mark, str(directory))
        _write(self._path(engine, launcher), record)

    def note(self, engine: str, launcher: int) -> None:
        """Add to the record which processes its session has by now."""
        path = self._path(engine, launcher)
        with self._writing:
            record = _read(path)
            if record is None:
                return
            members = tuple(
                Identity(pid, int(fields[_STARTED]))
                for pid, fields in _processes()
                if int(fields[_SESSION]) == launcher != pid
            )
            if members != record.members:
                _write(path, msgspec.structs.replace(record, members=members))

    def close(self, engine: str, launcher: int) -> int:
        """End what is left of a run of ours, and remove its record; the number of processes ended."""
        with self._writing:  # a note that is being taken would bring the record back
            return self._close(self._path(engine, launcher))

    def reap(self, engine: str) -> int:
        """End what earlier servers left of this engine; the number of processes ended.

        What a server that still runs keeps there is left alone.
        """
        paths = self._directory.glob(f"{engine}-[0-9]*.json")
        return sum(self._close(path) for path in paths if not _is_in_use(_read(path)))

    def _close(self, path: Path) -> int:
        record = _read(path)
        ended = 0
        if record is not None:
            ended = _end(record) if record.boot == _boot() else 0
            shutil.rmtree(record.directory, ignore_errors=True)
        path.unlink(missing_ok=True)
        return ended

    def _path(self, engine: str, launcher: int) -> Path:
        return self._directory / f"{engine}-{launcher}.json"


def _write(path: Path, record: Record) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(msgspec.json.encode(record))
    unfinished.replace(path)


def _read(path: Path) -> Record | None:
    """The record of a file, None where it holds none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def _is_in_use(record: Record | None) -> bool:
    """Whether the server whose engine it is still runs."""
    return (
        record is not None
        and record.boot == _boot()
        and _started(record.server.pid) == record.server.started
    )


def _end(record: Record) -> int:
    """Kill what belongs to a record until nothing does."""
    ended = set[int]()
    deadline = time.monotonic() + _SECONDS
    while (found := _members(record)) and time.monotonic() < deadline:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        ended |= found
        time.sleep(_PAUSE)
    return len(ended)


def _members(record: Record) -> set[int]:
    """The living processes that are certainly of this run."""
    recorded = (record.launcher, *record.members)
    led = any(_started(each.pid) == each.started for each in recorded)
    mark = f"{MARK}={record.mark}".encode()
    return {
        pid
        for pid, fields in _processes()
        if (led and int(fields[_SESSION]) == record.launcher.pid) or _holds(pid, mark)
    }


def _holds(pid: int, mark: bytes) -> bool:
    """Whether a process was started with that variable."""
    try:
        return mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None where it has ended."""
    fields = _fields(pid)
    return None if fields is None else int(fields[_STARTED])


def _processes() -> Iterator[tuple[int, list[bytes]]]:
    """Every living process, with what proc(5) says of it."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))) is not None:
            yield int(entry.name), fields


def _fields(pid: int) -> list[bytes] | None:
    """What proc(5) says of a process after its name: state, parent, group, session and so on; None if it has ended."""
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rsplit(b")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else fields


def _boot() -> str:
    """This boot of the machine: process ids mean nothing after it."""
    return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
