"""A tally: what one rule has counted, cell by cell; and whether several have room for what a request asks."""

from collections.abc import Sequence
from math import inf
from typing import Final

from readstone.serving.limits.counters import Charge, Level, Refused
from readstone.serving.limits.rules import Calendar, Lease, Window

LEASE_WAIT = 1.0
"""Seconds after which to ask again where too many requests run: nobody knows when one ends."""

_NOTHING: Final = Level(0, 0.0)


class Tally:
    """The amounts of a window by the begin of their cell, oldest first.

    Who counts brings it up to date first where it is `due`: it knows itself when its cells change, so that nobody works
    that out in between.
    """

    __slots__ = ("_cell", "_ends", "_expiry", "_next", "cells", "due", "total", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.cells: dict[int, int] = {}
        self.total = 0
        self.due = -inf
        self._cell = 0
        self._next = self._expiry = -inf
        self._ends = -inf

    @property
    def is_known(self) -> bool:
        """Whether it counts: a period does from where it is told what it begins with."""
        return bool(self.cells) or not isinstance(self.window, Calendar)

    def bring(self, now: float) -> None:
        """Let go of cells whose time is over; what is charged next goes into the cell of this moment."""
        window, cells = self.window, self.cells
        while cells and window.expiry(oldest := next(iter(cells))) <= now:
            self.total -= cells.pop(oldest)
        cell = window.cell(now)
        self._cell, self._next, self._expiry = cell, window.end(cell), window.expiry(cell)
        if cells:
            self.due = min(self._next, window.expiry(next(iter(cells))))
        else:
            self.due = self._next if self.is_known else -inf

    def begin(self, amount: int) -> None:
        """A period begins with so much."""
        self.cells[self._cell] = amount
        self.total = amount
        self.due, self._ends = self._next, self._expiry

    def charge(self, amount: int, now: float) -> Level:
        """Count so much more; what is counted then."""
        if amount:
            cells, cell = self.cells, self._cell
            cells[cell] = cells.get(cell, 0) + amount
            self.total += amount
            self._ends = self._expiry
        total = self.total
        return Level(total, self._ends - now) if total else _NOTHING

    def correct(self, at: float, amount: int) -> None:
        """Count more, or less, in the cell of that moment, unless it is forgotten."""
        cell = self._cell if self._cell <= at < self._next else self.window.cell(at)
        if cell in self.cells:
            self.cells[cell] += amount
            self.total += amount

    def level(self, now: float) -> Level:
        """What is counted now."""
        total = self.total
        return Level(total, self._ends - now) if total else _NOTHING

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
    for index, ((rule, amount), tally) in enumerate(zip(charges, tallies, strict=True)):
        excess = tally.total + amount - rule.most
        if excess <= 0 or not amount:
            continue
        wait = tally.wait(excess, now)
        if wait is None:
            return Refused(index, None, [each.level(now) for each in tallies])
        if worst < 0 or wait > longest:
            worst, longest = index, wait
    return None if worst < 0 else Refused(worst, longest, [each.level(now) for each in tallies])
