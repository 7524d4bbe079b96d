"""The order in which a page's lines are read, and the visual row each belongs to."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

from readstone.core.document import Corners

SAME_ROW: Final = 0.5


@dataclass(frozen=True, slots=True)
class Placed:
    """A line in its place: its corners as detected and the visual row it stands in, counted from 0."""

    corners: Corners
    row: int


@dataclass(frozen=True, slots=True)
class _Strip:
    corners: Corners
    left: float
    right: float
    middle: float
    height: float


def arrange(lines: Iterable[Corners]) -> tuple[Placed, ...]:
    """Every line once, in reading order: rows from the top, left to right within a row.

    The answer depends on the lines, not on the order they come in.
    """
    strips = _level(sorted(lines))
    return tuple(
        Placed(strip.corners, row) for row, group in enumerate(_rows(strips)) for strip in group
    )


def _level(lines: list[Corners]) -> list[_Strip]:
    slope = _slope(lines)
    return [_strip(corners, slope) for corners in lines]


def _slope(lines: list[Corners]) -> float:
    slopes = [
        (b[1] - a[1]) / (b[0] - a[0])
        for a, b, _, d in lines
        if b[0] - a[0] > 5 * abs(d[1] - a[1]) > 0
    ]
    return median(slopes) if slopes else 0.0


def _strip(corners: Corners, slope: float) -> _Strip:
    a, b, c, d = corners
    middle_x = (a[0] + b[0] + c[0] + d[0]) / 4
    middle_y = (a[1] + b[1] + c[1] + d[1]) / 4
    return _Strip(
        corners=corners,
        left=min(a[0], d[0]),
        right=max(b[0], c[0]),
        middle=middle_y - slope * middle_x,
        height=min(math.dist(a, d), math.dist(a, b)),
    )


def _rows(strips: list[_Strip]) -> list[list[_Strip]]:
    rows: list[list[_Strip]] = []
    for strip in sorted(strips, key=lambda strip: (strip.middle, strip.left, strip.corners)):
        if rows and _belongs(strip, rows[-1]):
            rows[-1].append(strip)
        else:
            rows.append([strip])
    return [sorted(row, key=lambda strip: (strip.left, strip.corners)) for row in rows]


def _belongs(strip: _Strip, row: list[_Strip]) -> bool:
    middle = sum(other.middle for other in row) / len(row)
    height = min(strip.height, median(other.height for other in row))
    return abs(strip.middle - middle) < SAME_ROW * height
