"""Whether a document prints what was answered: every value is held against its words, and its words against the pages."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from readstone.core.document import Page
from readstone.core.extraction import Value
from readstone.extraction.values.amounts import amounts
from readstone.extraction.values.currencies import currency_of
from readstone.extraction.values.dates import dates

_MARKS: Final = re.compile(r"[\s/]+")


def unprinted(values: Iterable[Value], pages: Sequence[Page]) -> list[Value]:
    """The values that their words do not say, or whose words stand on no page."""
    return [value for value in values if not _is_printed(value, pages)]


def _is_printed(value: Value, pages: Sequence[Page]) -> bool:
    evidence = value.evidence
    if evidence is None or not evidence.words:
        return False
    page = _bare("".join(line.text for line in pages[evidence.page].lines))
    stands = all(_bare(word.text) in page for word in evidence.words)
    return stands and _says(evidence.text, value)


def _says(text: str, value: Value) -> bool:
    said = value.value
    if isinstance(said, bool):
        return True
    if isinstance(said, int | float):
        return any(
            float(found.value) == float(said)
            for mark in (None, ".", ",")
            for found in amounts(text, mark)
        )
    if value.match == "derived":
        days = {day for found in dates(text) for day in (found.value, found.other) if day}
        return str(said) in {day.isoformat() for day in days} or said in map(
            currency_of, _MARKS.split(text)
        )
    return _bare(str(said)) in _bare(text)


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
