"""Two recognisers in a row: the quick one reads every line, the better one the words that the first is not sure of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from readstone.engines.reader.gaps import gaps
from readstone.engines.reader.recogniser import Character, mean_confidence, placed

MOSTLY: Final = 0.7
"""The share of a line's width from which on it is read again whole: many short passes cost more than a long one."""
LOST: Final = 0.6
"""The mean confidence under which the first reading is worth nothing, its spaces included."""

Word: TypeAlias = range
"""The characters of a word, by their places in the line."""


class Strips(Protocol):
    """What reads strips: one recogniser, or two in a row."""

    @property
    def alphabet(self) -> frozenset[str]:
        """The characters it can read."""
        ...

    def read(self, strip: NDArray[np.uint8]) -> tuple[Character, ...]:
        """The characters of an RGB strip (48 x width x 3), from left to right; () where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Gate:
    """When a word is read again.

    It is where a letter of it is less certain than `letter`, a space beside it less certain than `space`, or a
    space within it, that was not read, more probable than `unread`; all in 0..1.
    """

    letter: float
    space: float
    unread: float


class Cascade:
    """Reads strips; threads may share it. What it says of a strip depends on nothing else."""

    def __init__(self, first: Strips, second: Strips, gate: Gate) -> None:
        self._first = first
        self._second = second
        self._gate = gate

    @property
    def alphabet(self) -> frozenset[str]:
        """The characters it can read where it looks twice."""
        return self._second.alphabet

    def read(self, strip: NDArray[np.uint8]) -> tuple[Character, ...]:
        """The characters of an RGB strip (48 x width x 3), from left to right; () where there are none."""
        seen = self._first.read(strip)
        if mean_confidence(seen) < LOST:
            return self._second.read(strip)
        words = _words(seen)
        doubtful = _doubtful(seen, words, self._gate)
        if not any(doubtful):
            return seen
        cuts = _cuts(strip, seen, words)
        runs = list(_runs(doubtful))
        if sum(cuts[run.stop] - cuts[run.start] for run in runs) > MOSTLY * strip.shape[1]:
            return self._second.read(strip)
        return tuple(self._patched(strip, seen, words, cuts, runs))

    def _patched(
        self,
        strip: NDArray[np.uint8],
        seen: Sequence[Character],
        words: Sequence[Word],
        cuts: Sequence[int],
        runs: Sequence[range],
    ) -> Iterator[Character]:
        width = strip.shape[1]
        done = 0
        for run in runs:
            yield from seen[done : words[run.start].start]
            start, end = cuts[run.start], cuts[run.stop]
            again = self._second.read(strip[:, start:end])
            yield from placed(_bare(again), start / width, end / width)
            done = words[run.stop - 1].stop
        yield from seen[done:]


def _words(seen: Sequence[Character]) -> list[Word]:
    words: list[Word] = []
    for shows, group in groupby(range(len(seen)), lambda place: bool(seen[place].text.strip())):
        if shows:
            places = list(group)
            words.append(range(places[0], places[-1] + 1))
    return words


def _doubtful(seen: Sequence[Character], words: Sequence[Word], gate: Gate) -> list[bool]:
    doubtful = [
        any(seen[place].confidence < gate.letter for place in word)
        or any(seen[place].space > gate.unread for place in word[1:])
        for word in words
    ]
    for number in range(1, len(words)):
        spaces = seen[words[number - 1].stop : words[number].start]
        if min(space.confidence for space in spaces) < gate.space:
            doubtful[number - 1] = doubtful[number] = True
    return doubtful


def _runs(doubtful: Sequence[bool]) -> Iterator[range]:
    """The stretches of doubtful words."""
    for doubt, group in groupby(range(len(doubtful)), lambda number: doubtful[number]):
        if doubt:
            numbers = list(group)
            yield range(numbers[0], numbers[-1] + 1)


def _cuts(strip: NDArray[np.uint8], seen: Sequence[Character], words: Sequence[Word]) -> list[int]:
    """Where the strip may be cut, in pixels: before each word, and at its end."""
    width = strip.shape[1]
    middles = [
        (seen[place].left + seen[place].right) / 2 * width for word in words for place in word
    ]
    between = gaps(strip, middles)
    cuts = [0]
    count = 0
    for word in words[:-1]:
        count += len(word)
        gap = between[count]
        cuts.append((gap.start + gap.end) // 2)
    return [*cuts, width]


def _bare(characters: Sequence[Character]) -> Sequence[Character]:
    """Without the spaces at both ends."""
    shown = [place for place, character in enumerate(characters) if character.text.strip()]
    return characters[shown[0] : shown[-1] + 1] if shown else ()
