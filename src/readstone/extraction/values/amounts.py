"""Numbers and money as every locale prints them, as exact decimals with where they stand."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from readstone.extraction.values.currencies import CURRENCY, currency_of
from readstone.extraction.values.plain import digits, plain

DecimalMark: TypeAlias = Literal[".", ","]

_LONGEST: Final = 15
"""Digits of an amount; a longer run is a number of something, not an amount of it."""
_CENTS: Final = 2
_DIGIT: Final = "[0-9OolISB]"
_FIRST: Final = "[0-9OolI]"
_WHOLE: Final = (
    rf"(?!0[ '.,]){_FIRST}{_DIGIT}{{0,2}}(?P<group>[ '.,]){_DIGIT}{{3}}(?:(?P=group){_DIGIT}{{3}})*(?!{_DIGIT})"
    rf"|{_FIRST}{_DIGIT}?(?P<lakh>,)(?:{_DIGIT}{{2}},)+{_DIGIT}{{3}}(?!{_DIGIT})"
    rf"|{_FIRST}{_DIGIT}*|(?=\.[0-9]{{2}}(?![0-9]))"
)
_DECIMALS: Final = rf"(?P<mark>[.,])(?P<decimals>{_DIGIT}+)|[.,](?:--?|\u2014)|/-|\u20ac(?P<cents>[0-9]{{2}})(?![0-9])"
_AMOUNT: Final = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+] ?)?(?:(?P<before>{CURRENCY})(?:[.:](?![0-9]))?[ ]?|(?P<dollar>S)(?=[0-9]+\.[0-9]{{2}}))?"
    rf"(?P<inner>[-+] ?)?(?P<whole>{_WHOLE})(?:{_DECIMALS})?"
    rf"(?P<minus>-(?![\w]))?(?:[ ]?(?P<percent>%)|[ ]?(?P<after>{CURRENCY}))?(?P<close>\))?"
)
_LETTER: Final = r"A-Za-z_\u00c0-\u024f"
_JOINED_BEFORE: Final = re.compile(
    rf"(?:[0-9][-.,:/'\\]?|[{_LETTER}][-'\\/#]?|(?<![{_LETTER}])[{_LETTER}]\.|[,'/\\])$"
)
_JOINED_AFTER: Final = re.compile(rf"(?![xX*@][ ]?[0-9])[0-9{_LETTER}]|[-.,:/'\\][0-9]|[ ]?:[0-9]")
_REST: Final = re.compile(r"(?![xX][0-9])[A-Za-z0-9]+?(?=[xX][0-9]|[^A-Za-z0-9]|$)")
_TIMES: Final = re.compile(rf"(?<![{_LETTER}])[xX]$")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in `text[start:end]`, its currency mark and brackets included.

    `currency` is an ISO 4217 code where the mark says one. `decimals` are the digits printed after the decimal mark.
    `spaced`: thousands are grouped by spaces, so that it may be two numbers side by side. `folded`: letters
    were read as digits. `ambiguous`: one mark and three digits after it, which may be thousands or decimals.
    """

    start: int
    end: int
    value: Decimal
    currency: str | None = None
    percent: bool = False
    decimals: int = 0
    spaced: bool = False
    folded: bool = False
    ambiguous: bool = False


def amounts(text: str, decimal_mark: DecimalMark | None = None) -> tuple[Amount, ...]:
    """The numbers of a text that stand alone, from left to right: not those inside dates, times or identifiers.

    `decimal_mark` says how the document writes decimals (see `decimal_mark_of`); it decides what `1.234` is,
    which without it is a thousand and more.
    """
    return tuple(_found(plain(text), decimal_mark))


def amount(text: str, decimal_mark: DecimalMark | None = None) -> Amount | None:
    """The amount that the whole text says, but for white space around it; else None."""
    bare = plain(text)
    begin, end = len(bare) - len(bare.lstrip()), len(bare.rstrip())
    found = next(_found(bare, decimal_mark), None)
    return found if found and (found.start, found.end) == (begin, end) else None


