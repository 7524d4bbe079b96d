"""The columns that the cells of several rows stand in."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from readstone.engines.reader.layout.rows import Cell, Row, around

_CROSSING = 0.15
"""Share of the rows that may cross the white between two columns (headings over several columns)."""

_TOUCH = 0.1
"""Share of the narrower of two that they must have in common to stand over each other."""

_SAMPLE = 60
"""Rows a cell is held against at most, spread over the table."""

_GROUP = re.compile(r"\d{3}(?:[.,]\d+)?\D*")
_LEADS_A_GROUP = re.compile(r"\D*\d{1,3}")


@dataclass(frozen=True, slots=True)
class Column:
    """Where a column stands, in pixels; left < right."""

    left: float
    right: float

    def holds(self, cell: Cell) -> bool:
        """Whether the cell stands in the column, be it in part."""
        common = min(cell.box.right, self.right) - max(cell.box.left, self.left)
        return common > _TOUCH * min(cell.box.width, self.right - self.left)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a row fits columns: cells alone in one column, and cells or columns that share."""

    matches: int
    conflicts: int


def columns(rows: Sequence[Row]) -> list[Column]:
    """The columns from left to right: where more rows have text than may cross the white between them."""
    allowed = _CROSSING * len(rows)
    edges = sorted(
        edge
        for row in rows
        for cell in row.cells
        for edge in (
            (cell.box.left + _TOUCH * cell.box.width, 1),
            (cell.box.right - _TOUCH * cell.box.width, -1),
        )
    )
    found: list[Column] = []
    depth = 0
    left = 0.0
    for x, change in edges:
        if depth <= allowed < depth + change:
            left = x
        elif depth + change <= allowed < depth and x > left:
            found.append(Column(left, x))
        depth += change
    return found


def without_bridges(rows: Sequence[Row]) -> list[Row]:
    """The rows without cells that stand over several cells of most rows: headings over several columns."""
    sample = rows[:: 1 + len(rows) // _SAMPLE]
    edges = [
        ([cell.box.left for cell in row.cells], [cell.box.right for cell in row.cells])
        for row in sample
    ]
    return [
        Row(kept, row.box)
        for row in rows
        if (kept := tuple(cell for cell in row.cells if not _is_bridge(cell, edges)))
    ]


def _is_bridge(cell: Cell, rows: Sequence[tuple[list[float], list[float]]]) -> bool:
    slack = _TOUCH * cell.box.width
    under = [
        bisect_left(lefts, cell.box.right - slack) - bisect_right(rights, cell.box.left + slack)
        for lefts, rights in rows
    ]
    return sum(cells > 1 for cells in under) > sum(cells == 1 for cells in under)


def fit(row: Row, columns: Sequence[Column]) -> Fit:
    """How the row's cells stand in the columns; a cell outside all of them counts as neither."""
    held = [
        [index for index, column in enumerate(columns) if column.holds(cell)] for cell in row.cells
    ]
    cells = Counter(index for indices in held for index in indices)
    return Fit(
        matches=sum(len(indices) == 1 and cells[indices[0]] == 1 for indices in held),
        conflicts=sum(count > 1 for count in cells.values()) + sum(len(i) > 1 for i in held),
    )


def spread(row: Row, columns: Sequence[Column]) -> list[str]:
    """The row's texts by column: a cell goes to the first column it stands in, else to the nearest."""
    texts: list[list[str]] = [[] for _ in columns]
    for cell in row.cells:
        texts[_place(cell, columns)].append(cell.text)
    return [" ".join(column) for column in texts]


def parted(row: Row) -> Row:
    """The row with side-by-side numbers as cells of their own: narrow columns are often read as one line."""
    return Row(tuple(part for cell in row.cells for part in _numbers(cell)), row.box)


def _place(cell: Cell, columns: Sequence[Column]) -> int:
    standing = (index for index, column in enumerate(columns) if column.holds(cell))
    first = next(standing, None)
    if first is not None:
        return first
    middle = cell.box.middle[0]
    return min(
        range(len(columns)),
        key=lambda index: max(columns[index].left - middle, middle - columns[index].right),
    )


def _numbers(cell: Cell) -> Iterator[Cell]:
    texts = [word.text for word in cell.words]
    if (
        " ".join(texts) != cell.text
        or not all(any(character.isdigit() for character in text) for text in texts)
        or any(_belong(a, b) for a, b in pairwise(texts))
    ):
        yield cell
        return
    for word in cell.words:
        yield Cell(word.text, around((word.box,)), (word,))


def _belong(number: str, after: str) -> bool:
    """Whether two neighbours are one value: "10 000", "63 (18.5%)"."""
    return after[0] in "([" or bool(_LEADS_A_GROUP.fullmatch(number) and _GROUP.fullmatch(after))
