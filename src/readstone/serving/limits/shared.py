"""Counters of several processes of one machine, in memory they share: exact between them, without a message or a wait.

A process inherits the memory as a file descriptor. Every counter has a slot of numbers in it; whoever counts holds a lock
of the kernel's that ends with its holder, so a process that is killed stops nobody.
"""

import mmap
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from readstone.serving.limits.counters import (
    Charge,
    CountersFailed,
    Level,
    Outcome,
    Refused,
    Taken,
    Unknown,
)
from readstone.serving.limits.rules import Calendar, Lease, Rule, Window
from readstone.serving.limits.tally import LEASE_WAIT
from readstone.serving.limits.turn import Turn

MOST_PROCESSES: Final = 64

_OFFSET, _IS_OPEN, _FIRST = 0, 1, 8
"""Of the memory: what is added to the machine's clock (µs), whether a charge is half made, and where the index begins.

Slots come after it: looking for one touches little of what nobody uses yet.
"""
_HIGH, _DIES, _ENTRY = 1, 2, 4
"""Of the index: the digest of a counter's name (its other half is first), when all it counts is forgotten, and how long an entry is."""
_TOTAL, _OLDEST, _NEWEST, _CELLS = 0, 1, 2, 4
"""Of a slot: what it counts, its oldest and newest cell, its cells."""
_RING: Final = 64
"""Cells of a slot, by the number of their time: more than any window has."""
_HELD: Final = _CELLS + _RING
"""Of a slot: what each process has taken of it and not given back; of leases only."""
_WIDTH: Final = _HELD + MOST_PROCESSES
SLOTS: Final = 64 * 1024
_NEAR: Final = 32
"""Slots that a counter may have: from the one its name leads to."""
_RESERVED: Final = 2
"""Seconds for which a slot is its counter's although it counts nothing."""
_NOTHING: Final = memoryview(bytes(8 * _WIDTH)).cast("q")
_KNOWN: Final = 4096
_MICROS: Final = 1_000_000


def make_memory(slots: int = SLOTS) -> int:
    """New memory, as a file descriptor to inherit; what is not used of it takes no room."""
    descriptor = os.memfd_create("readstone-limits")
    os.ftruncate(descriptor, 8 * (_FIRST + slots * (_ENTRY + _WIDTH)))
    offset = int((time.time() - time.monotonic()) * _MICROS)
    os.pwrite(descriptor, offset.to_bytes(8, "little", signed=True), 8 * _OFFSET)
    return descriptor


class _Slot(NamedTuple):
    """Where a counter stands: in the index, and its numbers."""

    entry: int
    body: int


