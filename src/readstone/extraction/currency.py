"""The currency of a document: the code or sign that stands with most of its amounts."""

import re
from collections import Counter
from typing import Final

from readstone.extraction.candidates import Candidate
from readstone.extraction.geometry import Sheet, Span
from readstone.extraction.values.currencies import currency_of

_MARK: Final = re.compile(
    r"(?<![A-Za-z])(EUR|USD|GBP|CHF|MYR|SGD|CNY|JPY|RMB|RM|CAD|AUD|INR|SEK|NOK|DKK|PLN)(?![A-Za-z])|[€$£¥₹]"
)


def currency_in(sheet: Sheet) -> list[tuple[Candidate, float]]:
    """The commonest mark, where it first stands."""
    marks: Counter[str] = Counter()
    first: dict[str, Span] = {}
    for run in sheet.runs:
        for match in _MARK.finditer(run.text):
            code = currency_of(match[0])
            if code is None:
                continue
            marks[code] += 1
            begin, end = run.words_in(match.start(), match.end())
            first.setdefault(code, Span(run, begin, end))
    if not marks:
        return []
    code, count = marks.most_common(1)[0]
    share = count / sum(marks.values())
    return [(Candidate("currency", (first[code],), code, 1.0, code), 0.5 + 0.45 * share)]
