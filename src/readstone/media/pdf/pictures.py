"""What a page of a PDF shows beside its text layer: enough to say where else there may be something to read."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from readstone.media.pdf.binding import Mark
from readstone.media.pdf.frame import Frame

_MOST_MARKS: Final = 20_000
"""Looked at on one page; a map or a drawing of more is taken for a picture."""
_GRID: Final = 100
"""Squares along each side of the page in which the images' share of it is counted."""
_LEGIBLE: Final = 12
"""Pixels: an image less wide or high than this has no letters in it."""
_CURVES: Final = 24
"""Curved pieces of all paths from which letters may be among them; four make a round corner each."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """`covered` is the share of the page (0..1) that images lie on; `legible`: images or paths may show letters."""

    covered: float
    legible: bool


def look(marks: Iterable[Mark], frame: Frame) -> Pictures:
    """Where images lie on a page, by their bounds, and whether paths may be letters."""
    grid = np.zeros((_GRID, _GRID), np.bool_)
    curves = seen = 0
    legible = False
    for mark in islice(marks, _MOST_MARKS):
        seen += 1
        curves += mark.curves
        if mark.kind == "image":
            legible |= _lay(grid, mark, frame)
    return Pictures(float(grid.mean()), legible or curves >= _CURVES or seen == _MOST_MARKS)


def _lay(grid: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]", mark: Mark, frame: Frame) -> bool:
    """Lay an image on the grid; whether it is large enough for letters."""
    left, bottom, right, top = mark.bounds
    (x0, y0), (x1, y1) = frame.place(left, bottom), frame.place(right, top)
    values = np.nan_to_num(np.array([x0, x1, y0, y1]), nan=0.0, posinf=1e9, neginf=-1e9)
    across = np.sort(values[:2].clip(0, frame.width))
    down = np.sort(values[2:].clip(0, frame.height))
    columns = np.rint(across / frame.width * _GRID).astype(int)
    rows = np.rint(down / frame.height * _GRID).astype(int)
    grid[rows[0] : rows[1], columns[0] : columns[1]] = True
    return bool(np.ptp(across) >= _LEGIBLE and np.ptp(down) >= _LEGIBLE)
