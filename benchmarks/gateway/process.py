"""A process that is measured: pinned to a core, with the CPU time and the memory of itself and its children."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_TICK: Final = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS: Final = 10.0


class Process:
    """A command on one core, in a session of its own so that it ends whole; output goes to `log`.

    `alone` leaves its children out of what is measured.
    """

    def __init__(
        self,
        command: Sequence[str],
        core: int,
        log: Path,
        environment: dict[str, str] | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self._alone = alone
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["taskset", "--cpu-list", str(core), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                env=os.environ | (environment or {}),
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return sum(_cpu_ticks(pid) for pid in self._pids()) / _TICK

    def resident(self) -> int:
        """Bytes that are resident now."""
        return sum(_status(pid, "VmRSS") for pid in self._pids())

    def forget_peak(self) -> None:
        """Let `peak` begin anew."""
        for pid in self._pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")

    def peak(self) -> int:
        """The most bytes that were resident since `forget_peak`, as the kernel counted them."""
        return sum(_status(pid, "VmHWM") for pid in self._pids())

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _pids(self) -> list[int]:
        found = [self._process.pid]
        for pid in found:
            if not self._alone:
                found += _children(pid)
        return found


def busy_seconds(core: int) -> float:
    """Seconds a core was not idle since the machine started, whoever used it."""
    for line in Path("/proc/stat").read_text("ascii").splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _waiting, interrupt, soft, stolen, *_ = map(int, ticks)
            return (user + nice + system + interrupt + soft + stolen) / _TICK
    raise SystemExit(f"/proc/stat has no core {core}.")


def _children(pid: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return [
            int(word) for thread in threads for word in (thread / "children").read_text().split()
        ]
    except FileNotFoundError:
        return []


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return int(fields[11]) + int(fields[12])


def _status(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
