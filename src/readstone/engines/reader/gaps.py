"""Gaps: how much paper the page shows between the neighbouring characters of a line."""

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from readstone.core.record import record

INK: Final = 0.4
"""A column is bare below this share of the line's contrast: a faint smear is no ink."""
MARGIN: Final = 6
"""Rows at the rim that belong to the lines above and below as often as to this one."""


@record
class Gap:
    """The widest stretch without ink between two characters, in pixels of the strip; start <= end."""

    start: int
    end: int

    @property
    def width(self) -> int:
        """Pixels of bare paper; 0 where the characters touch."""
        return self.end - self.start


def gaps(strip: NDArray[np.uint8], middles: list[float]) -> list[Gap]:
    """The gaps before, between and after characters that stand at `middles` (pixels, ascending).

    `strip` is RGB, 48 x width x 3, text of either brightness. For n > 0 characters there are n + 1
    gaps: the first ends at the first ink, the last starts behind the last.
    """
    runs = bare_runs(strip)
    width = strip.shape[1]
    stops = [0, *(min(width, max(0, round(middle))) for middle in middles), width]
    return [_widest(runs, start, max(start, end)) for start, end in pairwise(stops)]


def bare_runs(strip: NDArray[np.uint8]) -> list[Gap]:
    """Every stretch of a strip without ink, from left to right."""
    grey = np.asarray(cv2.cvtColor(strip[MARGIN:-MARGIN], cv2.COLOR_RGB2GRAY), np.uint8)
    paper = _median(grey)
    lightest, darkest = grey.max(axis=0).astype(np.int16), grey.min(axis=0).astype(np.int16)
    contrast = np.maximum(lightest - paper, paper - darkest)
    bare = contrast < INK * _percentile(contrast, 0.9)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bare.astype(np.int8), [0]))))
    ends: list[int] = edges.tolist()
    return [Gap(start, end) for start, end in zip(ends[::2], ends[1::2], strict=True)]


def _median(grey: NDArray[np.uint8]) -> int:
    # Counting 256 shades takes a tenth of the time of sorting the pixels.
    shades = np.bincount(grey.ravel(), minlength=256).cumsum()
    return int(np.searchsorted(shades, grey.size / 2))


def _percentile(values: NDArray[np.int16], share: float) -> int:
    place = int(share * (len(values) - 1))
    return int(np.partition(values, place)[place])


def _widest(runs: list[Gap], start: int, end: int) -> Gap:
    first = bisect_right(runs, start, key=lambda run: run.end)
    last = bisect_left(runs, end, key=lambda run: run.start)
    inside = [Gap(max(run.start, start), min(run.end, end)) for run in runs[first:last]]
    middle = (start + end) // 2
    return max(inside, key=lambda gap: gap.width, default=Gap(middle, middle))
