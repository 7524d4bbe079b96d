"""Takes the tilt of a page out of the places of its lines and rules."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median
from typing import Final, TypeAlias

from readstone.core.document import Box, Corners, Line, Point, Rule, Word

LONG: Final = 5.0
"""Lines this many times wider than high tell how the page is tilted."""
_LEVEL: Final = 0.004
"""The slope (a quarter of a degree) under which a page is level: boxes then say where things are."""

Slope: TypeAlias = float
"""Pixels down for each pixel to the right."""


def slope(lines: Iterable[Corners]) -> Slope:
    """How the lines of a page run; 0 where none is long enough to tell, or where they run as good as level."""
    slopes = [
        (b[1] - a[1]) / (b[0] - a[0])
        for a, b, _, d in lines
        if b[0] - a[0] > LONG * math.dist(a, d)
    ]
    tilt = median(slopes) if slopes else 0.0
    return tilt if abs(tilt) > _LEVEL else 0.0


@dataclass(frozen=True, slots=True)
class Levelled:
    """A page's lines and rules as if it were not tilted, and the slope that was taken out."""

    lines: tuple[Line, ...]
    rules: tuple[Rule, ...]
    slope: Slope

    def as_read(self, box: Box) -> Box:
        """The upright box, in pixels of the page as it was read, around a box of the levelled page."""
        return box if self.slope == 0 else _turned_box(box, -self.slope)


def levelled(lines: tuple[Line, ...], rules: tuple[Rule, ...]) -> Levelled:
    """The page turned about its top left corner until its lines are level; as it is where they are."""
    tilt = slope(line.corners for line in lines)
    if tilt == 0:
        return Levelled(lines, rules, tilt)
    turned = tuple(_line(line, tilt) for line in lines)
    return Levelled(turned, tuple(_rule(rule, tilt) for rule in rules), tilt)


def turned(point: Point, tilt: Slope) -> Point:
    """The point once a page of this slope is level."""
    angle = math.atan(tilt)
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = point
    return x * cos + y * sin, y * cos - x * sin


def _turned_box(box: Box, tilt: Slope) -> Box:
    corners = ((box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom))  # fmt: skip
    return _around([turned(corner, tilt) for corner in corners])


def _around(points: list[Point]) -> Box:
    xs, ys = zip(*points, strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def _line(line: Line, tilt: Slope) -> Line:
    a, b, c, d = (turned(corner, tilt) for corner in line.corners)
    words = tuple(_word(word, tilt) for word in line.words)
    return replace(line, corners=(a, b, c, d), box=_around([a, b, c, d]), words=words)


def _word(word: Word, tilt: Slope) -> Word:
    """The word in the box it has on a level page: that around a tilted word is larger than the word."""
    angle = abs(math.atan(tilt))
    cos, sin, double = math.cos(angle), math.sin(angle), math.cos(2 * angle)
    width = max((word.box.width * cos - word.box.height * sin) / double, 1.0)
    height = max((word.box.height * cos - word.box.width * sin) / double, 1.0)
    x, y = turned(word.box.middle, tilt)
    box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return replace(word, box=box)


def _rule(rule: Rule, tilt: Slope) -> Rule:
    (x, y), (end_x, end_y) = (
        turned((rule.x, rule.y), tilt),
        turned((rule.end_x, rule.end_y), tilt),
    )
    if abs(end_x - x) > abs(end_y - y):
        return Rule(x, (y + end_y) / 2, end_x, (y + end_y) / 2)
    return Rule((x + end_x) / 2, y, (x + end_x) / 2, end_y)