def decimal_mark_of(texts: Iterable[str]) -> DecimalMark | None:
    """How a document writes decimals, by the numbers that leave no doubt; None where there are none, or as many of each."""
    seen: Counter[str] = Counter()
    for text in texts:
        bare = plain(text)
        for match in _AMOUNT.finditer(bare):
            if _stands_alone(bare, match):
                seen.update(_evident_mark(match))
    point, comma = seen["."], seen[","]
    return None if point == comma else "." if point > comma else ","


def _evident_mark(match: re.Match[str]) -> str:
    mark, decimals = match["mark"], match["decimals"]
    if mark and (match["group"] or match["lakh"] or len(decimals) == _CENTS):
        return mark
    if not mark and match["group"] in {".", ","} and match["whole"].count(match["group"]) > 1:
        return "," if match["group"] == "." else "."
    return ""


def _found(text: str, decimal_mark: DecimalMark | None) -> Iterator[Amount]:
    position = 0
    while match := _AMOUNT.search(text, position):
        found = _read(match, decimal_mark) if _stands_alone(text, match) else None
        if found:
            yield found
        position = _after(text, match)


def _after(text: str, match: re.Match[str]) -> int:
    """Where to go on: behind all that is joined to the match, whether or not it was an amount."""
    joined = _REST.match(text, match.end())
    return max(joined.end() if joined else match.end(), match.start() + 1)


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    if (
        match["before"]
        and match["before"].isalpha()
        and text[: match.start("before")][-1:].isalpha()
    ):
        return False
    before = text[max(0, match.start() - 8) : match.start()]
    if _JOINED_BEFORE.search(before) and not _TIMES.search(before):
        return False
    after = _JOINED_AFTER.match(text, match.end())
    return after is None or (bool(match["after"]) and not match["after"].isalpha())


def _read(match: re.Match[str], decimal_mark: DecimalMark | None) -> Amount | None:
    whole, decimals, mark = match["whole"], match["decimals"] or match["cents"] or "", match["mark"]
    group = match["group"] or match["lakh"]
    if not _is_number(whole, decimals) or (mark and mark == group):
        return None
    ambiguous = _is_ambiguous(match)
    if ambiguous and group == decimal_mark:
        whole, decimals = whole.split(group)
        group = None
    elif ambiguous and mark and mark != decimal_mark and decimal_mark:
        whole, decimals = whole + decimals, ""
    bare = re.sub(r"[ '.,]", "", whole)
    value = Decimal(f"{digits(bare) or 0}.{digits(decimals) or 0}" if decimals else digits(bare))
    bracketed = bool(match["open"] and match["close"] and (decimals or group or match["before"]))
    negative = bracketed or "-" in f"{match['sign']}{match['inner']}{match['minus']}"
    return Amount(
        start=match.start() + (bool(match["open"]) and not bracketed),
        end=match.end() - (bool(match["close"]) and not bracketed),
        value=-value if negative else value,
        currency=_currency(match),
        percent=bool(match["percent"]),
        decimals=len(decimals),
        spaced=group == " ",
        folded=bool(match["dollar"]) or not (bare + decimals).isdecimal(),
        ambiguous=ambiguous,
    )


def _currency(match: re.Match[str]) -> str | None:
    """The one of its marks that says which: of ¥12元 the second."""
    if match["cents"]:
        return "EUR"
    return currency_of(match["before"] or "") or currency_of(match["after"] or "")


def _is_number(whole: str, decimals: str) -> bool:
    """Whether it is digits, with letters for some only where the rest leaves no doubt."""
    both = re.sub(r"[ '.,]", "", whole) + decimals
    letters = sum(not character.isdecimal() for character in both)
    if letters > len(both) - letters or len(both) > _LONGEST:
        return False
    if letters and len(both) == len(whole):
        return whole[0].isdecimal() and not set(whole[1:]) & set("lISB")
    return True


def _is_ambiguous(match: re.Match[str]) -> bool:
    group, mark, whole = match["group"], match["mark"], match["whole"]
    return (
        not mark and group in {".", ","} and whole.count(group) == 1 and not whole.startswith("0")
    )
