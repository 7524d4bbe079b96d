"""Stands between the server and an engine: keeps the engine's log, and ends all of it when either side goes.

    python -I -m readstone.engines.launcher LIFELINE LOG BYTES FILES PROGRAM [ARGUMENT ...]

It needs the standard library only, so that it starts at once and stays small. LIFELINE is the reading end of a pipe
whose other end only the server holds: the kernel closes it however the server ends, `kill -9` included. Then, and
also when the engine's first process ends, everything the engine ever started is killed, in whatever group or session
it hides: as a child subreaper (prctl(2)) the launcher inherits every orphan. The engine itself dies with the launcher
(PR_SET_PDEATHSIG). SIGTERM is handed on to the engine's first process alone.
It exits with the engine's code, or with 128 + the signal that ended it.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

RUN = "--- "
"""Begins the line of the log with which a run begins."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CHUNK = 64 * 1024
_NOT_STARTED = 127


class Journal:
    """A log file of at most `limit` bytes, with `files` older ones beside it (`.1` is the newest of them)."""

    def __init__(self, path: Path, limit: int, files: int) -> None:
        self._path = path
        self._limit = limit
        self._files = files
        self._size = 0
        self._descriptor: int | None = None

    def write(self, content: bytes) -> None:
        """Append; what a full disk does not take is lost rather than the engine stopped."""
        with suppress(OSError):
            if self._descriptor is None:
                self._open()
            if self._size and self._size + len(content) > self._limit:
                self._rotate()
            if self._descriptor is not None:
                self._size += os.write(self._descriptor, content)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> None:
        names = [self._path, *(Path(f"{self._path}.{n}") for n in range(1, self._files + 1))]
        for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
            if newer.exists():
                newer.replace(older)
        if not self._files:
            self._path.unlink()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._open()


class Launcher:
    """One engine's first process and everything it starts."""

    def __init__(self, program: list[str], lifeline: int, journal: Journal) -> None:
        self._program = program
        self._lifeline = lifeline
        self._journal = journal
        self._code: int | None = None

    def run(self) -> int:
        """Run the engine until it ends or the lifeline does; the code to exit with."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        output, theirs = os.pipe()
        wake, waker = os.pipe()
        for descriptor in (output, wake, waker):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, _noted)
        self._journal.write(f"{RUN}{' '.join(self._program)}\n".encode())
        try:
            engine = self._begin(theirs)
        except OSError as error:
            self._journal.write(f"cannot start {self._program[0]}: {error.strerror}\n".encode())
            return _NOT_STARTED
        os.close(theirs)
        self._attend(engine, output, wake)
        _end_all()
        self._copy(output)
        return self._code if self._code is not None else 128 + signal.SIGKILL

    def _begin(self, output: int) -> int:
        launcher = os.getpid()

        def die_with_the_launcher() -> None:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != launcher:  # it died before the line above
                os._exit(_NOT_STARTED)

        process = subprocess.Popen(  # noqa: S603  (the server's command line)
            self._program,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_the_launcher,  # noqa: PLW1509  (there is one thread)
        )
        process.returncode = 0  # it is waited for below, by its id
        return process.pid

    def _attend(self, engine: int, output: int, wake: int) -> None:
        """Keep the log and hand signals on until the engine ended or the lifeline closed."""
        with selectors.DefaultSelector() as selector:
            for descriptor in (self._lifeline, output, wake):
                selector.register(descriptor, selectors.EVENT_READ)
            while self._code is None:
                ready = {key.fd for key, _ in selector.select()}
                if output in ready and not self._copy(output):
                    selector.unregister(output)
                if wake in ready and signal.SIGTERM in os.read(wake, 512):
                    os.kill(engine, signal.SIGTERM)
                self._reap(engine)
                if self._lifeline in ready:
                    return

    def _reap(self, engine: int) -> None:
        """Wait for what has ended, orphans included."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == engine:
                    code = os.waitstatus_to_exitcode(ended[1])
                    self._code = code if code >= 0 else 128 - code

    def _copy(self, output: int) -> bool:
        """Move what there is to the log; False at the end."""
        with suppress(BlockingIOError):
            while content := os.read(output, _CHUNK):
                self._journal.write(content)
            return False
        return True


def _noted(number: int, frame: FrameType | None) -> None:
    """A signal that is read from the wake-up pipe."""


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_all() -> None:
    """Kill every child; the orphans of each become children, so in the end nothing is left."""
    with suppress(ChildProcessError):
        while True:
            for child in _children():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> list[int]:
    own, found = os.getpid(), list[int]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The fields after the name, which may hold anything: state, parent, … (proc(5))
                if int((entry / "stat").read_bytes().rsplit(b")", 1)[1].split()[1]) == own:
                    found.append(int(entry.name))
    return found


def main(arguments: list[str]) -> int:
    """Run the program named after the lifeline, the log file and its limits."""
    lifeline, log, limit, files, *program = arguments
    os.set_inheritable(int(lifeline), False)  # noqa: FBT003  (its signature)
    return Launcher(program, int(lifeline), Journal(Path(log), int(limit), int(files))).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
