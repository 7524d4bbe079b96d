"""Words that say by their shape what they are: e-mail and web addresses, telephone numbers, accounts, rates, times, ranges."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from readstone.extraction.candidates import Candidate, Kind, Meaning
from readstone.extraction.geometry import Run, Sheet, Span
from readstone.extraction.values.amounts import DecimalMark, amounts
from readstone.extraction.values.answers import answer
from readstone.extraction.values.dates import dates
from readstone.extraction.values.identifiers import (
    iban_is_right,
    ibans,
    tax_id_is_right,
    tax_ids,
)
from readstone.extraction.values.plain import plain

_EMAIL: Final = re.compile(
    r"[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w@])"
)
_URL: Final = re.compile(
    r"(?<![\w@.])(?:https?://[^\s<>\"]{3,300}|www\.[^\s<>\"]{3,300}"
    r"|(?:[a-z0-9-]{2,63}\.){1,4}(?:com|org|net|eu|de|fr|es|it|pt|ch|at|be|nl|uk|us|cn|jp|my|sg|io|info|gov|edu)(?:/[^\s<>\"]{0,300})?)(?![\w@])"
)
_BIC: Final = re.compile(r"(?<![\w])[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?(?![\w])")
_PHONE: Final = re.compile(
    r"(?<![\w.,/])(?:\+|00|\()?[0-9(][0-9()]*(?:[ ./\u2013-]{1,3}[0-9()]+){0,8}(?![\w.,/]?[0-9A-Za-z])"
)
_TIME: Final = re.compile(
    r"(?<![\d:.])(?:[01]?\d|2[0-3])(?::[0-5]\d){1,2}(?: ?[AaPp]\.?[Mm]\.?)?(?![\d:])|(?<!\d)(?:[01]?\d|2[0-3]) ?h ?[0-5]\d(?!\d)"
)
_NUMBER: Final = r"[0-9]+(?:[.,][0-9]+)?"
_RANGE: Final = re.compile(
    rf"(?<![\w.,/-]){_NUMBER} ?(?:-|~|\u2014|\u301c|to|bis|\u00e0|a|\u81f3) ?{_NUMBER}(?![\w/-]|[.,][0-9])|[<>\u2264\u2265]=? ?{_NUMBER}(?![\w])"
)
_MEASURE: Final = re.compile(
    rf"(?<![\w.,/-])[<>\u2264\u2265]? ?{_NUMBER} ?(?:%|[A-Za-z\u00b5\u03bc\u00b0][A-Za-z0-9\u00b5\u03bc/^*.%]{{0,14}}|[0-9*x^]{{2,6}}/[A-Za-z]{{1,3}})?(?![\w])"
)
_FEWEST: Final = 6
_MOST: Final = 15
"""Digits of a telephone number (ITU-T E.164 allows 15)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where in a text something of a sort stands, what it says, and how well (0..1) it looks like it."""

    start: int
    end: int
    fit: float = 1.0
    meaning: Meaning | None = None


def shaped_in(sheet: Sheet, kind: Kind, mark: DecimalMark | None) -> tuple[Candidate, ...]:
    """All of that kind that the sheet prints; `mark` is how it writes decimals. None for kinds without a shape."""
    if kind == "percent":
        return tuple(_candidates(sheet, kind, lambda text: _rates(text, mark)))
    find = _SHAPES.get(kind)
    return tuple(_candidates(sheet, kind, find)) if find else ()


def answers_in(sheet: Sheet) -> tuple[Candidate, ...]:
    """Every word that says yes or no, and every box, ticked or empty."""
    found: list[Candidate] = []
    for run in sheet.runs:
        for index, word in enumerate(run.words):
            said = answer(word.text)
            if said is not None:
                span = Span(run, index, index + 1)
                meaning = "true" if said else "false"
                found.append(Candidate("boolean", (span,), meaning, 1.0, word.text))
    return tuple(found)


def _candidates(
    sheet: Sheet, kind: Kind, find: Callable[[str], Iterable[Shape]]
) -> Iterator[Candidate]:
    for run in sheet.runs:
        for shape in find(plain(run.text)):
            yield _candidate(run, kind, shape)


def _candidate(run: Run, kind: Kind, shape: Shape) -> Candidate:
    first, end = run.words_in(shape.start, shape.end)
    text = run.text[shape.start : shape.end].strip()
    meaning = text if shape.meaning is None else shape.meaning
    return Candidate(kind, (Span(run, first, end),), meaning, shape.fit, text)


def _matches(pattern: re.Pattern[str]) -> Callable[[str], Iterator[Shape]]:
    return lambda text: (Shape(*match.span()) for match in pattern.finditer(text))


def _phones(text: str) -> Iterator[Shape]:
    """Runs of digits as people dial them: no days, no other numbers; the surer with a + or groups."""
    others = [(found.start, found.end) for found in dates(text)] + [*tax_ids(text), *ibans(text)]
    for match in _PHONE.finditer(text):
        said = match[0]
        count = sum(map(str.isdecimal, said))
        inside = any(match.start() < end and start < match.end() for start, end in others)
        if not _FEWEST <= count <= _MOST or inside or said.count("(") != said.count(")"):
            continue
        grouped = any(sign in said for sign in " -/().")
        told = said[0] in "+(" or (said[0] == "0" and grouped)
        yield Shape(*match.span(), fit=1.0 if told else 0.9 if grouped else 0.7)


def _accounts(text: str) -> Iterator[Shape]:
    for start, end in ibans(text):
        yield Shape(start, end, 1.0 if iban_is_right(text[start:end]) else 0.8)


def _tax_numbers(text: str) -> Iterator[Shape]:
    accounts = list(ibans(text))
    for start, end in tax_ids(text):
        if not any(start < last and first < end for first, last in accounts):
            right = tax_id_is_right(text[start:end])
            yield Shape(start, end, 1.0 if right else 0.8 if right is None else 0.75)


def _rates(text: str, mark: DecimalMark | None) -> Iterator[Shape]:
    """Percentages, and plain numbers of at most two figures, which a heading may make a rate."""
    for found in amounts(text, mark):
        if found.percent or (0 < found.value < 100 and not found.currency):  # noqa: PLR2004
            yield Shape(found.start, found.end, 1.0 if found.percent else 0.6, found.value)


_SHAPES: Final[Mapping[Kind, Callable[[str], Iterable[Shape]]]] = {
    "email": _matches(_EMAIL),
    "url": _matches(_URL),
    "bic": _matches(_BIC),
    "phone": _phones,
    "iban": _accounts,
    "tax_id": _tax_numbers,
    "time": _matches(_TIME),
    "range": _matches(_RANGE),
    "measure": _matches(_MEASURE),
}
