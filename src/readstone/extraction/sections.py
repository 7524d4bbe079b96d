"""Parties under their headings: a row "Name" under "Seller", or the first line under it that is a name."""

import re
from collections.abc import Sequence
from typing import Final

from readstone.extraction.candidates import Candidate
from readstone.extraction.folding import compact
from readstone.extraction.geometry import Run, Sheet, Span
from readstone.extraction.labelling import Label
from readstone.extraction.parties import looks_like_address, named, whole_name

NAMES: Final = frozenset({"name", "nom", "flrma", "companyname", "ragionesociale"})
"""What the row of a name is called, folded."""

_PARTIES: Final = frozenset({"seller", "buyer"})
_SALUTATION: Final = re.compile(
    r"(?:Herrn?|Frau|Firma|Fa\.?|Mr\.?|Mrs\.?|Ms\.?|M\.|Mme\.?|Monsieur|Madame|Sr\.?|Sra\.?|Sig\.?(?:ra)?|Messrs\.?)"
)
_STATEMENT: Final = re.compile(r"[:=#@]|\d{4}")
_REACH: Final = 9
"""Lines under a heading among which a party's name stands."""
_PITCH: Final = 2.5
"""Heights of a line between two of a party's."""


def in_section(sheet: Sheet, labels: Sequence[Label], party: str) -> list[Candidate]:
    """What a row "Name:" says under a heading that names the party, before the heading of another."""
    heads = [label.span for label in labels if label.concept in _PARTIES and label.span.first == 0]
    found: list[Candidate] = []
    for label in labels:
        if label.concept != party or label.span.first:
            continue
        head = label.span
        below = [
            run
            for run in sheet.pages[head.page]
            if compact(run.text) in NAMES
            and run.box.top > head.box.top
            and abs(run.box.left - head.box.left) < 3 * head.box.height
        ]
        row = min(below, key=lambda run: run.box.top, default=None)
        if row is None or any(
            other.page == head.page and head.box.bottom < other.box.top < row.box.top
            for other in heads
        ):
            continue
        if spans := beside(sheet, row):
            found.append(named(spans, 1.0))
    return found


def under_heading(sheet: Sheet, labels: Sequence[Label], party: str) -> list[Candidate]:
    """The first line that is a name, under a line that says nothing but the party, where an address follows it."""
    called = {label.span.run.index for label in labels if _is_whole(label)}
    found: list[Candidate] = []
    for label in labels:
        run = label.span.run
        if label.concept != party or not _is_whole(label):
            continue
        column = _column(sheet, run, labels)
        for rank, line in enumerate(column):
            if line.index in called or not _may_be_name(line):
                continue
            if any(looks_like_address(below.text) for below in column[rank + 1 : rank + 5]):
                found.append(named(_spans(column, rank), 1.0))
            break
    return found


def _column(sheet: Sheet, head: Run, labels: Sequence[Label]) -> list[Run]:
    """The lines under a heading, up to the next party's or a wide gap."""
    others = {
        label.span.run.index
        for label in labels
        if label.concept in _PARTIES and label.span.first == 0
    }
    found: list[Run] = []
    last = head
    for run in sorted(sheet.pages[head.page], key=lambda run: run.box.top):
        if (
            run.box.top <= head.box.top + head.box.height / 2
            or abs(run.box.left - head.box.left) > 2 * head.box.height
        ):
            continue
        if run.index in others or run.box.top - last.box.bottom > _PITCH * head.box.height:
            break
        found.append(run)
        last = run
    return found[:_REACH]


def _is_whole(label: Label) -> bool:
    """Whether a line says nothing but a label."""
    return label.span.first == 0 and label.span.end == len(label.span.run.words)


def _may_be_name(run: Run) -> bool:
    letters = sum(map(str.isalpha, run.text))
    return letters > len(run.text) / 2 and not _STATEMENT.search(run.text)


def _spans(column: Sequence[Run], rank: int) -> tuple[Span, ...]:
    """A name with the line under it where it is the rest of it, or the whole of what a salutation begins."""
    run = column[rank]
    if _SALUTATION.fullmatch(run.text.strip()) and rank + 1 < len(column):
        below = column[rank + 1]
        return (Span(run, 0, len(run.words)), Span(below, 0, len(below.words)))
    return whole_name(run, column, rank)


def beside(sheet: Sheet, row: Run) -> tuple[Span, ...]:
    """What stands right of a row's label, with the lines that hang together with it."""
    near = [
        run
        for run in sheet.pages[row.page]
        if run.box.left > row.box.right
        and abs(run.box.middle[1] - row.box.middle[1]) < row.box.height
        and _nearest_label(sheet, row, run) is row
    ]
    near.sort(key=lambda run: (run.box.top, run.box.left))
    left = min((run.box.left for run in near), default=0.0)
    return tuple(
        Span(run, 0, len(run.words)) for run in near if run.box.left - left < row.box.height
    )


def _nearest_label(sheet: Sheet, row: Run, run: Run) -> Run:
    """Which of the labels that stand under each other a value is level with."""
    column = [
        other
        for other in sheet.pages[row.page]
        if abs(other.box.left - row.box.left) < row.box.height and other.box.right < run.box.left
    ]
    return min(column, key=lambda other: abs(other.box.middle[1] - run.box.middle[1]))
