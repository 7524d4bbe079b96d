"""What printed words can be: amounts, days, numbers of things, names, each with where it stands."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Final, Literal, TypeAlias

from readstone.core.document import Box
from readstone.extraction.geometry import Sheet, Span, around
from readstone.extraction.values.amounts import DecimalMark, amounts, decimal_mark_of
from readstone.extraction.values.dates import dates, day_first_of

Kind: TypeAlias = Literal[
    "address", "amount", "bic", "boolean", "choice", "currency", "date", "email", "iban", "id", "measure", "name", "number",
    "percent", "phone", "range", "tax_id", "text", "time", "url",
]  # fmt: skip
"""What a value looks like: id: a word with a digit · measure: a number with its unit · range: from a number to another ·
name: who · text: anything; the others say it themselves."""
Meaning: TypeAlias = Decimal | date | str
"""What a candidate says: a number, a day, or its text."""

_ID: Final = re.compile(r"[A-Za-z0-9À-ɏ][\w/.\-#&]*[\w]|\d", re.UNICODE)
_MARKS: Final = " :;,.|*#=-_~'\"()[]"
_STATE: Final = re.compile(
    r"\b(A[KLRZ]|C[AOT]|D[C]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]),? \d{5}\b"
)
_EUROPEAN: Final = re.compile(
    r"€|\bEUR\b|\b(facture|rechnung|fattura|factura|factuur|echéance|tva|mwst|ust)\b", re.IGNORECASE
)
_POINTED: Final = re.compile(r"\b\d{1,2}\.\d{1,2}\.\d{2,4}\b")
_CENTS: Final = 2
_SHORT_ID: Final = 3


@dataclass(frozen=True)
class Candidate:
    """Words that may be a value of `kind`; `fit` (0..1) says how well they look like one."""

    kind: Kind
    spans: tuple[Span, ...]
    meaning: Meaning
    fit: float
    text: str

    @cached_property
    def span(self) -> Span:
        """Where it begins."""
        return self.spans[0]

    @cached_property
    def box(self) -> Box:
        """Around all of it."""
        return around([span.box for span in self.spans])

    @property
    def place(self) -> tuple[tuple[int, int, int], ...]:
        """What tells it from every other candidate of its kind."""
        return tuple(span.place for span in self.spans)


def of_kind(candidate: Candidate, kind: Kind, fit: float) -> Candidate:
    """The same words as something of another kind, which they look like by `fit` of what they did."""
    return replace(candidate, kind=kind, fit=candidate.fit * fit)


@dataclass(frozen=True, slots=True)
class Habits:
    """How the document writes numbers and days."""

    decimal_mark: DecimalMark | None
    day_first: bool | None


def habits_of(sheet: Sheet) -> Habits:
    """By what leaves no doubt; an American address says month first."""
    texts = [run.text for run in sheet.runs]
    day_first = day_first_of(texts)
    if day_first is None and any(_STATE.search(text) for text in texts):
        day_first = any(_EUROPEAN.search(text) for text in texts)
    return Habits(decimal_mark_of(texts), day_first)


def amounts_in(sheet: Sheet, habits: Habits) -> tuple[Candidate, ...]:
    """Every number that stands alone, percentages left out."""
    return tuple(_amounts(sheet, habits))


def _amounts(sheet: Sheet, habits: Habits) -> Iterator[Candidate]:
    for run in sheet.runs:
        for found in amounts(run.text, habits.decimal_mark):
            if found.percent:
                continue
            first, end = run.words_in(found.start, found.end)
            fit = 1.0 if found.decimals == _CENTS or found.currency else 0.75
            fit *= 0.9 if found.folded else 1.0
            text = run.text[found.start : found.end]
            yield Candidate("amount", (Span(run, first, end),), found.value, fit, text)


def days_in(sheet: Sheet, habits: Habits) -> tuple[Candidate, ...]:
    """Every day."""
    return tuple(_days(sheet, habits))


def _days(sheet: Sheet, habits: Habits) -> Iterator[Candidate]:
    for run in sheet.runs:
        # With points between, the day comes first everywhere.
        day_first = habits.day_first or _POINTED.search(run.text) is not None
        for found in dates(run.text, day_first=day_first or habits.day_first):
            first, end = run.words_in(found.start, found.end)
            text = run.text[found.start : found.end]
            fit = 0.4 if found.compact else 1.0
            yield Candidate("date", (Span(run, first, end),), found.value, fit, text)


def ids_in(sheet: Sheet, others: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Every word with a digit; `others` are amounts and days, which numbers of things seldom are."""
    claimed = {(span.run.index, span.first): each for each in others for span in each.spans}
    found: list[Candidate] = []
    for run in sheet.runs:
        for index, word in enumerate(run.words):
            text = word.text.strip(_MARKS)
            text = text.rsplit(":", 1)[-1].strip(_MARKS) if ":" in text else text
            if not any(map(str.isdigit, text)) or not _ID.fullmatch(text):
                continue
            claim = claimed.get((run.index, index))
            fit = 1.0 if len(text) > _SHORT_ID else 0.6
            if claim and (claim.kind == "date" or any(mark in claim.text for mark in ".,€$")):
                fit *= 0.35
            span = Span(run, index, index + 1)
            found.append(Candidate("id", (span,), text, fit, text))
            before = run.words[index - 1].text if index else ""
            if before.isalpha() and before.isupper() and 1 < len(before) <= _SHORT_ID:
                whole = Span(run, index - 1, index + 1)
                found.append(
                    Candidate("id", (whole,), f"{before} {text}", fit * 0.97, f"{before} {text}")
                )
    return tuple(found)


def texts_in(sheet: Sheet, ends: Iterable[Span]) -> tuple[Candidate, ...]:
    """What stands before the first label of each run, and behind every label up to the next one."""
    labels: dict[int, list[Span]] = {}
    for span in ends:
        labels.setdefault(span.run.index, []).append(span)
    found: list[Candidate] = []
    for run in sheet.runs:
        begin = 0
        for label in [*sorted(labels.get(run.index, []), key=lambda span: span.first), None]:
            end = label.first if label else len(run.words)
            if piece := _stripped(Span(run, begin, end)):
                found.append(
                    Candidate("text", (piece,), piece.text.strip(" :"), 1.0, piece.text.strip(" :"))
                )
            begin = max(begin, label.end) if label else begin
    return tuple(found)


def _stripped(span: Span) -> Span | None:
    """Without marks that stand alone at either end; None where nothing is left."""
    first, end = span.first, span.end
    while first < end and not span.run.words[first].text.strip(_MARKS):
        first += 1
    while end > first and not span.run.words[end - 1].text.strip(" :;,|=-"):
        end -= 1
    return Span(span.run, first, end) if first < end else None
