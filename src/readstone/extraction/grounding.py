"""From words to a value with its evidence: what a leaf says, and how it follows from what is printed."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from readstone.core.document import Word
from readstone.core.extraction import Evidence, Field, Match, Path, Scalar, Value
from readstone.extraction.candidates import Candidate
from readstone.extraction.folding import compact
from readstone.extraction.geometry import around
from readstone.extraction.values.amounts import amounts

_EDGES: Final = " :;,|*=~_"


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate that was chosen for a leaf, and how sure that is (0..1)."""

    path: Path
    field: Field
    candidate: Candidate
    confidence: float


def grounded(found: Found) -> Value | None:
    """The value with its evidence, or None where the words cannot be read as the field's kind."""
    value, match = _said(found.field, found.candidate)
    if value is None:
        return None
    words = tuple(word for span in found.candidate.spans for word in span.words)
    evidence = Evidence(found.candidate.span.page, around([word.box for word in words]), words)
    return Value(found.path, value, evidence, match, _certainty(words), round(found.confidence, 4))


def _certainty(words: tuple[Word, ...]) -> float:
    """The mean over the characters."""
    length = sum(len(word.text) for word in words)
    return round(sum(word.confidence * len(word.text) for word in words) / max(1, length), 4)


def _said(field: Field, candidate: Candidate) -> tuple[Scalar, Match]:
    meaning = candidate.meaning
    match field.kind:
        case "number" | "integer":
            return (_number(field, _figures(meaning)), "derived")
        case "date":
            return (meaning.isoformat() if isinstance(meaning, date) else None, "derived")
        case "boolean":
            said = meaning if candidate.kind == "boolean" else None
            return {"true": True, "false": False}.get(str(said)), "derived"
        case "choice":
            said = compact(candidate.text)
            return next((one for one in field.choices if compact(one) == said), None), "fuzzy"
        case "text" | "verbatim":
            pass
    text = candidate.text if candidate.kind != "amount" else _bare_amount(candidate.text)
    text = re.sub(r"\s+", " ", text).strip(_EDGES)
    printed = compact(" ".join(span.text for span in candidate.spans))
    return (text or None, "exact" if compact(text) in printed else "derived")


def _figures(meaning: object) -> object:
    """The number that a text says as its only one."""
    found = amounts(meaning) if isinstance(meaning, str) else ()
    return found[0].value if len(found) == 1 else meaning


def _number(field: Field, meaning: object) -> Scalar:
    if not isinstance(meaning, Decimal):
        return None
    if meaning == meaning.to_integral_value():
        return int(meaning)
    return None if field.kind == "integer" else float(meaning)


def _bare_amount(text: str) -> str:
    """The number without its currency."""
    found = re.search(r"[-(]?\s?[\dOolIS][\d\s.,'’OolIS]*-?\)?", text)
    return found[0].strip(" ,'") if found else text
