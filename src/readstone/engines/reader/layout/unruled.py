"""Tables without frames: runs of rows whose cells stand in the same columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from readstone.core.document import Rule, Table, TableCell
from readstone.engines.reader.layout.columns import (
    Spread,
    columns,
    fit,
    parted,
    spread,
    without_bridges,
    without_ruled,
)
from readstone.engines.reader.layout.headings import head_of, wrapped_by_rules
from readstone.engines.reader.layout.rows import Row, drop

_FEWEST = 2
"""Rows, and columns, of a table at least."""

_WHITE = 3.0
"""Row heights of white between two rows of one table, at most."""

_NEAR_WHITE = 1.0
"""Row heights of white between a heading over several columns and the row below it, at most."""

_ALONE_IN_A_ROW = 3
"""Rows of one cell that may follow each other within a table (wrapped cells, headings of sections)."""

_HEADING_LENGTH = 60
"""The most characters of a section's heading that crosses columns."""

_LOOK_BACK = 12
"""Rows whose columns the next row of a table is held against."""

_PROSE_LENGTH = 25
_PROSE_STARTS = 0.3
"""Columns of prose: in each the median line is this long, and this share of lines goes on a sentence."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table, made of the rows `begin`..`end` (excluded) of the page.

    Lines of one wrapped cell are one text, so it may have fewer rows than it was made of.
    """

    begin: int
    end: int
    table: Table


def tables(rows: Sequence[Row], rules: Sequence[Rule] = ()) -> list[TableRows]:
    """The tables of a page from top to bottom, at least two rows of two columns each; they never overlap.

    `rules` across the page tell which columns a heading above them is of, and which rows are one record.
    """
    found: list[TableRows] = []
    across = [rule for rule in rules if rule.y == rule.end_y]
    begin = 0
    while begin < len(rows):
        end = _end_of_run(rows, begin)
        if _table(rows[begin:end], across) is None:
            # Half of what is no table may be one; looking at every part of it takes too long.
            begin += max(1, (end - begin) // 2)
            continue
        last = found[-1] if found else None
        top = head_of(rows, begin, end, across, above=(last.begin, last.end) if last else (0, 0))
        table = _table(rows[top:end], across)
        if table is None:
            top, table = begin, _table(rows[begin:end], across)
        if last is not None and top < last.end:
            found.pop()
        if table is not None:
            found.append(TableRows(top, end, table))
        begin = end
    return found


def _end_of_run(rows: Sequence[Row], begin: int) -> int:
    """The end of the run of table rows from `begin`: after its last row of several cells."""
    if len(rows[begin].cells) < _FEWEST:
        return begin + 1
    run = [parted(rows[begin])]
    end = begin + 1
    for index in range(begin + 1, len(rows)):
        row = rows[index]
        if not _is_near(rows[index - 1], row):
            break
        if len(row.cells) >= _FEWEST:
            if not _continues(run, row) and not _continues(run, parted(row)):
                break
            run.append(parted(row))
            end = index + 1
        elif index - end >= _ALONE_IN_A_ROW or not _may_stand_alone(run, row):
            break
        elif _goes_on(row.text) and index == end:
            end = index + 1
    return end


def _is_near(above: Row, below: Row) -> bool:
    white = below.box.top - above.box.bottom
    return drop(above, below) > 0 and white <= _WHITE * _lower(above, below)


def _lower(above: Row, below: Row) -> float:
    return min(above.box.height, below.box.height)


def _continues(run: Sequence[Row], row: Row) -> bool:
    """Whether the cells of a row stand in the run's columns."""
    above = run[-1]
    white = row.box.top - above.box.bottom
    may_head = len(run) == 1 and white <= _NEAR_WHITE * _lower(above, row)
    if may_head and len(row.cells) > len(above.cells):
        return _divides(row, above)
    found = fit(row, columns(without_bridges(run[-_LOOK_BACK:])))
    return found.matches > found.conflicts


def _may_stand_alone(run: Sequence[Row], row: Row) -> bool:
    """Whether a row of one cell may belong to the table: a part of a wrapped cell or a section's heading."""
    found = fit(row, columns(run[-_LOOK_BACK:]))
    return found.conflicts == 0 or len(row.text) <= _HEADING_LENGTH


def _divides(row: Row, head: Row) -> bool:
    """Whether each of the row's cells stands under at most one cell of a heading over several columns."""
    heads = columns((head,))
    return all(sum(column.holds(cell) for column in heads) <= 1 for cell in row.cells)


def _table(rows: Sequence[Row], rules: Sequence[Rule]) -> Table | None:
    run = [parted(row) for row in rows]
    if sum(len(row.cells) >= _FEWEST for row in run) < _FEWEST:
        return None
    found = columns(without_bridges(without_ruled(run, rules)))
    if len(found) < _FEWEST:
        return None
    spread_out = [spread(row, found, rules) for row in run]
    if _is_prose([cells.texts for cells in spread_out]):
        return None
    whole = _unwrapped(wrapped_by_rules(run, spread_out, rules))
    cells = tuple(
        TableCell(number, column, text, columns=row.spans[column])
        for number, row in enumerate(whole)
        for column, text in enumerate(row.texts)
        if text
    )
    return Table(len(whole), len(found), cells)


def _is_prose(cells: Sequence[Sequence[str]]) -> bool:
    """Whether the columns are columns of running text rather than of a table."""
    texts = [text for row in cells for text in row if text]
    lengths = [median(len(text) for text in column if text) for column in _filled(cells)]
    goes_on = sum(text[0].islower() for text in texts) / len(texts)
    return min(lengths) >= _PROSE_LENGTH and goes_on >= _PROSE_STARTS


def _filled(cells: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return [column for column in zip(*cells, strict=True) if any(column)]


def _unwrapped(rows: Sequence[Spread]) -> list[Spread]:
    """The rows with lines that go on a cell above them joined to it."""
    cells = [row.texts for row in rows]
    going_on = [_all_go_on(above, below) for above, below in pairwise(cells)]
    whole = [goes_on for goes_on, row in zip(going_on, cells[1:], strict=True) if all(row)]
    usual = sum(whole) > len(whole) / 2
    kept = [rows[0]]
    for row, goes_on in zip(rows[1:], going_on, strict=True):
        if goes_on and not (usual and all(row.texts)):
            kept[-1] = kept[-1].with_below(row)
        else:
            kept.append(row)
    return kept


def _all_go_on(above: Sequence[str], below: Sequence[str]) -> bool:
    pairs = [(a, b) for a, b in zip(above, below, strict=True) if b]
    return all(_goes_on(b) or a.count("(") > a.count(")") for a, b in pairs)


def _goes_on(text: str) -> bool:
    """Whether a text begins as the inside of a sentence does."""
    return text[0].islower() or text[0] == "("
