"""Rules of test reports: each result lies where its printed mark says, by its printed reference range."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from readstone.core.extraction import Check
from readstone.extraction.checks.facts import Facts, Row, Rows
from readstone.extraction.checks.verdict import held, unprinted
from readstone.extraction.values.plain import plain

RESULT: Final = "result against its range = its mark"

Place: TypeAlias = Literal["low", "normal", "high"]

_NUMBER: Final = r"(?<![0-9.])-?[0-9]+(?:[.,][0-9]+)?"
_RANGE: Final = re.compile(rf"({_NUMBER})\s*(?:--?|~|\u223c|to|bis|\u81f3|a|\u00e0)\s*({_NUMBER})")
_BOUND: Final = re.compile(rf"(<=?|\u2264|>=?|\u2265)\s*({_NUMBER})")
_HIGH: Final = re.compile(
    r"[\u2191\u2b06\u25b2]|\b(?:H|HH|HIGH)\b|\u504f\u9ad8|\u5347\u9ad8|(?<=\d)\s*\+$", re.IGNORECASE
)
_LOW: Final = re.compile(
    r"[\u2193\u2b07\u25bc]|\b(?:L|LL|LOW)\b|\u504f\u4f4e|\u964d\u4f4e", re.IGNORECASE
)
_NORMAL: Final = re.compile(r"\b(?:N|NORMAL)\b|\u6b63\u5e38", re.IGNORECASE)


def result_checks(facts: Facts) -> Iterator[Check]:
    """One for each result of a list that has a range: where it lies, and where the mark beside it says so."""
    for rows in facts.lists:
        if rows.asked("result") and rows.asked("reference_range"):
            marked = any(_mark(row) in {"low", "high"} for row in rows.rows)
            yield from (_result(row, rows, marked=marked) for row in rows.rows)


def _result(row: Row, rows: Rows, *, marked: bool) -> Check:
    result, limits, flag = (row.one(each) for each in ("result", "reference_range", "flag"))
    number = _number(result.text) if result else None
    place = _place(number, limits.text) if number is not None and limits else None
    mark = _mark(row)
    # A normal result has no mark; where nothing at all is marked, marks are not printed.
    silent = mark is None and not (marked and rows.asked("flag"))
    if number is None or place is None or (silent and place != "normal"):
        return unprinted(RESULT, [result, limits, flag])
    return held(
        RESULT, place, mark or "normal", [result, limits, flag], true=place == (mark or "normal")
    )


def _mark(row: Row) -> Place | None:
    """What the mark says that stands in its own column, or behind the result."""
    flag, result = row.one("flag"), row.one("result")
    said = " ".join(
        [
            flag.text if flag else "",
            result.value.evidence.text if result and result.value.evidence else "",
        ]
    )
    if _HIGH.search(said):
        return "high"
    if _LOW.search(said):
        return "low"
    return "normal" if _NORMAL.search(said) else None


def _number(text: str) -> Decimal | None:
    found = re.match(rf"\s*({_NUMBER})", plain(text))
    return _decimal(found[1]) if found else None


def _place(number: Decimal, limits: str) -> Place | None:
    bare = plain(limits)
    if found := _RANGE.search(bare):
        low, high = _decimal(found[1]), _decimal(found[2])
        return "low" if number < low else "high" if number > high else "normal"
    if found := _BOUND.search(bare):
        bound, sign = _decimal(found[2]), found[1]
        if sign[0] in "<\u2264":
            inside = number < bound or (sign != "<" and number == bound)
            return "normal" if inside else "high"
        inside = number > bound or (sign != ">" and number == bound)
        return "normal" if inside else "low"
    return None


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))
