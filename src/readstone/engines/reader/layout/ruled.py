"""Ruled tables: the text of a page put into the cells of its grids."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from readstone.core.document import Box, Line, Table, TableCell
from readstone.engines.reader.layout.grid import Grid
from readstone.engines.reader.layout.mending import Run, grown, holds, mended
from readstone.engines.reader.layout.records import records
from readstone.engines.reader.layout.regions import without_regions
from readstone.engines.reader.layout.rows import Cell, cells
from readstone.engines.reader.layout.wording import joined

_FEWEST: Final = 2
"""Rows, and columns, of a table at least."""
_OVER: Final = 0.25
"""The share of a run of text that must stand on either side of a place to stand across it."""
_CROSSED: Final = 0.2
"""The share of runs that may stand across walls: more of them, and the rules are a drawing's."""


@dataclass(frozen=True, slots=True)
class RuledTable:
    """A table, and which of the page's lines its text comes from, by their index."""

    table: Table
    lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text in a cell: where it stands, and the visual row of its line."""

    text: str
    box: Box
    row: int


def ruled_tables(grid: Grid, lines: Sequence[Line]) -> list[RuledTable]:
    """The tables that a grid frames, at least two rows of two columns each; none where the text does not keep to it."""
    outside = [line for line in lines if not holds(grid.box, line.box)]
    grid = grown(grid, [run for line in outside for run in _runs(line)])
    inside = [line for line in lines if holds(grid.box, line.box)]
    found = (
        _ruled_table(part, lines)
        for part in without_regions(grid, [run for line in inside for run in _runs(line)])
    )
    return [table for table in found if table is not None]


def _ruled_table(grid: Grid, lines: Sequence[Line]) -> RuledTable | None:
    inside = [index for index, line in enumerate(lines) if holds(grid.box, line.box)]
    runs = [run for index in inside for run in _runs(lines[index])]
    frames = grid.frames_by_place()
    crossing = sum(_crosses(grid, frames, run.box) for run in runs)
    if not runs or crossing > _CROSSED * len(runs):
        return None
    grid = mended(grid, runs)
    table = _trimmed(_table(grid, _pieces(grid, runs)))
    if table.rows < _FEWEST or table.columns < _FEWEST:
        return None
    return RuledTable(table, frozenset(inside))


def _runs(line: Line) -> list[Run]:
    return [Run(line.row, run) for run in cells(line)]


def _crosses(grid: Grid, frames: Mapping[tuple[int, int], int], box: Box) -> bool:
    """Whether text stands across a wall of the cell that its middle stands in."""
    frame = grid.frames[frames[grid.place(*box.middle)]]
    sides = (grid.xs[frame.column], grid.xs[frame.column + frame.columns])
    slack = _OVER * box.width
    return any(
        grid.xs[0] < side < grid.xs[-1] and box.left + slack < side < box.right - slack
        for side in sides
    )


def _pieces(grid: Grid, runs: Sequence[Run]) -> list[list[_Piece]]:
    """The text of each frame, each word in the one its middle stands in."""
    at = grid.frames_by_place()
    found: list[list[_Piece]] = [[] for _ in grid.frames]
    for run in runs:
        for text, box in _words(run.cell):
            found[at[grid.place(*box.middle)]].append(_Piece(text, box, run.row))
    return found


def _words(run: Cell) -> Iterator[tuple[str, Box]]:
    if " ".join(word.text for word in run.words) != run.text:
        yield run.text, run.box
        return
    for word in run.words:
        yield word.text, word.box


def _table(grid: Grid, pieces: Sequence[Sequence[_Piece]]) -> Table:
    """The frames as cells; a row of the grid that holds several records becomes several rows."""
    heights: list[int] = []
    split: list[dict[int, int]] = []
    for row in range(len(grid.ys) - 1):
        columns = [
            _by_row(mine)
            for frame, mine in zip(grid.frames, pieces, strict=True)
            if frame.row == row and frame.rows == 1
        ]
        starts = records(columns)
        split.append(starts)
        heights.append(max(starts.values(), default=0) + 1)
    first = [sum(heights[:row]) for row in range(len(heights) + 1)]
    made: list[TableCell] = []
    for frame, mine in zip(grid.frames, pieces, strict=True):
        spanned = first[frame.row + frame.rows] - first[frame.row]
        starts = split[frame.row] if frame.rows == 1 else {}
        texts: dict[int, dict[int, list[_Piece]]] = {}
        for piece in mine:
            record = starts.get(piece.row, 0)
            texts.setdefault(record, {}).setdefault(piece.row, []).append(piece)
        for record, by_row in sorted(texts.items()):
            text = joined(_text(by_row[row]) for row in sorted(by_row))
            rows = 1 if starts else spanned
            at = first[frame.row] + record
            made.append(TableCell(at, frame.column, text, rows, frame.columns))
    ordered = sorted(made, key=lambda cell: (cell.row, cell.column))
    return Table(first[-1], len(grid.xs) - 1, tuple(ordered))


def _by_row(pieces: Iterable[_Piece]) -> dict[int, str]:
    rows: dict[int, list[_Piece]] = {}
    for piece in pieces:
        rows.setdefault(piece.row, []).append(piece)
    return {row: _text(mine) for row, mine in sorted(rows.items())}


def _text(pieces: Iterable[_Piece]) -> str:
    return " ".join(piece.text for piece in sorted(pieces, key=lambda piece: piece.box.left))


def _trimmed(table: Table) -> Table:
    """The table without rows and columns in which nothing begins."""
    rows = sorted({cell.row for cell in table.cells})
    columns = sorted({cell.column for cell in table.cells})
    return Table(
        len(rows),
        len(columns),
        tuple(
            TableCell(
                rows.index(cell.row),
                columns.index(cell.column),
                cell.text,
                sum(cell.row <= row < cell.row + cell.rows for row in rows),
                sum(cell.column <= column < cell.column + cell.columns for column in columns),
            )
            for cell in table.cells
        ),
    )
