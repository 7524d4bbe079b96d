"""Holds what a language model claims against the lines it cites: a value with its words, or the rule it breaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, groupby
from typing import Final

from readstone.core.document import Box, Word
from readstone.core.extraction import Evidence, Match, Scalar, Value
from readstone.extraction.llm.answer import Claim
from readstone.extraction.llm.lines import NumberedLine
from readstone.extraction.llm.matching import find
from readstone.extraction.values.amounts import (
    Amount,
    DecimalMark,
    amount,
    amounts,
    decimal_mark_of,
)
from readstone.extraction.values.answers import NO, YES
from readstone.extraction.values.dates import PrintedDate, dates, day_first_of

_SURENESS: Final[Mapping[Match, float]] = {
    "exact": 0.9,
    "derived": 0.9,
    "fuzzy": 0.7,
    "ungrounded": 0.1,
}
"""How sure a claim is to be the right value where its words say it. Not calibrated: no model is like another."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A claim that the cited lines do not bear out, and the rule it breaks, as a sentence for the model."""

    claim: Claim
    rule: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """A value among words, and how they say it."""

    value: Scalar
    words: tuple[Word, ...]
    match: Match


class Witness:
    """Knows the lines that the model was shown, and how the document writes numbers and dates."""

    def __init__(self, window: Sequence[NumberedLine], document: Sequence[NumberedLine]) -> None:
        texts = [line.line.text for line in document]
        self._lines = {line.number: line for line in window}
        self._mark: DecimalMark | None = decimal_mark_of(texts)
        self._day_first = day_first_of(texts)

    def verdict(self, claim: Claim) -> Value | Failure | None:
        """The value with its evidence; None where the model says that there is none."""
        if claim.value is None:
            return None
        cited = [self._lines[number] for number in claim.lines if number in self._lines]
        if not cited:
            return Failure(claim, "it cites no line of the document")
        if self._wanted(claim) is None:
            return Failure(claim, _UNREAD[claim.field.kind])
        for page, group in groupby(
            sorted(cited, key=lambda line: line.page), lambda line: line.page
        ):
            seen = self._seen(claim, [line.line.words for line in group])
            if seen:
                return _value(claim, seen, page)
        return Failure(claim, "the lines it cites do not print it")

    def kept(self, claim: Claim) -> Value | None:
        """The claim as it stands, for a client that asked for what no words say; None where it is not of its kind."""
        value = self._wanted(claim)
        if value is None:
            return None
        return Value(claim.path, value, None, "ungrounded", 0.0, _SURENESS["ungrounded"])

    def _wanted(self, claim: Claim) -> Scalar:
        """What the claim says, as its kind; None where it says nothing of its kind."""
        text = claim.value or ""
        match claim.field.kind:
            case "date":
                days = dates(text, day_first=self._day_first)
                return days[0].value.isoformat() if len(days) == 1 else None
            case "number" | "integer":
                number = self._number(text)
                whole = claim.field.kind == "integer"
                return None if number is None else _json(number, whole=whole)
            case "boolean":
                return {"true": True, "false": False}.get(text.casefold())
            case "choice":
                return text if text in claim.field.choices else None
            case "text" | "verbatim":
                return text

    def _seen(self, claim: Claim, lines: Sequence[Sequence[Word]]) -> _Seen | None:
        words = [word for line in lines for word in line]
        match claim.field.kind:
            case "date":
                return self._date(claim.value or "", words)
            case "number" | "integer":
                return self._amount(claim, lines, words)
            case "boolean":
                return _boolean(claim.value == "true", words)
            case "choice":
                found = find(claim.value or "", lines)
                return found and _Seen(claim.value, found.words, found.likeness)
            case "text" | "verbatim":
                return _text(claim, lines)

    def _number(self, text: str) -> Decimal | None:
        whole = amount(text, self._mark)
        found = [whole] if whole else amounts(text, self._mark)
        return found[0].value if len(found) == 1 else None

    def _date(self, claimed: str, words: Sequence[Word]) -> _Seen | None:
        wanted = dates(claimed, day_first=self._day_first)[0]
        text, starts = _joined(words)
        for printed in dates(text, day_first=self._day_first):
            if wanted.value in {printed.value, printed.other}:
                value = wanted.value.isoformat()
                return _Seen(value, _within(words, starts, printed), _said(text, printed, value))
        return None

    def _amount(
        self, claim: Claim, lines: Sequence[Sequence[Word]], words: Sequence[Word]
    ) -> _Seen | None:
        wanted = self._number(claim.value or "")
        value = None if wanted is None else _json(wanted, whole=claim.field.kind == "integer")
        text, starts = _joined(words)
        for printed in amounts(text, self._mark):
            if printed.value == wanted:
                match = "fuzzy" if printed.folded else _said(text, printed, str(value))
                return _Seen(value, _within(words, starts, printed), match)
        found = find(claim.value or "", lines)
        if found and found.likeness == "exact" and self._number(found.printed) == wanted:
            return _Seen(value, found.words, "derived")
        return None


_UNREAD: Final = {
    "date": "it is not one date",
    "number": "it is not one number",
    "integer": "it is not one whole number",
    "boolean": 'it is neither "true" nor "false"',
    "choice": "it is not one of the choices",
    "text": "it is empty",
    "verbatim": "it is empty",
}


def _text(claim: Claim, lines: Sequence[Sequence[Word]]) -> _Seen | None:
    """As printed; only where a letter was misread, as the model reads it."""
    found = find(claim.value or "", lines)
    if not found:
        return None
    misread = found.likeness == "fuzzy" and claim.field.kind == "text"
    match: Match = "fuzzy" if misread else "exact"
    return _Seen(claim.value if misread else found.printed, found.words, match)


def _boolean(wanted: bool, words: Sequence[Word]) -> _Seen | None:  # noqa: FBT001 the value itself
    said = [(word, word.text.strip(".,:;()[]").casefold()) for word in words]
    saying = [word for word, text in said if text in (YES if wanted else NO)]
    against = [word for word, text in said if text in (NO if wanted else YES)]
    return _Seen(wanted, (saying[0],), "derived") if saying and not against else None


def _json(number: Decimal, *, whole: bool) -> Scalar:
    """The JSON number; None for a broken one where a whole one is wanted."""
    if number == number.to_integral_value():
        return int(number)
    return None if whole else float(number)


def _said(text: str, printed: Amount | PrintedDate, value: str) -> Match:
    return "exact" if text[printed.start : printed.end] == value else "derived"


def _joined(words: Sequence[Word]) -> tuple[str, list[int]]:
    """The words with single spaces, and where each begins."""
    starts = list(accumulate((len(word.text) + 1 for word in words), initial=0))
    return " ".join(word.text for word in words), starts[:-1]


def _within(
    words: Sequence[Word], starts: Sequence[int], printed: Amount | PrintedDate
) -> tuple[Word, ...]:
    return tuple(
        word
        for word, start in zip(words, starts, strict=True)
        if start < printed.end and start + len(word.text) > printed.start
    )


def _value(claim: Claim, seen: _Seen, page: int) -> Value:
    boxes = [word.box for word in seen.words]
    box = Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
    letters = sum(len(word.text) for word in seen.words)
    confidence = sum(word.confidence * len(word.text) for word in seen.words) / letters
    evidence = Evidence(page, box, seen.words)
    return Value(claim.path, seen.value, evidence, seen.match, confidence, _SURENESS[seen.match])
