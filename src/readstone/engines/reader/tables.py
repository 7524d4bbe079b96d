"""Finds the tables among a page's rows: runs of rows whose cells stand in the same columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from readstone.engines.reader.rows import Cell, Row

_ROWS_OF_A_TABLE = 2
_COLUMNS_OF_A_TABLE = 2

_SHARED = 2
"""Columns two neighbouring rows share before they are one table."""

_STEP = 3.0
"""Row heights of white between two rows of one table, at most."""

_PROSE = 45
"""Mean characters of a cell from which two columns are columns of prose, not of a table."""

_CROSSING = 0.15
"""Share of a table's rows that may cross the white between two columns (headings over several columns)."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the rows `begin`..`end` (excluded) of the page, as texts by row and column, all rows as long."""

    begin: int
    end: int
    cells: tuple[tuple[str, ...], ...]


def tables(rows: Sequence[Row]) -> list[Table]:
    """The tables of a page from top to bottom, at least two rows of two columns each; they never overlap."""
    found: list[Table] = []
    begin = 0
    while begin < len(rows):
        end = _end_of_run(rows, begin)
        table = _table(rows, begin, end)
        if table is None:
            begin += 1
        else:
            found.append(table)
            begin = end
    return found


def _end_of_run(rows: Sequence[Row], begin: int) -> int:
    end = begin + 1
    while end < len(rows) and _continues(rows[end - 1], rows[end]):
        end += 1
    return end


def _continues(above: Row, below: Row) -> bool:
    """Whether the two rows are neighbours with cells that line up in at least two columns."""
    white = below.box.top - above.box.bottom
    height = min(above.box.height, below.box.height)
    if below.box.middle[1] <= above.box.middle[1] or white > _STEP * height:
        return False
    return _shared_columns(above, below) >= _SHARED


def _shared_columns(above: Row, below: Row) -> int:
    """Pairs of cells that overlap each other and nothing else of the other row."""
    pairs = [
        (upper, lower)
        for upper in range(len(above.cells))
        for lower in range(len(below.cells))
        if _overlap(above.cells[upper], below.cells[lower]) > 0
    ]
    uppers = [upper for upper, _ in pairs]
    lowers = [lower for _, lower in pairs]
    return sum(uppers.count(upper) == 1 and lowers.count(lower) == 1 for upper, lower in pairs)


def _overlap(one: Cell, other: Cell) -> float:
    return min(one.box.right, other.box.right) - max(one.box.left, other.box.left)


def _table(rows: Sequence[Row], begin: int, end: int) -> Table | None:
    run = rows[begin:end]
    if len(run) < _ROWS_OF_A_TABLE:
        return None
    columns = _columns(run)
    if len(columns) < _COLUMNS_OF_A_TABLE or _is_prose(run):
        return None
    return Table(begin, end, tuple(_spread(row, columns) for row in run))


def _is_prose(rows: Sequence[Row]) -> bool:
    lengths = [len(cell.text) for row in rows for cell in row.cells]
    return sum(lengths) / len(lengths) > _PROSE


def _columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Left and right of each column: where more rows have text than may cross the white between columns."""
    allowed = _CROSSING * len(rows)
    edges = sorted(
        edge
        for row in rows
        for cell in row.cells
        for edge in ((cell.box.left, 1), (cell.box.right, -1))
    )
    columns: list[tuple[float, float]] = []
    depth = 0
    left = 0.0
    for x, change in edges:
        if depth <= allowed < depth + change:
            left = x
        elif depth + change <= allowed < depth:
            columns.append((left, x))
        depth += change
    return columns


def _spread(row: Row, columns: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    """The row's texts by column: each cell goes where it covers most, a wide one where it begins."""
    texts: list[list[str]] = [[] for _ in columns]
    for cell in row.cells:
        texts[_column_of(cell, columns)].append(cell.text)
    return tuple(" ".join(column) for column in texts)


def _column_of(cell: Cell, columns: Sequence[tuple[float, float]]) -> int:
    touched = [
        index
        for index, (left, right) in enumerate(columns)
        if min(cell.box.right, right) - max(cell.box.left, left) > 0
    ]
    if touched:
        return touched[0]
    middle = cell.box.middle[0]
    return min(
        range(len(columns)),
        key=lambda index: abs((columns[index][0] + columns[index][1]) / 2 - middle),
    )
