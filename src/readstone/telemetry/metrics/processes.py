"""What the system knows of a process: its CPU time, its memory, its files. Nothing where there is no /proc."""

import os
from pathlib import Path

from readstone.telemetry.metrics.board import Series
from readstone.telemetry.metrics.families import (
    PROCESS_CPU,
    PROCESS_FILES,
    PROCESS_MEMORY,
    PROCESS_START,
)
from readstone.telemetry.metrics.family import Family

_AFTER_NAME = 3
"""The number of the first field of /proc/PID/stat that follows the process's name (proc_pid_stat(5))."""
_UTIME, _STIME, _STARTTIME, _RSS = 14, 15, 22, 24


def facts(pid: int, worker: str) -> list[Series]:
    """The facts of a process that runs; nothing of one that does not."""
    folder = Path(f"/proc/{pid}")
    try:
        stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        files = sum(1 for _ in (folder / "fd").iterdir())
        booted = _booted()
    except OSError:
        return []
    fields = stat.rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")

    def field(number: int) -> int:
        return int(fields[number - _AFTER_NAME])

    values: dict[Family, float] = {
        PROCESS_CPU: (field(_UTIME) + field(_STIME)) / ticks,
        PROCESS_MEMORY: float(field(_RSS) * os.sysconf("SC_PAGE_SIZE")),
        PROCESS_FILES: float(files),
        PROCESS_START: booted + field(_STARTTIME) / ticks,
    }
    return [Series(family, (worker,), (value,)) for family, value in values.items()]


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _booted() -> float:
    for line in Path("/proc/stat").read_text(encoding="utf-8").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0
