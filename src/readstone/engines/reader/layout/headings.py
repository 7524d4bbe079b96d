"""The head of a table without frames: rows above it that name its columns, and rows that rules hold together."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from readstone.core.document import Rule
from readstone.engines.reader.layout.columns import (
    Column,
    Spread,
    columns,
    parted,
    rule_under,
    without_bridges,
)
from readstone.engines.reader.layout.paragraphs import CAPTION
from readstone.engines.reader.layout.rows import Row, drop

_NEAR: Final = 1.0
"""Row heights of white between two rows of a head, at most."""
_HEAD: Final = 4
"""Rows of a head at most."""
_FULL: Final = 0.7
"""The share of a table's width that a rule across all of it covers."""
_RULED: Final = 0.4
_RULED_ROWS: Final = 3
"""The share and the number of rows with a rule under them from which rules part the records of a table."""
_FIGURES: Final = re.compile(r"\W*\d[\d.,\s%]*\W*")


def head_of(
    rows: Sequence[Row], begin: int, end: int, rules: Sequence[Rule], above: tuple[int, int]
) -> int:
    """Where the table in the rows `begin`..`end` begins with its head.

    Rows just above it belong to it where each of their cells stands over columns of its own. `above` are the
    begin and end of the table before: it is taken in whole or not at all.
    """
    found = columns(without_bridges([parted(row) for row in rows[begin:end]]))
    top = head = begin
    spanned: list[list[int]] = []
    while top > above[0] and (begin - top < _HEAD or above[0] < top < above[1]):
        row = parted(rows[top - 1])
        held = _held(row, found)
        if not _is_near(row, rows[top]) or not _heads(row, held):
            break
        spans = [indices for indices in held if len(indices) > 1]
        if spans and spans == spanned:
            # Headings over several columns do not repeat below each other; labels and values do.
            return begin
        spanned = spans
        top -= 1
        # A lone cell may be the title of something else.
        if len(row.cells) > 1 or rule_under(row, rules):
            head = top
    return above[1] if above[0] < head < above[1] else head


def _is_near(above: Row, below: Row) -> bool:
    height = min(above.box.height, below.box.height)
    return drop(above, below) > 0 and below.box.top - above.box.bottom <= _NEAR * height


def _held(row: Row, found: Sequence[Column]) -> list[list[int]]:
    """The columns that each cell of a row stands over."""
    return [
        [index for index, column in enumerate(found) if column.holds(cell)] for cell in row.cells
    ]


def _heads(row: Row, held: Sequence[Sequence[int]]) -> bool:
    """Whether each cell of a row stands over columns of its own; a lone one over several, but not the first."""
    shares = Counter(index for indices in held for index in indices)
    if not all(held) or max(shares.values()) > 1:
        return False
    return len(held) > 1 or (
        len(held[0]) > 1 and held[0][0] > 0 and not CAPTION.match(row.cells[0].text)
    )


def wrapped_by_rules(
    rows: Sequence[Row], spread_out: Sequence[Spread], rules: Sequence[Rule]
) -> list[Spread]:
    """The rows of a table, joined where rules show that they are one.

    Where rules part most records, rows without a rule between them are lines of one. Rows above the first
    rule across all of the table are its head: lines that name the same columns are one.
    """
    left = min(row.box.left for row in rows)
    right = max(row.box.right for row in rows)
    between = [_between(above, below, rules) for above, below in pairwise(rows)]
    full = [_length(found) >= _FULL * (right - left) for found in between]
    parts_records = sum(full) >= max(_RULED_ROWS, _RULED * len(full))
    head = full.index(True) if True in full[:_HEAD] else 0
    joined = [spread_out[0]]
    for index, below in enumerate(spread_out[1:]):
        above = joined[-1]
        wraps = not between[index] and (
            (index < head and _names_same(above, below))
            or (parts_records and index >= head and _goes_on(above, below))
        )
        if wraps:
            joined[-1] = above.with_below(below)
        else:
            joined.append(below)
    return joined


def _between(above: Row, below: Row, rules: Sequence[Rule]) -> list[Rule]:
    left, right = min(above.box.left, below.box.left), max(above.box.right, below.box.right)
    return [
        rule
        for rule in rules
        if above.box.middle[1] < rule.y < below.box.middle[1]
        and min(rule.end_x, right) > max(rule.x, left)
    ]


def _length(rules: Sequence[Rule]) -> float:
    return sum(rule.end_x - rule.x for rule in rules)


def _names_same(above: Spread, below: Spread) -> bool:
    """Whether two rows of a head name the same columns, or one of them some of the other's, in words."""
    one, other = above.filled, below.filled
    texts = (*above.texts, *below.texts)
    return (one <= other or other <= one) and not any(map(_FIGURES.fullmatch, texts))


def _goes_on(above: Spread, below: Spread) -> bool:
    """Whether one of two rows has at most half of the other's texts, as the lines of a wrapped cell do."""
    few, many = sorted((len(above.filled), len(below.filled)))
    return 2 * few <= many
