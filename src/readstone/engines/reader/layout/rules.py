"""The straight lines drawn on a page: frames of cells, lines under headings, but no letters."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from readstone.core.document import Corners, Point, Rule
from readstone.engines.reader.layout.level import Slope, slope, turned

MOST_PIXELS: Final = 2_200_000
"""Pages are looked at in at most this many pixels: A4 at 150 dots per inch."""
MOST_RULES: Final = 600
"""The longest are kept: a page with more shows a drawing or a photo."""
LONG: Final = (2.0, 1.4)
"""Text heights from which a line across the page, and one down it, is a rule: longer than a dash, higher than a letter."""
THICK: Final = 0.5
"""Text heights up to which a dark bar is a rule."""
_NEIGHBOURHOOD: Final = 15
_DARKER: Final = 10
"""Ink is this much (of 255) darker than the mean of the 15 x 15 pixels around it."""
_FOLD: Final = 4
_SOLID: Final = 200
"""Pixels along a line are folded by four, and are ink where about four fifths of them (200 of 255) are."""
_BESIDE: Final = (1, 4)
"""Pixels beside a run that are looked at: from, to."""
_GOES_ON: Final = 0.3
"""The share of ink beside a run from which it is part of letters."""
_USUAL_TEXT: Final = 24.0
_OUTER: Final = 3
_NONE: Final = -1
"""Where OpenCV says what an outline is the hole of, and that it is of nothing."""


def rules(image: NDArray[np.uint8], lines: Sequence[Corners]) -> tuple[Rule, ...]:
    """The rules of a page, from the top down and from the left: those across the page first.

    `image` is RGB, height x width x 3; `lines` are the detected lines of its text. Rules are in pixels of
    `image`. Those that do not run across or down as the page's text does are not found.
    """
    height, width = image.shape[:2]
    # Whole factors are several times cheaper than others.
    factor = math.ceil(math.sqrt(width * height / MOST_PIXELS))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if factor > 1:
        size = max(1, width // factor), max(1, height // factor)
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    tilt = slope(lines)
    corner = (0.0, 0.0)
    if tilt:
        grey, corner = _level(grey, tilt)
    ink = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, _NEIGHBOURHOOD, _DARKER
    )
    text = text_height(lines) / factor
    across = sorted(Rule(x, y, end, y) for x, y, end in _runs(ink, LONG[0] * text, THICK * text))
    # Turned on its side, what runs down runs across.
    side = cv2.transpose(ink)
    down = sorted(Rule(x, y, x, end) for y, x, end in _runs(side, LONG[1] * text, THICK * text))
    view = _View(factor, tilt, corner)
    found = [view.placed(rule) for rule in (*across, *down)]
    if len(found) > MOST_RULES:
        least = sorted(map(_length, found))[-MOST_RULES]
        found = [rule for rule in found if _length(rule) >= least][:MOST_RULES]
    return tuple(found)


def text_height(lines: Sequence[Corners]) -> float:
    """The usual height in pixels of detected lines of text; that of print at 150 dots per inch where there are none."""
    heights = [min(math.dist(a, b), math.dist(a, d)) for a, b, _, d in lines]
    return max(8.0, median(heights)) if heights else _USUAL_TEXT


def _runs(
    ink: cv2.typing.MatLike, shortest: float, thickest: float
) -> Iterator[tuple[float, float, float]]:
    """Runs of ink across a page as left, middle and right."""
    height, width = ink.shape[:2]
    # A rule that is a little tilted goes on in the pixels above or below.
    spread = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    # Of whole folds: what is left over at the right, three pixels at most, would cost as much as all the others.
    whole = max(1, width // _FOLD)
    spread = spread[:, : whole * _FOLD]
    folded = cv2.resize(spread, (whole, height), interpolation=cv2.INTER_AREA)
    _, solid = cv2.threshold(folded, _SOLID, 255, cv2.THRESH_BINARY)
    stride = spread.shape[1] / whole
    # Of an even length it would shift what it keeps.
    kernel = np.ones((1, max(3, round(shortest / stride) | 1)), np.uint8)
    long = cv2.morphologyEx(solid, cv2.MORPH_OPEN, kernel)
    # A page has few runs: following their outlines is quicker than naming the run of every pixel.
    outlines, nesting = cv2.findContours(long, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for number, outline in enumerate(outlines):
        if nesting[0, number, _OUTER] != _NONE:
            continue
        left, top, across, down = cv2.boundingRect(outline)
        # The pixels that were spread do not count.
        begin, end = round(left * stride), round((left + across) * stride)
        if down - 2 <= thickest and not _is_text(ink, (begin, end), (top + 1, top + down - 1)):
            yield left * stride, top + down / 2, (left + across) * stride


def _is_text(ink: cv2.typing.MatLike, across: tuple[int, int], down: tuple[int, int]) -> bool:
    """Whether ink goes on above or below a run, as the strokes of heavy letters do."""
    columns = slice(*across)
    above = ink[max(0, down[0] - _BESIDE[1]) : max(0, down[0] - _BESIDE[0]), columns]
    below = ink[down[1] + _BESIDE[0] : down[1] + _BESIDE[1], columns]
    return any(side.size and cv2.mean(side)[0] > _GOES_ON * 255 for side in (above, below))


def _level(grey: cv2.typing.MatLike, tilt: Slope) -> tuple[cv2.typing.MatLike, Point]:
    """The image turned level, whole, and where its top left corner is in it; its rim goes on around it."""
    height, width = grey.shape[:2]
    corners = [
        turned(corner, tilt) for corner in ((0, 0), (width, 0), (width, height), (0, height))
    ]
    xs, ys = zip(*corners, strict=True)
    left, top = -min(xs), -min(ys)
    (a, b), (c, d) = turned((1, 0), tilt), turned((0, 1), tilt)
    turn = np.array([[a, c, left], [b, d, top]], np.float64)
    size = math.ceil(max(xs) + left), math.ceil(max(ys) + top)
    return cv2.warpAffine(grey, turn, size, borderMode=cv2.BORDER_REPLICATE), (left, top)


@dataclass(frozen=True, slots=True)
class _View:
    """How a page was looked at: so many times smaller, then turned level, with its top left corner at `corner`."""

    factor: int
    tilt: Slope
    corner: Point

    def placed(self, rule: Rule) -> Rule:
        """The rule in pixels of the page."""
        x, y = self._point(rule.x, rule.y)
        end_x, end_y = self._point(rule.end_x, rule.end_y)
        return Rule(x, y, end_x, end_y)

    def _point(self, x: float, y: float) -> Point:
        left, top = self.corner
        x, y = turned((x - left, y - top), -self.tilt)
        return x * self.factor, y * self.factor


def _length(rule: Rule) -> float:
    return rule.end_x - rule.x + rule.end_y - rule.y
