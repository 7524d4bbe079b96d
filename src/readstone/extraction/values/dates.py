"""Dates as documents print them, in seven languages and three East Asian calendars."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from readstone.extraction.values.eras import asian_dates
from readstone.extraction.values.months import MONTH, month_of
from readstone.extraction.values.plain import digits, plain

_PIVOT: Final = 50
"""Two digits below it are years of 2000, the others of 1900."""
_MONTHS: Final = 12
_YEAR_DIGITS: Final = 4
_D: Final = "[0-9OoIl]"
_YEAR: Final = rf"(?:19|20|2[Oo]|[Il]9){_D}{{2}}"
_BEGIN: Final = r"(?<![0-9A-Za-z])(?:(?<![0-9A-Za-z][-/.])|(?<=[0-9]{4}-))"
_END: Final = (
    r"(?:(?![0-9A-Za-z]|[-/.][0-9])|(?=-[0-9]{1,2}[./])|(?=[0-9]{1,2}:[0-9]{2})|(?=T[0-9]{2}:))"
)
_YEAR_FIRST: Final = re.compile(
    rf"{_BEGIN}(?P<year>{_YEAR}) ?(?P<mark>[-/.]) ?(?P<month>{_D}{{1,2}}) ?(?P=mark) ?(?P<day>{_D}{{1,2}}){_END}"
)
_COMPACT: Final = re.compile(
    rf"{_BEGIN}(?P<year>(?:19|20)[0-9]{{2}})(?P<month>[01][0-9])(?P<day>[0-3][0-9])(?![0-9A-Za-z])(?![-/.][0-9])"
)
_NUMERIC: Final = re.compile(
    rf"{_BEGIN}(?P<first>{_D}{{1,2}}) ?(?P<mark>[-/.]) ?(?P<second>{_D}{{1,2}}) ?(?P=mark) ?(?P<year>{_YEAR}|'?[0-9]{{2}}){_END}"
)
_DAY_MONTH: Final = re.compile(
    rf"{_BEGIN}(?P<day>{_D}{{1,2}})(?:st|[nr]d|th|er|\u00ba|\u00b0|o)?(?: ?[-/.,] ?| )?(?:(?:of|de|di) |d')?"
    rf"(?P<month>{MONTH})(?: ?[-/.,'] ?\'?| | del? | ,)?\.?(?: ?de )? ?(?P<year>{_YEAR}|[0-9]{{2}}){_END}"
)
_MONTH_DAY: Final = re.compile(
    rf"(?<![A-Za-z\u00c0-\u024f0-9])(?P<month>{MONTH})(?:\.? ?[-/.,] ?|\.? ?)(?P<day>{_D}{{1,2}})(?:st|[nr]d|th)?"
    rf"(?: ?[-/.,] ?|[ ])(?P<year>{_YEAR}|'?[0-9]{{2}}){_END}"
)


@dataclass(frozen=True, slots=True)
class PrintedDate:
    """A day in `text[start:end]`. `other` is the day it would be if day and month were printed the other way round.

    `compact`: eight digits in a row, which may be any number.
    """

    start: int
    end: int
    value: date
    other: date | None = None
    compact: bool = False


def dates(text: str, *, day_first: bool | None = None) -> tuple[PrintedDate, ...]:
    """The days of a text from left to right, none inside another.

    `day_first` says how the document writes 03/04/2018 (see `day_first_of`); unknown, the day is taken to come first.
    """
    bare = plain(text)
    found = [*_year_first(bare), *_numeric(bare, day_first=day_first), *_named(bare)]
    found += [PrintedDate(start, end, value) for start, end, value in asian_dates(bare)]
    kept: list[PrintedDate] = []
    for candidate in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or candidate.start >= kept[-1].end:
            kept.append(candidate)
    return tuple(kept)


def day_first_of(texts: Iterable[str]) -> bool | None:
    """How a document writes numeric dates, by those that leave no doubt; None where there are none, or as many of each."""
    balance = 0
    for text in texts:
        for match in _NUMERIC.finditer(plain(text)):
            first, second = int(digits(match["first"])), int(digits(match["second"]))
            balance += (first > _MONTHS >= second) - (second > _MONTHS >= first)
    return None if balance == 0 else balance > 0


def _year_first(text: str) -> Iterator[PrintedDate]:
    for pattern in (_YEAR_FIRST, _COMPACT):
        for match in pattern.finditer(text):
            value = _day(match["year"], match["month"], match["day"])
            if value:
                yield PrintedDate(*match.span(), value, compact=pattern is _COMPACT)


def _numeric(text: str, *, day_first: bool | None) -> Iterator[PrintedDate]:
    for match in _NUMERIC.finditer(text):
        first, second, year = match["first"], match["second"], match["year"]
        dayish, monthish = _day(year, second, first), _day(year, first, second)
        preferred, other = (monthish, dayish) if day_first is False else (dayish, monthish)
        value = preferred or other or _day(first, second, year)
        if value:
            doubtful = preferred and other and preferred != other
            yield PrintedDate(*match.span(), value, other if doubtful else None)


def _named(text: str) -> Iterator[PrintedDate]:
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(text):
            month = month_of(match["month"])
            value = _day(match["year"], str(month), match["day"]) if month else None
            if value:
                yield PrintedDate(*match.span(), value)


def _day(year: str, month: str, day: str) -> date | None:
    whole = int(digits(year.lstrip("'")))
    if len(year.lstrip("'")) < _YEAR_DIGITS:
        whole += 2000 if whole < _PIVOT else 1900
    try:
        return date(whole, int(digits(month)), int(digits(day)))
    except ValueError:
        return None
