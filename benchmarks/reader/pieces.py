"""Edits between two texts whatever the order of their lines: each line of the one is found in the other piece by piece.

After C. Clausner, S. Pletschacher, A. Antonacopoulos, "Flexible character accuracy measure for reading-order-independent
evaluation", Pattern Recognition Letters 131 (2020): the longest true line first, wherever it is read best; what is left of
either line waits for its own match. Unlike there, lines are parted between words only, so that no stray letter is made up for by
one inside a word.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import Levenshtein
from rapidfuzz.fuzz import partial_ratio_alignment

_LEAST: Final = 50.0
"""How alike two pieces are at least, in percent, to be the same piece misread."""


@dataclass(frozen=True, slots=True)
class _Match:
    """The part of a true piece that a part of what was read is, with the edits between them."""

    true: tuple[int, int]
    read: tuple[int, int]
    edits: int

    @property
    def kept(self) -> int:
        """The characters that it explains, less those that it gets wrong on both sides."""
        return min(self.true[1] - self.true[0], self.read[1] - self.read[0]) - 2 * self.edits


def edits_in_any_order(
    truth: Iterable[str], text: Iterable[str], alone: Callable[[str], bool]
) -> tuple[int, int]:
    """The edits that `text` needs to have every line of `truth`, and the characters of it that are no part of any.

    In what order lines stand and where they are parted does not matter. Lines have single spaces. `alone` tells characters
    that are words by themselves. What is missing counts with all its characters.
    """
    wanted, got = Counter(filter(None, truth)), Counter(filter(None, text))
    same = wanted & got
    true = list((wanted - same).elements())
    read = list((got - same).elements())
    heap = [(-len(piece), piece) for piece in true]
    heapq.heapify(heap)
    edits = 0
    while heap:
        piece = heapq.heappop(heap)[1]
        place, match = _best(piece, read, alone)
        if match is None:
            edits += len(piece)
            continue
        edits += match.edits
        other = read.pop(place)
        read.extend(_rest(other, match.read))
        for left in _rest(piece, match.true):
            heapq.heappush(heap, (-len(left), left))
    return edits, sum(map(len, read))


def _best(piece: str, read: list[str], alone: Callable[[str], bool]) -> tuple[int, _Match | None]:
    """Where the piece is read best, and how; the first of equals."""
    best: tuple[int, _Match | None] = (-1, None)
    for place, other in enumerate(read):
        kept = best[1].kept if best[1] is not None else 0
        if min(len(piece), len(other)) <= kept:
            continue
        match = _match(piece, other, alone)
        if match is not None and match.kept > kept:
            best = place, match
    return best


def _match(piece: str, other: str, alone: Callable[[str], bool]) -> _Match | None:
    """The shorter of both found in the longer, whole words of it."""
    if len(piece) > len(other):
        match = _match(other, piece, alone)
        return None if match is None else _Match(match.read, match.true, match.edits)
    found = partial_ratio_alignment(piece, other, score_cutoff=_LEAST)
    if found is None:
        return None
    matches = [
        _Match((0, len(piece)), (start, end), Levenshtein.distance(piece, other[start:end]))
        for start in _bounds(other, found.dest_start, alone)
        for end in _bounds(other, found.dest_end, alone)
        if start < end
    ]
    return min(matches, key=lambda match: match.edits, default=None)


def _bounds(text: str, place: int, alone: Callable[[str], bool]) -> set[int]:
    """The nearest places at and around `place` where a word begins or ends."""

    def parts(at: int) -> bool:
        if at in {0, len(text)}:
            return True
        before, after = text[at - 1], text[at]
        return before == " " or after == " " or alone(before) or alone(after)

    lower, upper = place, place
    while not parts(lower):
        lower -= 1
    while not parts(upper):
        upper += 1
    return {lower, upper}


def _rest(text: str, taken: tuple[int, int]) -> list[str]:
    sides = text[: taken[0]].strip(), text[taken[1] :].strip()
    return [side for side in sides if side]
