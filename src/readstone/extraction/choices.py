"""Choices and switches: which of a field's choices is printed or ticked, and whether a statement's box is."""

from collections.abc import Iterator, Sequence
from typing import Final

from readstone.extraction.candidates import Candidate
from readstone.extraction.folding import compact
from readstone.extraction.geometry import Run, Sheet, Span, same_row
from readstone.extraction.labelling import Label
from readstone.extraction.pairing import claims
from readstone.extraction.sought import Sought
from readstone.extraction.values.answers import answer, is_box

_LONGEST: Final = 7
"""Words of a choice."""
_ALONE: Final = 0.5
"""How sure a choice is that is printed, without its label, and no other of its field is."""
_TICKED: Final = 0.95
_BESIDE: Final = 1.5
"""Heights of a line between a box and what it stands before."""


def chosen_of(sheet: Sheet, labels: Sequence[Label], leaf: Sought) -> list[tuple[Candidate, float]]:
    """The choices of a leaf that are printed: the ticked ones, else by its label, else the only one."""
    printed = [each for choice in leaf.field.choices for each in _printed(sheet, choice)]
    ticks = {each.place: _box_before(sheet, each.span) for each in printed}
    if any(tick is not None for tick in ticks.values()):
        return [
            (each, _TICKED) for each in printed if (tick := ticks[each.place]) and answer(tick.text)
        ]
    claimed = claims(labels, printed)
    found = [
        (claim.candidate, claim.strength * weight)
        for concept, weight in leaf.concepts
        for claim in claimed.get(concept, [])
    ]
    if not found and len({each.text for each in printed}) == 1:
        return [(printed[0], _ALONE)]
    return found


def ticked(sheet: Sheet, labels: Sequence[Label], leaf: Sought) -> list[tuple[Candidate, float]]:
    """The boxes that stand before the leaf's own words: "[x] Smoker"."""
    wanted = {concept for concept, _ in leaf.concepts}
    found: list[tuple[Candidate, float]] = []
    for label in labels:
        box = _box_before(sheet, label.span) if label.concept in wanted else None
        if box is not None:
            meaning = "true" if answer(box.text) else "false"
            found.append((Candidate("boolean", (box,), meaning, 1.0, box.text), _TICKED))
    return found


def _printed(sheet: Sheet, choice: str) -> Iterator[Candidate]:
    """Where a choice's words stand, whatever their case."""
    wanted = compact(choice)
    if not wanted:
        return
    for run in sheet.runs:
        if wanted not in compact(run.text):
            continue
        for first, end in _spelling(run, wanted):
            span = Span(run, first, end)
            yield Candidate("choice", (span,), choice, 1.0, span.text)


def _spelling(run: Run, wanted: str) -> Iterator[tuple[int, int]]:
    pieces = [compact(word.text) for word in run.words]
    for first, piece in enumerate(pieces):
        if not piece or not wanted.startswith(piece):
            continue
        text = ""
        for end in range(first + 1, min(first + _LONGEST, len(pieces)) + 1):
            text += pieces[end - 1]
            if text == wanted:
                yield first, end
            if not wanted.startswith(text):
                break


def _box_before(sheet: Sheet, span: Span) -> Span | None:
    """The box that stands right before a span, in its run or beside it."""
    if span.first:
        before = Span(span.run, span.first - 1, span.first)
        return before if is_box(before.text) else None
    reach = _BESIDE * span.box.height
    for run in sheet.pages[span.page]:
        gap = span.box.left - run.box.right
        if -reach < gap < reach and run is not span.run and same_row(run.box, span.box):
            last = Span(run, len(run.words) - 1, len(run.words))
            if is_box(last.text):
                return last
    return None
