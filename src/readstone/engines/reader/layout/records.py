"""Records: which lines in one row of a grid are rows of their own, where a table has rules between its columns only."""

import re
from collections.abc import Sequence
from typing import Final

_NUMBER: Final = re.compile(
    r"[^\w\s]{0,3}\s?(?:[A-Z]{1,3}\$?\s)?[\d][\d\s.,:/'%-]*\s?(?:[^\W\d]{1,3}|[^\w\s])?"
)
"""An amount, a count, a day or a time, with its unit or currency."""
_FEWEST: Final = 2
_COLUMNS: Final = 3
_ALIKE: Final = 3
"""Columns, and lines in each of them, that are rows where all have as many: wrapped texts are hardly all as long."""


def records(columns: Sequence[dict[int, str]]) -> dict[int, int]:
    """The record, from 0, that each visual row belongs to; empty where all are lines of the same one.

    `columns` has the texts of each column by visual row. A new record begins where the column of the most
    numbers has one; what stands above the first number or has none belongs to the record before.
    """
    filled = [column for column in columns if column]
    if sum(len(column) >= _FEWEST for column in filled) < _FEWEST:
        return {}
    rows = sorted({row for column in filled for row in column})
    starts = _starts(filled)
    if not starts:
        return {}
    numbered: dict[int, int] = {}
    record = 0
    for row in rows:
        if row in starts and numbered and row != min(starts):
            record += 1
        numbered[row] = record
    return numbered


def _starts(columns: Sequence[dict[int, str]]) -> set[int]:
    """The visual rows in which a record begins."""
    if len(columns) >= _COLUMNS:
        first = set(columns[0])
        if len(first) >= _ALIKE and all(set(column) == first for column in columns):
            return first
    numbers = [
        {row for row, text in column.items() if _NUMBER.fullmatch(text)}
        for column in columns
        if all(_NUMBER.fullmatch(text) for text in column.values())
    ]
    most = max(numbers, key=len, default=set[int]())
    return most if len(most) >= _FEWEST else set()
