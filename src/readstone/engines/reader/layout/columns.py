"""The columns that the cells of several rows stand in."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from readstone.core.document import Box, Rule, Word
from readstone.engines.reader.layout.rows import Cell, Row, around
from readstone.engines.reader.layout.wording import joined

_CROSSING = 0.15
"""Share of the rows that may cross the white between two columns (headings over several columns)."""

_TOUCH = 0.1
"""Share of the narrower of two that they must have in common to stand over each other."""

_UNDER = 0.5
"""Row heights below a row up to which a rule is just under it."""

_CENTRED = 0.2
"""The share of a rule's length that the middle of the heading over it may be off its own."""

_LONGER = 1.5
"""Widths of a heading from which the rule under it runs along several columns."""

_LOOSE = 0.8
"""Line heights between two words from which they are two cells where columns part between them."""

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


@dataclass(frozen=True, slots=True)
class Spread:
    """A row by column: its texts, "" where it has none, and how many columns each of them spans."""

    texts: tuple[str, ...]
    spans: tuple[int, ...]

    @property
    def filled(self) -> frozenset[int]:
        """The columns that have a text."""
        return frozenset(column for column, text in enumerate(self.texts) if text)

    def with_below(self, below: "Spread") -> "Spread":
        """Both rows as one: what stands below goes on what stands above it."""
        pairs = zip(self.texts, below.texts, strict=True)
        spans = zip(self.texts, self.spans, below.spans, strict=True)
        return _apart(
            [joined(pair) for pair in pairs],
            [above if text else under for text, above, under in spans],
        )


def spread(row: Row, columns: Sequence[Column], rules: Sequence[Rule] = ()) -> Spread:
    """The row by column: a cell goes to the first column it stands in, else to the nearest.

    A cell spans the columns it stands over, or those that the rule under it runs along, where it has them to itself.
    """
    row = Row(tuple(part for cell in row.cells for part in _by_column(cell, columns)), row.box)
    texts: list[list[str]] = [[] for _ in columns]
    under = _under(row, rules)
    spans = [1] * len(columns)
    held = [_held(cell, columns, under.get(index)) for index, cell in enumerate(row.cells)]
    shares = Counter(column for indices in held for column in indices)
    for cell, indices in zip(row.cells, held, strict=True):
        alone = all(shares[column] == 1 for column in indices)
        first = indices[0] if indices and alone else _place(cell, columns)
        if indices and alone:
            spans[first] = len(indices)
        texts[first].append(cell.text)
    return _apart([" ".join(column) for column in texts], spans)


def _by_column(cell: Cell, columns: Sequence[Column]) -> Iterator[Cell]:
    """The cell, parted where its words stand further apart than usual and columns part between them."""
    if " ".join(word.text for word in cell.words) != cell.text:
        yield cell
        return
    part: list[Word] = []
    for word in cell.words:
        if part and _parts(part[-1].box, word.box, columns, _LOOSE * cell.box.height):
            yield _cell(part)
            part = []
        part.append(word)
    yield _cell(part) if part else cell


def _parts(left: Box, right: Box, columns: Sequence[Column], least: float) -> bool:
    if right.left - left.right < least:
        return False
    return any(
        left.middle[0] <= before.right <= right.left and left.right <= after.left <= right.middle[0]
        for before, after in pairwise(columns)
    )


def _cell(words: Sequence[Word]) -> Cell:
    return Cell(
        " ".join(word.text for word in words), around(word.box for word in words), tuple(words)
    )


def _apart(texts: Sequence[str], spans: Sequence[int]) -> Spread:
    """Texts that span no column in which another stands."""
    free: list[int] = []
    for column, span in enumerate(spans):
        taken = (other for other in range(column + 1, column + span) if texts[other])
        free.append(next(taken, column + span) - column)
    return Spread(tuple(texts), tuple(free))


def _is_centred(cell: Cell, rule: Rule) -> bool:
    aside = abs(cell.box.middle[0] - (rule.x + rule.end_x) / 2)
    return aside <= _CENTRED * _length(rule)


def _held(cell: Cell, columns: Sequence[Column], rule: Rule | None) -> range:
    """The columns a cell stands in, or over by the rule under it."""
    indices = [index for index, column in enumerate(columns) if column.holds(cell)]
    if rule is not None:
        indices += [
            index
            for index, column in enumerate(columns)
            if rule.x <= (column.left + column.right) / 2 <= rule.end_x
        ]
    return range(min(indices), max(indices) + 1) if indices else range(0)


def without_ruled(rows: Sequence[Row], rules: Sequence[Rule]) -> list[Row]:
    """The rows without cells over a longer rule of their own: headings over several columns, that stand in none."""
    kept: list[Row] = []
    for row in rows:
        under = _under(row, rules)
        cells = tuple(
            cell
            for index, cell in enumerate(row.cells)
            if index not in under or _length(under[index]) < _LONGER * cell.box.width
        )
        if cells:
            kept.append(Row(cells, row.box))
    return kept


def _length(rule: Rule) -> float:
    return rule.end_x - rule.x


def rule_under(row: Row, rules: Sequence[Rule]) -> bool:
    """Whether a rule of its own is just under one of the row's cells."""
    return bool(_under(row, rules))


def _under(row: Row, rules: Sequence[Rule]) -> dict[int, Rule]:
    """The rule just under each cell that is the only one above it."""
    near = [
        rule
        for rule in rules
        if row.box.middle[1] < rule.y < row.box.bottom + _UNDER * row.box.height
    ]
    found: dict[int, Rule] = {}
    for rule in near:
        above = [
            i for i, cell in enumerate(row.cells) if rule.x <= cell.box.middle[0] <= rule.end_x
        ]
        if len(above) == 1 and _is_centred(row.cells[above[0]], rule):
            found[above[0]] = rule
    return found


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
