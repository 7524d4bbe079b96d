"""A board: the numbers of one process, in memory that the other processes of its server can read at any time."""

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from readstone.telemetry.metrics.families import FAMILIES, NUMBERS
from readstone.telemetry.metrics.family import Family

Labels: TypeAlias = tuple[str, ...]

_NUMBERS: Final = 64 * 1024
"""Numbers of a board: some 3,000 histograms. What is not used takes no memory."""
_TEXT: Final = 4 * 1024 * 1024
_BYTES: Final = _NUMBERS * 8
_USED, _PID, _FIRST = range(3)
"""The first numbers: bytes of the directory, the process that counts, and where series begin."""
_GONE: Final = nan
"""A gauge of what is not there any more, such as an engine's; its place waits for it to come back."""


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of a family for one set of labels."""

    family: Family
    labels: Labels
    numbers: tuple[float, ...]


class _Place(msgspec.Struct, array_like=True):
    """A line of the directory: where a series stands."""

    family: int
    labels: Labels
    first: int


class Board:
    """Counts for one process, on its event loop only: numbers first, then a directory of what they are, one line each.

    With a `file`, what an earlier process counted there goes on, as Prometheus expects of counters; its gauges begin anew, those
    with labels when they are said.
    Without one nobody else can see it. A number is eight aligned bytes, so a reader never sees half of one. What finds no room
    is not counted.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._memory = _map(file)
        self.numbers = memoryview(self._memory)[:_BYTES].cast("d")
        """For those who count often: an index of `series` and arithmetic."""
        self._places: dict[tuple[str, Labels], int] = {}
        self._said: dict[int, None] = {}
        self._before: dict[int, None] = {}
        self._next = _FIRST
        for place in _directory(self._memory):
            family = FAMILIES[place.family]
            self._places[family.name, place.labels] = place.first
            self._next = place.first + family.width
            if family.kind == "gauge":
                self.numbers[place.first] = _GONE if place.labels else 0.0
        self._next = max(self._next, _FIRST)
        self.numbers[_PID] = os.getpid()

    @property
    def pid(self) -> int:
        """The process that counts."""
        return int(self.numbers[_PID])

    def series(self, family: Family, labels: Labels = ()) -> int:
        """The index of a series' first number; where there is no more room, of numbers that nobody reads."""
        first = self._places.get((family.name, labels))
        return self._add(family, labels) if first is None else first

    def add(self, family: Family, labels: Labels = (), amount: float = 1.0) -> None:
        """Count."""
        self.numbers[self.series(family, labels)] += amount

    def set(self, family: Family, labels: Labels, value: float) -> None:
        """Say what a gauge is now."""
        index = self.series(family, labels)
        self._said[index] = None
        self.numbers[index] = value

    def forget_unsaid(self) -> None:
        """Have the gauges be gone that were not said since this was called before: they are of what is not there any more."""
        for index in self._before.keys() - self._said.keys():
            self.numbers[index] = _GONE
        self._before, self._said = self._said, {}

    def observe(self, family: Family, labels: Labels, value: float) -> None:
        """Add to a histogram."""
        first = self.series(family, labels)
        self.numbers[first + bisect_left(family.buckets, value)] += 1.0
        self.numbers[first + len(family.buckets) + 1] += value

    def read(self) -> Iterator[Series]:
        """Every series as it is now, but gauges that are gone."""
        return _read(self._memory)

    def close(self) -> None:
        """Let go of the memory; a file stays, for the next process and for those that read."""
        self.numbers.release()
        self._memory.close()

    def _add(self, family: Family, labels: Labels) -> int:
        first, used = self._next, int(self.numbers[_USED])
        line = msgspec.json.encode(_Place(NUMBERS[family.name], labels, first)) + b"\n"
        if first + family.width > _NUMBERS - _LONGEST or used + len(line) > _TEXT:
            return _NUMBERS - _LONGEST
        self._memory[_BYTES + used : _BYTES + used + len(line)] = line
        self.numbers[_USED] = used + len(line)  # last: who reads up to here finds it whole
        self._next = first + family.width
        self._places[family.name, labels] = first
        return first


_LONGEST: Final = max(family.width for family in FAMILIES)


def read_boards(folder: Path) -> Iterator[tuple[Path, int, list[Series]]]:
    """Every board of a folder: its file, its process id and its series."""
    for file in sorted(folder.glob("*.board")):
        with file.open("rb") as opened:
            memory = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        with memory:
            (pid,) = _doubles(memory, _PID, 1)
            yield file, int(pid), list(_read(memory))


def _map(file: Path | None) -> mmap.mmap:
    size = _BYTES + _TEXT
    if file is None:
        return mmap.mmap(-1, size)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("ab+") as opened:
        opened.truncate(size)  # full of holes: only what is written takes space
        return mmap.mmap(opened.fileno(), size)


def _directory(memory: mmap.mmap) -> list[_Place]:
    (used,) = _doubles(memory, _USED, 1)
    lines = memory[_BYTES : _BYTES + int(used)].splitlines()
    return msgspec.json.decode(b"[" + b",".join(lines) + b"]", type=list[_Place])


def _read(memory: mmap.mmap) -> Iterator[Series]:
    for place in _directory(memory):
        family = FAMILIES[place.family]
        numbers = _doubles(memory, place.first, family.width)
        if not isnan(numbers[0]):
            yield Series(family, place.labels, numbers)


def _doubles(memory: mmap.mmap, first: int, count: int) -> tuple[float, ...]:
    with (
        memoryview(memory) as view,
        view[first * 8 : (first + count) * 8] as part,
        part.cast("d") as numbers,
    ):
        return tuple(numbers)
