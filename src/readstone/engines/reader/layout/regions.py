"""Regions: rows of a grid that frame parts of a form, with text side by side in one cell, rather than cells of a table."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from readstone.engines.reader.layout.grid import Frame, Grid
from readstone.engines.reader.layout.mending import Run, runs_by_frame

_LINES: Final = 3
_SIDE_BY_SIDE: Final = 2
"""A frame over several columns is a region where it holds at least so many lines, so many of them in several parts."""


def without_regions(grid: Grid, runs: Sequence[Run]) -> list[Grid]:
    """The grids that are left of a grid, from the top down, when its regions are taken out."""
    aside: set[int] = set()
    for frame, inside in zip(grid.frames, runs_by_frame(grid, runs), strict=True):
        if frame.columns > 1 and _is_region(inside):
            aside.update(range(frame.row, frame.row + frame.rows))
    if not aside:
        return [grid]
    rows = [row for row in range(len(grid.ys) - 1) if row not in aside]
    kept = groupby(enumerate(rows), lambda place: place[1] - place[0])
    return [_cut(grid, [row for _, row in group]) for _, group in kept]


def _is_region(runs: Sequence[Run]) -> bool:
    lines = Counter(run.row for run in runs)
    return len(lines) >= _LINES and sum(parts > 1 for parts in lines.values()) >= _SIDE_BY_SIDE


def _cut(grid: Grid, rows: Sequence[int]) -> Grid:
    """Some rows of a grid that follow each other; cells that reach out of them are cut off."""
    first, last = rows[0], rows[-1]
    frames = tuple(
        Frame(
            max(frame.row, first) - first,
            frame.column,
            min(frame.row + frame.rows, last + 1) - max(frame.row, first),
            frame.columns,
        )
        for frame in grid.frames
        if frame.row <= last and frame.row + frame.rows > first
    )
    return Grid(grid.xs, grid.ys[first : last + 2], frames)
