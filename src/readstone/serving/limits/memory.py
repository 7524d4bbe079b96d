"""Counters in this process's memory: exact between its tasks and its threads."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from readstone.serving.limits.counters import Charge, Outcome, Taken, Unknown
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
            tallies, unknown = self._brought(charges, now)
            if unknown:
                if begins is None:
                    return Unknown(now, unknown)
                for index in unknown:
                    tallies[index].begin(begins.get(charges[index].rule.name, 0))
            if refused := refusal(charges, tallies, now):
                return refused
            counted = zip(charges, tallies, strict=True)
            return Taken(now, [tally.charge(amount, now) for (_, amount), tally in counted])

    async def correct(self, at: float, charges: Sequence[Charge]) -> None:
        """Add to what was taken at that time."""
        with self._lock:
            for rule, amount in charges:
                tally = self._tallies.get(rule.name)
                if tally is not None:
                    tally.correct(at, amount)

    async def close(self) -> None:
        """Forget everything."""
        self._tallies.clear()

    def _brought(self, charges: Sequence[Charge], now: float) -> tuple[list[Tally], list[int]]:
        """The tallies of the charges, as they are now, and which of them are not known."""
        tallies: list[Tally] = []
        unknown: list[int] = []
        for rule, _ in charges:
            tally = self._tallies.get(rule.name)
            if tally is None:
                tally = self._tallies[rule.name] = Tally(rule.window)
            if now >= tally.due:
                tally.bring(now)
                if not tally.is_known:
                    unknown.append(len(tallies))
            tallies.append(tally)
        return tallies, unknown

    def _sweep(self, now: float) -> None:
        for tally in self._tallies.values():
            tally.bring(now)
        self._tallies = {name: each for name, each in self._tallies.items() if each.cells}
        self._sweep_at = max(_MANY, 2 * len(self._tallies))
