"""Which way up a page is: told by how a few of its lines read, so that upright pages pay nothing for it."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from readstone.core.document import Corners, Line, Turn

SURE: Final = 0.92
"""A line read upside down is hardly ever this sure of itself: 1 to 9 % of the lines of turned pages."""
_TELLING: Final = 0.8
"""The least confidence of a line that says which way up it is."""
_LETTERS: Final = 4
"""Letters and digits of such a line at least: "0" and "8" read well either way."""
_LEAD: Final = 2
"""Lines by which one way must be ahead to be believed at once."""
_ASKED: Final = 8
"""Lines that are asked at most."""
_ASPECT: Final = 8.0
"""The length by height of the lines that are asked first: about a dozen letters, read in one small pass."""
_LONG: Final = 2.0
"""Lines this many times longer than high tell which way the page lies."""


def turn_of(lines: Sequence[Corners], read: Callable[[Corners], Line | None]) -> Turn:
    """How far the page must be turned clockwise to stand upright; 0 where its lines do not agree.

    `lines` are as detected, top left first as seen on the page. `read` gives a line in the way that reads
    best, with its corners in the text's own order; it is asked for two lines of an upright page, which are
    read in any case, and for at most eight of others.
    """
    votes: Counter[Turn] = Counter()
    for corners in sorted(_telling(lines), key=_worth)[:_ASKED]:
        line = read(corners)
        if line is None or line.confidence < _TELLING or _letters(line.text) < _LETTERS:
            continue
        votes[_turn(corners, line.corners)] += 1
        ahead = votes.most_common(2)
        if ahead[0][1] - (ahead[1][1] if len(ahead) > 1 else 0) >= _LEAD:
            break
    (turn, most), *others = votes.most_common(2) or [(_UPRIGHT, 0)]
    return _UPRIGHT if others and others[0][1] == most else turn


_UPRIGHT: Final[Turn] = 0
_TURNS: Final[tuple[Turn, ...]] = (0, 270, 180, 90)
"""By the corner of the line, as seen on the page, at which its text begins."""


def _telling(lines: Sequence[Corners]) -> list[Corners]:
    """The long lines that run as most of the page's text does: across it, or up and down."""
    across = [line for line in lines if _aspect(line) >= _LONG]
    down = [line for line in lines if _aspect(line) <= 1 / _LONG]
    return down if sum(map(_length, down)) > sum(map(_length, across)) else across


def _worth(line: Corners) -> tuple[float, Corners]:
    aspect = _aspect(line)
    return abs(max(aspect, 1 / aspect) - _ASPECT), line


def _aspect(line: Corners) -> float:
    """Width by height, as seen on the page."""
    a, b, c, d = line
    return max(math.dist(a, b), math.dist(d, c), 1.0) / max(math.dist(a, d), math.dist(b, c), 1.0)


def _length(line: Corners) -> float:
    a, b, _, d = line
    return max(math.dist(a, b), math.dist(a, d))


def _turn(seen: Corners, read: Corners) -> Turn:
    return _TURNS[seen.index(read[0])]


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
