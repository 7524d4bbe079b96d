"""Mends grids by the text in them: walls that were not drawn or not seen, and rows that stand open above or below."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from readstone.core.document import Box
from readstone.engines.reader.layout.grid import Frame, Grid
from readstone.engines.reader.layout.rows import Cell, around

_NEAR: Final = 1.6
"""Row heights of white up to which a row outside of a grid may belong to it."""
_FILLED: Final = 0.5
"""The share of its columns that such a row fills at least."""


@dataclass(frozen=True, slots=True)
class Run:
    """Text that stands together, and the visual row of its line."""

    row: int
    cell: Cell

    @property
    def box(self) -> Box:
        """Where it stands."""
        return self.cell.box


def grown(grid: Grid, runs: Iterable[Run]) -> Grid:
    """The grid with the rows of text just above and below it that stand in its columns."""
    rows: dict[int, list[Box]] = {}
    for run in runs:
        rows.setdefault(run.row, []).append(run.box)
    boxes = sorted(((around(row), row) for row in rows.values()), key=lambda row: row[0].top)
    for whole, row in reversed(boxes):
        if -whole.height / 2 < grid.ys[0] - whole.bottom < _NEAR * whole.height and _fits(
            grid, row
        ):
            shifted = (
                Frame(frame.row + 1, frame.column, frame.rows, frame.columns)
                for frame in grid.frames
            )
            ys = (min(whole.top, grid.ys[0] - 1), *grid.ys)
            grid = Grid(grid.xs, ys, (*_open(grid, 0), *shifted))
    for whole, row in boxes:
        if -whole.height / 2 < whole.top - grid.ys[-1] < _NEAR * whole.height and _fits(grid, row):
            ys = (*grid.ys, max(whole.bottom, grid.ys[-1] + 1))
            grid = Grid(grid.xs, ys, (*grid.frames, *_open(grid, len(grid.ys) - 1)))
    return grid


def _open(grid: Grid, row: int) -> list[Frame]:
    return [Frame(row, column, 1, 1) for column in range(len(grid.xs) - 1)]


def _fits(grid: Grid, row: Sequence[Box]) -> bool:
    """Whether the runs of a row stand in most of the grid's columns, one or more in each and none across two."""
    columns = {sum(box.middle[0] >= x for x in grid.xs) - 1 for box in row}
    slack = min(box.height for box in row)
    return (
        len(columns) >= max(2.0, _FILLED * (len(grid.xs) - 1))
        and min(box.left for box in row) >= grid.xs[0] - slack
        and max(box.right for box in row) <= grid.xs[-1] + slack
        and not any(box.left < x < box.right for box in row for x in grid.xs[1:-1])
    )


def mended(grid: Grid, runs: Sequence[Run]) -> Grid:
    """The grid with its cells parted where the text in them is."""
    frames: list[Frame] = []
    for frame, inside in zip(grid.frames, runs_by_frame(grid, runs), strict=True):
        for part in _across(grid, frame, inside):
            frames += _down(grid, part, inside, runs)
    return Grid(grid.xs, grid.ys, tuple(frames))


def runs_by_frame(grid: Grid, runs: Sequence[Run]) -> list[list[Run]]:
    """The runs whose middles stand in each frame of a grid."""
    at = grid.frames_by_place()
    found: list[list[Run]] = [[] for _ in grid.frames]
    for run in runs:
        found[at[grid.place(*run.box.middle)]].append(run)
    return found


def holds(outer: Box, inner: Box) -> bool:
    """Whether the middle of a box stands in another."""
    x, y = inner.middle
    return outer.left <= x <= outer.right and outer.top <= y <= outer.bottom


def _across(grid: Grid, frame: Frame, runs: Sequence[Run]) -> list[Frame]:
    """The cell, parted at each column with text on both sides of its edge and none across: in bars of colour."""
    parts: list[Frame] = []
    begin, end = frame.column, frame.column + frame.columns
    for column in range(begin + 1, end):
        x = grid.xs[column]
        sides = {run.box.middle[0] < x for run in runs}
        if len(sides) > 1 and not any(run.box.left < x < run.box.right for run in runs):
            parts.append(Frame(frame.row, begin, frame.rows, column - begin))
            begin = column
    parts.append(Frame(frame.row, begin, frame.rows, end - begin))
    return parts


def _down(grid: Grid, frame: Frame, inside: Sequence[Run], runs: Sequence[Run]) -> list[Frame]:
    """The cell, parted into its rows where each of them has text, on one line with text beside the cell."""
    rows = range(frame.row, frame.row + frame.rows)
    if frame.rows == 1:
        return [frame]
    left, right = grid.xs[frame.column], grid.xs[frame.column + frame.columns]
    beside = {run.row for run in runs if not left <= run.box.middle[0] <= right}
    for row in rows:
        top, bottom = grid.ys[row], grid.ys[row + 1]
        here = [
            run.row
            for run in inside
            if top <= run.box.middle[1] <= bottom and left <= run.box.middle[0] <= right
        ]
        if not here or not beside.intersection(here):
            return [frame]
    return [Frame(row, frame.column, 1, frame.columns) for row in rows]
