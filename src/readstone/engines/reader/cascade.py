"""Two recognisers in a row: the quick one reads every line, the better one the words that the first is not sure of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from readstone.engines.reader.gaps import Gap, gaps
from readstone.engines.reader.recogniser import Character, mean_confidence, placed

MOSTLY: Final = 0.7
"""The share of a line's width from which on it is read again whole: many short passes cost more than a long one."""
LOST: Final = 0.6
"""The mean confidence under which the first reading is worth nothing, its spaces included."""
PARTED: Final = 7
"""Pixels of bare paper between two words at which a strip may be cut: a narrower gap may be one within a word."""
WORSE: Final = 0.1
"""A second reading that is less certain than the first by more than this is not believed."""

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

    It is where a letter of it is less certain than `letter`, a space beside it less certain than `space`, a
    space within it, that was not read, more probable than `unread`, or any other character more probable than `missed`
    where none was read; all in 0..1.
    """

    letter: float
    space: float
    unread: float
    missed: float


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
        between = _between(strip, seen, words)
        runs = list(_runs(_spread(doubtful, between)))
        cuts = [0, *((gap.start + gap.end) // 2 for gap in between), strip.shape[1]]
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
            first = seen[words[run.start].start : words[run.stop - 1].stop]
            yield from seen[done : words[run.start].start]
            start, end = cuts[run.start], cuts[run.stop]
            again = _bare(self._second.read(strip[:, start:end]))
            if again and mean_confidence(again) < mean_confidence(first) - WORSE:
                yield from first
            else:
                yield from placed(again, start / width, end / width)
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
        # The character behind a word tells what was missed at its end.
        or any(character.missed > gate.missed for character in seen[word.start : word.stop + 1])
        for word in words
    ]
    for number in range(1, len(words)):
        spaces = seen[words[number - 1].stop : words[number].start]
        if min(space.confidence for space in spaces) < gate.space:
            doubtful[number - 1] = doubtful[number] = True
    return doubtful


def _spread(doubtful: Sequence[bool], between: Sequence[Gap]) -> list[bool]:
    """The same with doubt of a word spread to its neighbours from which it cannot be cut."""
    spread = list(doubtful)
    ways = range(1, len(spread)), range(len(spread) - 1, 0, -1)
    for number in (number for way in ways for number in way):
        if between[number - 1].width < PARTED:
            spread[number - 1] = spread[number] = spread[number - 1] or spread[number]
    return spread


def _runs(doubtful: Sequence[bool]) -> Iterator[range]:
    """The stretches of doubtful words."""
    for doubt, group in groupby(range(len(doubtful)), lambda number: doubtful[number]):
        if doubt:
            numbers = list(group)
            yield range(numbers[0], numbers[-1] + 1)


def _between(
    strip: NDArray[np.uint8], seen: Sequence[Character], words: Sequence[Word]
) -> list[Gap]:
    """The bare paper between each word and the next, in pixels of the strip."""
    width = strip.shape[1]
    middles = [
        (seen[place].left + seen[place].right) / 2 * width for word in words for place in word
    ]
    beside = gaps(strip, middles)
    return [beside[end] for end in accumulate(map(len, words[:-1]))]


def _bare(characters: Sequence[Character]) -> Sequence[Character]:
    """Without the spaces at both ends."""
    shown = [place for place, character in enumerate(characters) if character.text.strip()]
    return characters[shown[0] : shown[-1] + 1] if shown else ()
