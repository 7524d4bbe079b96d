"""A tally: what one rule has counted, cell by cell; and whether several have room for what a request asks."""

from collections.abc import Iterable, Sequence

from readstone.serving.limits.counters import Charge, Level, Refused
from readstone.serving.limits.rules import Lease, Window

LEASE_WAIT = 1.0
"""Seconds after which to ask again where too many requests run: nobody knows when one ends."""


class Tally:
    """The amounts of a window by the begin of their cell, oldest first."""

    __slots__ = ("cells", "total", "window")

    def __init__(self, window: Window, cells: Iterable[tuple[int, int]] = ()) -> None:
        self.window = window
        self.cells = dict(cells)
        self.total = sum(self.cells.values())

    def forget(self, now: float) -> None:
        """Let go of cells whose time is over."""
        while self.cells:
            oldest = next(iter(self.cells))
            if self.window.expiry(oldest) > now:
                return
            self.total -= self.cells.pop(oldest)

    def add(self, cell: int, amount: int) -> None:
        """Count more, or less."""
        self.cells[cell] = self.cells.get(cell, 0) + amount
        self.total += amount

    def level(self, now: float) -> Level:
        """What is counted now."""
        if not self.total:
            return Level(0, 0.0)
        return Level(self.total, self.window.expiry(next(reversed(self.cells))) - now)

    def wait(self, excess: int, now: float) -> float | None:
        """Seconds until so much is forgotten; None where there is not so much."""
        for cell, amount in self.cells.items():
            excess -= amount
            if excess <= 0:
                return LEASE_WAIT if isinstance(self.window, Lease) else self._left(cell, now)
        return None

    def _left(self, cell: int, now: float) -> float:
        return self.window.expiry(cell) - now


def refusal(charges: Sequence[Charge], tallies: Sequence[Tally], now: float) -> Refused | None:
    """Why the charges do not fit, or None where they do."""
    worst, longest = -1, 0.0
    for index, (charge, tally) in enumerate(zip(charges, tallies, strict=True)):
        excess = tally.total + charge.amount - charge.rule.most
        if excess <= 0 or not charge.amount:
            continue
        wait = tally.wait(excess, now)
        if wait is None:
            return Refused(index, None, [each.level(now) for each in tallies])
        if worst < 0 or wait > longest:
            worst, longest = index, wait
    return None if worst < 0 else Refused(worst, longest, [each.level(now) for each in tallies])
