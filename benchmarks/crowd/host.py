"""The server that is crowded: `readstone serve` in a folder of its own, and the memory of its two processes."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

_START_SECONDS: Final = 60.0
_STEP_SECONDS: Final = 0.05


class _Entry(msgspec.Struct):
    level: str
    event: str
    exception: str = "no exception"


class Host:
    """A started server with room for `intake` bytes; it ends with the block."""

    def __init__(self, folder: Path, intake: int) -> None:
        self._output = folder / "output.txt"
        self._log = folder / "log.jsonl"
        (folder / "readstone.toml").write_text(f"[limits]\nintake_bytes = {intake}\n", "utf-8")
        command = [sys.executable, "-m", "readstone", "serve", "--host", "127.0.0.1", "--port", "0"]
        kept = {name: value for name, value in os.environ.items() if name[:10] != "READSTONE_"}
        with self._output.open("wb") as output, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", "data"], cwd=folder, env=kept, stdout=output, stderr=log
            )
        self.key = self._written(self._output, r"shown this once: (rs-\w+-\w+)\n")
        self.port = int(self._written(self._output, r"serves on http://127.0.0.1:(\d+) "))
        self.worker = int(self._written(self._log, r'"reader ready".*?"pid": (\d+)'))

    @property
    def pid(self) -> int:
        """The API process."""
        return self._process.pid

    @property
    def troubles(self) -> list[str]:
        """What the server's log has that somebody should look at: each event with its exception."""
        lines = self._log.read_text("utf-8").splitlines()
        entries = [msgspec.json.decode(line, type=_Entry) for line in lines if line[:1] == "{"]
        return [f"{entry.event}: {entry.exception}" for entry in entries if entry.level == "error"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    def _written(self, file: Path, pattern: str) -> str:
        end = time.monotonic() + _START_SECONDS
        while (found := re.search(pattern, file.read_text("utf-8"))) is None:
            if time.monotonic() > end or self._process.poll() is not None:
                self._process.kill()
                raise SystemExit(f"The server did not start:\n{self._log.read_text('utf-8')}")
            time.sleep(_STEP_SECONDS)
        return found[1]


class Memory(msgspec.Struct, frozen=True):
    """Resident MiB of a process: before the crowd came, at most, and when all had their answers."""

    before: int
    peak: int
    after: int


class Watch:
    """Looks at the resident memory of processes every 50 ms while its block lasts."""

    def __init__(self, *pids: int) -> None:
        self._before = [_resident(pid) for pid in pids]
        self._peaks = dict(zip(pids, self._before, strict=True))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: tuple[Memory, ...] = ()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.seen = tuple(
            Memory(before >> 20, peak >> 20, _resident(pid) >> 20)
            for before, (pid, peak) in zip(self._before, self._peaks.items(), strict=True)
        )

    def _look(self) -> None:
        while not self._over.wait(_STEP_SECONDS):
            for pid, peak in self._peaks.items():
                self._peaks[pid] = max(peak, _resident(pid))


def _resident(pid: int) -> int:
    """Bytes; 0 for a process that is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