class SharedCounters:
    """Counts as process `number` in the memory of a descriptor; by the machine's clock, shared too, unless there is another.

    CountersFailed where there is no room for one counter more.
    """

    def __init__(
        self, descriptor: int, number: int, clock: Callable[[], float] | None = None
    ) -> None:
        self._descriptor = os.dup(descriptor)
        self._number = number
        self._memory = mmap.mmap(descriptor, 0)
        self._words = memoryview(self._memory).cast("q")
        self._slots = (len(self._words) - _FIRST) // (_ENTRY + _WIDTH)
        self._turn = Turn(self._descriptor, self._words, _IS_OPEN, self._mend)
        self._known: dict[str, _Slot] = {}
        self._digests: dict[str, tuple[int, int]] = {}
        shift = self._words[_OFFSET] / _MICROS
        self._now = clock or (lambda: shift + time.monotonic())

    async def take(
        self, charges: Sequence[Charge], begins: Mapping[str, int] | None = None
    ) -> Outcome:
        """Charge everything or nothing."""
        with self._turn:
            now = self._now()
            slots = [self._slot(charge.rule, now) for charge in charges]
            unknown = self._unknown(charges, slots, now)
            if unknown:
                if begins is None:
                    return Unknown(now, unknown)
                for index in unknown:
                    rule = charges[index].rule
                    self._add(slots[index], rule, rule.window.cell(now), begins.get(rule.name, 0))
            if refused := self._refusal(charges, slots, now):
                return refused
            for charge, slot in zip(charges, slots, strict=True):
                if charge.amount:
                    self._add(slot, charge.rule, charge.rule.window.cell(now), charge.amount)
            return Taken(now, self._levels(charges, slots, now))

    async def correct(self, at: float, charges: Sequence[Charge]) -> None:
        """Add to what was taken at that time."""
        with self._turn:
            now = self._now()
            for charge in charges:
                slot = self._find(charge.rule.name)
                cell = charge.rule.window.cell(at)
                if slot is not None and self._is_kept(slot, charge.rule.window, cell, now):
                    self._add(slot, charge.rule, cell, charge.amount)

    def release(self, number: int) -> None:
        """Give back what a process took that has ended: its requests do not run any more."""
        words = self._words
        with self._turn:
            for slot in self._used():
                if held := words[slot.body + _HELD + number]:
                    words[slot.body + _HELD + number] = 0
                    self._take_off(slot, held)

    async def close(self) -> None:
        """Let go of the memory."""
        self._words.release()
        self._memory.close()
        os.close(self._descriptor)

    def _mend(self) -> None:
        """Somebody ended in the middle of a charge: cells count, sums are made of them."""
        words = self._words
        for slot in self._used():
            if words[slot.entry + _DIES]:
                words[slot.body + _TOTAL] = sum(words[slot.body + _CELLS : slot.body + _HELD])

    def _slot(self, rule: Rule, now: float) -> _Slot:
        """The rule's slot without what is forgotten by now; made where there is none."""
        slot = self._find(rule.name)
        if slot is None:
            slot = self._make(rule.name, now)
        self._forget(slot, rule.window, now)
        return slot

    def _find(self, name: str) -> _Slot | None:
        words = self._words
        low, high = self._digest(name)
        known = self._known.get(name)
        if known is not None and words[known.entry] == low and words[known.entry + _HIGH] == high:
            return known
        for slot in self._near(low):
            if words[slot.entry] == low and words[slot.entry + _HIGH] == high:
                if len(self._known) >= _KNOWN:
                    self._known.clear()
                self._known[name] = slot
                return slot
        return None

    def _make(self, name: str, now: float) -> _Slot:
        words = self._words
        low, high = self._digest(name)
        for slot in self._near(low):
            if words[slot.entry + _DIES] <= now:
                words[slot.body : slot.body + _WIDTH] = _NOTHING
                words[slot.entry], words[slot.entry + _HIGH] = low, high
                words[slot.entry + _DIES] = int(now) + _RESERVED
                return slot
        raise CountersFailed("There is no room for more counters.")

    def _near(self, low: int) -> Iterator[_Slot]:
        first = low % max(self._slots - _NEAR, 1)
        return map(self._at, range(first, min(first + _NEAR, self._slots)))

    def _used(self) -> Iterator[_Slot]:
        """Every slot that ever counted something."""
        words = self._words
        return (
            self._at(number)
            for number in range(self._slots)
            if words[_FIRST + number * _ENTRY + _DIES]
        )

    def _at(self, number: int) -> _Slot:
        body = _FIRST + self._slots * _ENTRY + number * _WIDTH
        return _Slot(_FIRST + number * _ENTRY, body)

    def _digest(self, name: str) -> tuple[int, int]:
        digest = self._digests.get(name)
        if digest is None:
            if len(self._digests) >= _KNOWN:
                self._digests.clear()
            raw = blake2b(name.encode(), digest_size=16).digest()
            # Nobody's digest is 0, which is a slot's that was never used.
            low = int.from_bytes(raw[:8], "little", signed=True) or 1
            digest = self._digests[name] = low, int.from_bytes(raw[8:], "little", signed=True)
        return digest

    def _forget(self, slot: _Slot, window: Window, now: float) -> None:
        words = self._words
        if words[slot.entry + _DIES] <= now:
            words[slot.body : slot.body + _WIDTH] = _NOTHING
            words[slot.entry + _DIES] = int(now) + _RESERVED
        elif words[slot.body + _NEWEST] and not isinstance(window, Calendar):
            size = window.cell_seconds
            cell = words[slot.body + _OLDEST]
            while window.expiry(cell) <= now:
                at = slot.body + _CELLS + cell // size % _RING
                words[slot.body + _TOTAL] -= words[at]
                words[at] = 0
                cell += size
            words[slot.body + _OLDEST] = cell

    def _is_kept(self, slot: _Slot, window: Window, cell: int, now: float) -> bool:
        """Whether that cell of a slot is not forgotten."""
        words = self._words
        if words[slot.entry + _DIES] <= now or window.expiry(cell) <= now:
            return False
        if isinstance(window, Calendar):
            return words[slot.body + _NEWEST] == cell
        return words[slot.body + _OLDEST] <= cell <= words[slot.body + _NEWEST]

    def _add(self, slot: _Slot, rule: Rule, cell: int, amount: int) -> None:
        words, window = self._words, rule.window
        at = slot.body + _CELLS
        if not isinstance(window, Calendar):
            at += cell // window.cell_seconds % _RING
        if not words[slot.body + _NEWEST]:
            words[slot.body + _OLDEST] = cell
        if cell > words[slot.body + _NEWEST]:
            words[slot.body + _NEWEST] = cell
            words[slot.entry + _DIES] = window.expiry(cell)
        words[at] += amount
        words[slot.body + _TOTAL] += amount
        if isinstance(window, Lease):
            words[slot.body + _HELD + self._number] += amount

    def _take_off(self, slot: _Slot, amount: int) -> None:
        """Take so much from a slot's cells, the oldest first."""
        words = self._words
        for at in range(slot.body + _CELLS, slot.body + _HELD):
            part = min(words[at], amount)
            words[at] -= part
            words[slot.body + _TOTAL] -= part
            amount -= part

    def _unknown(self, charges: Sequence[Charge], slots: Sequence[_Slot], now: float) -> list[int]:
        words = self._words
        return [
            index
            for index, (charge, slot) in enumerate(zip(charges, slots, strict=True))
            if isinstance(charge.rule.window, Calendar)
            and words[slot.body + _NEWEST] != charge.rule.window.cell(now)
        ]

    def _refusal(
        self, charges: Sequence[Charge], slots: Sequence[_Slot], now: float
    ) -> Refused | None:
        words = self._words
        worst, longest = -1, 0.0
        for index, (charge, slot) in enumerate(zip(charges, slots, strict=True)):
            excess = words[slot.body + _TOTAL] + charge.amount - charge.rule.most
            if excess <= 0 or not charge.amount:
                continue
            wait = self._wait(slot, charge.rule.window, excess, now)
            if wait is None:
                return Refused(index, None, self._levels(charges, slots, now))
            if worst < 0 or wait > longest:
                worst, longest = index, wait
        if worst < 0:
            return None
        return Refused(worst, longest, self._levels(charges, slots, now))

    def _wait(self, slot: _Slot, window: Window, excess: int, now: float) -> float | None:
        """Seconds until so much is forgotten; None where there is not so much."""
        words = self._words
        if not words[slot.body + _NEWEST]:
            return None
        if isinstance(window, Calendar):
            return words[slot.entry + _DIES] - now if words[slot.body + _CELLS] >= excess else None
        size = window.cell_seconds
        for cell in range(words[slot.body + _OLDEST], words[slot.body + _NEWEST] + 1, size):
            excess -= words[slot.body + _CELLS + cell // size % _RING]
            if excess <= 0:
                return LEASE_WAIT if isinstance(window, Lease) else window.expiry(cell) - now
        return None

    def _levels(self, charges: Sequence[Charge], slots: Sequence[_Slot], now: float) -> list[Level]:
        words = self._words
        return [
            Level(used, words[slot.entry + _DIES] - now)
            if (used := words[slot.body + _TOTAL])
            else Level(0, 0.0)
            for _, slot in zip(charges, slots, strict=True)
        ]
