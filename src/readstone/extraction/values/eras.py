"""Dates of East Asia: year, month and day by their signs, in figures or Chinese numerals, in the years of an era too."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

_ERAS: Final = {
    "\u4ee4\u548c": 2018, "\u5e73\u6210": 1988, "\u662d\u548c": 1925, "\u5927\u6b63": 1911,
    "\u6c11\u56fd": 1911, "\u6c11\u570b": 1911, "R": 2018, "H": 1988, "S": 1925,
}  # fmt: skip
"""The year before the first of each."""
_NUMERALS: Final = "\u3007\u25cb\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d"
_VALUES: Final = {sign: max(0, index - 2) for index, sign in enumerate(_NUMERALS)}
_NUMBER: Final = rf"[0-9{_NUMERALS}\u5341]"
_SIGNED: Final = re.compile(
    rf"(?P<era>\u4ee4\u548c|\u5e73\u6210|\u662d\u548c|\u5927\u6b63|\u6c11\u56fd|\u6c11\u570b)? ?(?P<year>{_NUMBER}{{1,4}}|\u5143) ?\u5e74 ?"
    rf"(?P<month>{_NUMBER}{{1,3}}) ?\u6708 ?(?P<day>{_NUMBER}{{1,3}}) ?[\u65e5\u53f7\u865f]?"
)
_SHORT_ERA: Final = re.compile(
    r"(?<![0-9A-Za-z])(?P<era>[RHS]) ?(?P<year>[0-9]{1,2})(?P<mark>[./-])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})(?![0-9A-Za-z])"
)
_WHOLE_YEAR: Final = 1900


def asian_dates(text: str) -> Iterator[tuple[int, int, date]]:
    """Where each such day begins and ends, and which it is."""
    for pattern in (_SIGNED, _SHORT_ERA):
        for match in pattern.finditer(text):
            year, month, day = (_number(match[part]) for part in ("year", "month", "day"))
            year += _ERAS[match["era"]] if match["era"] else 0 if year >= _WHOLE_YEAR else 2000
            try:
                yield *match.span(), date(year, month, day)
            except ValueError:
                continue


def _number(text: str) -> int:
    if text == "\u5143":
        return 1
    if text.isascii():
        return int(text)
    tens, ten, ones = text.partition("\u5341")
    if ten:
        return 10 * (_place(tens) or 1) + _place(ones)
    return _place(text)


def _place(text: str) -> int:
    """Figures one after another, in either script; 0 for none."""
    return int("".join(str(_VALUES.get(sign, sign)) for sign in text if sign != "\u5341") or "0")
