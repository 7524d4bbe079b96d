"""Counters in this process's memory: exact between its tasks and its threads."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from readstone.serving.limits.counters import Charge, Outcome, Taken, Unknown
from readstone.serving.limits.rules import Calendar
from readstone.serving.limits.tally import Tally, refusal

_MANY = 4096
"""Counters after which those that count nothing are let go."""


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never jump: the wall's time now, and from then on what really goes by."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()


class MemoryCounters:
    """Counts in a dictionary; what a day and a month begin with is asked anew in every process."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or steady_clock()
        self._lock = threading.Lock()
        self._tallies: dict[str, Tally] = {}
        self._sweep_at = _MANY

    async def take(
        self, charges: Sequence[Charge], begins: Mapping[str, int] | None = None
    ) -> Outcome:
        """Charge everything or nothing."""
        with self._lock:
            now = self._clock()
            if len(self._tallies) >= self._sweep_at:
                self._sweep(now)
            tallies = [self._tally(charge, now) for charge in charges]
            if unknown := [
                index
                for index, tally in enumerate(tallies)
                if not tally.cells and isinstance(tally.window, Calendar)
            ]:
                if begins is None:
                    return Unknown(now, unknown)
                for index in unknown:
                    tally = tallies[index]
                    tally.add(tally.window.cell(now), begins.get(charges[index].rule.name, 0))
            if refused := refusal(charges, tallies, now):
                return refused
            for charge, tally in zip(charges, tallies, strict=True):
                if charge.amount:
                    tally.add(tally.window.cell(now), charge.amount)
            return Taken(now, [tally.level(now) for tally in tallies])

    async def correct(self, at: float, charges: Sequence[Charge]) -> None:
        """Add to what was taken at that time."""
        with self._lock:
            for charge in charges:
                tally = self._tallies.get(charge.rule.name)
                cell = charge.rule.window.cell(at)
                if tally is not None and cell in tally.cells:
                    tally.add(cell, charge.amount)

    async def close(self) -> None:
        """Forget everything."""
        self._tallies.clear()

    def _tally(self, charge: Charge, now: float) -> Tally:
        rule = charge.rule
        tally = self._tallies.get(rule.name)
        if tally is None:
            tally = self._tallies[rule.name] = Tally(rule.window)
        tally.forget(now)
        return tally

    def _sweep(self, now: float) -> None:
        for tally in self._tallies.values():
            tally.forget(now)
        self._tallies = {name: each for name, each in self._tallies.items() if each.cells}
        self._sweep_at = max(_MANY, 2 * len(self._tallies))
