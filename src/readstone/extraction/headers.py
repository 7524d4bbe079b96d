"""Headers: rows that name the columns of line items, and where each column stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from readstone.core.document import Box
from readstone.extraction.geometry import Sheet, around, shared
from readstone.extraction.labelling import Label, Names, labels_in
from readstone.extraction.labels.lexicon import lexicon

NUMERIC: Final = frozenset({"quantity", "unit_price", "line_amount"})
"""The columns of numbers that make an item."""

_HEADER_ROWS: Final = 1.9
"""Heights of a line within which the lines of one header stand."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what it holds, and from where to where its header stands."""

    concept: str
    box: Box


@dataclass(frozen=True, slots=True)
class Table:
    """A header: its columns from left to right, and where it ends."""

    page: int
    columns: tuple[Column, ...]
    box: Box

    @property
    def is_of_numbers(self) -> bool:
        """Whether it names a column of numbers, so that its rows are told by these."""
        return any(column.concept in NUMERIC for column in self.columns)


def item_names(own: Iterable[tuple[str, str]]) -> Names:
    """What columns are called: the known names, and the client's own (name, concept)."""
    return _known_names().with_own((name, concept, 1.0) for name, concept in own)


@cache
def _known_names() -> Names:
    return Names.of(lexicon().column)


def tables_in(sheet: Sheet, names: Names, wanted: frozenset[str]) -> tuple[Table, ...]:
    """The headers of lists: rows that name an item's columns, one of numbers, or else two of the `wanted` columns."""
    labels = labels_in(sheet, names)
    on_page: dict[int, list[tuple[float, Label]]] = {}
    for label in labels:
        on_page.setdefault(label.span.page, []).append((label.span.box.middle[1], label))
    found: list[Table] = []
    for label in labels:
        middle, reach = label.span.box.middle[1], _HEADER_ROWS * label.span.box.height
        row = [other for at, other in on_page[label.span.page] if abs(at - middle) < reach]
        if table := _table(row, wanted):
            found.append(table)
    kept: list[Table] = []
    for table in sorted(found, key=lambda each: (-len(each.columns), each.page, each.box.top)):
        if not any(table.page == other.page and _overlap(table.box, other.box) for other in kept):
            kept.append(table)
    return tuple(sorted(kept, key=lambda each: (each.page, each.box.top)))


def _overlap(one: Box, other: Box) -> bool:
    return one.top < other.bottom and other.top < one.bottom


def _table(row: Sequence[Label], wanted: frozenset[str]) -> Table | None:
    columns = _columns(row)
    concepts = {column.concept for column in columns}
    items = concepts & (NUMERIC | {"item_description"})
    numbers = len(items) >= 2 and concepts & NUMERIC
    if len(columns) < 2 or not (numbers or len(concepts & wanted) >= 2):
        return None
    box = around([column.box for column in columns])
    # Words of a sentence are no header: its columns stand apart.
    if any(right.box.left < left.box.right for left, right in pairwise(columns)):
        return None
    return Table(row[0].span.page, tuple(columns), box)


def _columns(row: Sequence[Label]) -> list[Column]:
    """One label for each place, and one place for each concept: the surest first."""
    columns: list[Column] = []
    for label in sorted(row, key=lambda each: (-each.likeness, -each.span.box.left)):
        box = label.span.box
        taken = any(shared(column.box, box) > 0.2 for column in columns)
        again = label.concept in NUMERIC | {"item_description"} and any(
            column.concept == label.concept for column in columns
        )
        if not taken:
            columns.append(Column("other" if again else label.concept, box))
    return sorted(columns, key=lambda column: column.box.left)


def carried(sheet: Sheet, table: Table) -> Table | None:
    """The table as it goes on at the top of the next page, where there is one."""
    page = table.page + 1
    if page >= len(sheet.sizes):
        return None
    box = Box(table.box.left, 0.0, table.box.right, 0.0)
    return Table(page, table.columns, box)
