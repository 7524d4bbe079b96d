"""Which printed value may belong to which printed label: by where they stand."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from readstone.core.document import Box
from readstone.extraction.candidates import Candidate
from readstone.extraction.geometry import same_row, shared
from readstone.extraction.labelling import Label

T = TypeVar("T")

_ROW_REACH: Final = 40.0
"""Heights of a label over which half its pull to the right is gone."""
_COLUMN_REACH: Final = 5.0
"""Heights of a label a value may stand under it."""
_REACH: Final = _COLUMN_REACH + 2
"""The same for its middle, which is all that is looked at first."""
_BLOCKED: Final = 0.3
"""What is left of a pull where another label stands between."""
_SUMMED: Final = frozenset({"total", "subtotal", "tax_amount"})
_SUMMARISED: Final = 0.4
"""What is left of a label's pull within a summary of taxes."""
_SUMMARY_REACH: Final = 9.0
_HEADING: Final = 0.35
"""What is left of a label's pull that heads a column of a table."""
_RIVAL: Final = 0.45
"""What is left of a field's claim where the value belongs more to another label."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A label's claim to a candidate, 0 to 1."""

    label: Label
    candidate: Candidate
    strength: float


def claims(
    labels: Sequence[Label], candidates: Sequence[Candidate], headings: Iterable[Label] = ()
) -> dict[str, list[Claim]]:
    """By concept, what its labels claim, the strongest first; a candidate that another concept claims more counts less.

    `headings` are those of columns, which say little of what is said once.
    """
    best: dict[tuple[str, int], Claim] = {}
    damping = dict.fromkeys(_summarised(labels), _SUMMARISED)
    damping.update(dict.fromkeys((label.span.place for label in headings), _HEADING))
    on_page = _by_page((each[1].span.page, each) for each in enumerate(candidates))
    for place in _places(labels):
        label, box = place.label, place.label.span.box
        top, bottom = box.top - box.height, box.bottom + _REACH * box.height
        for index, candidate in on_page.get(label.span.page, ()):
            if not top < candidate.box.middle[1] < bottom:
                continue
            pull = _pull(place, candidate)
            strength = pull * label.likeness * candidate.fit * damping.get(label.span.place, 1.0)
            key = (label.concept, index)
            if strength > 0.05 and (key not in best or strength > best[key].strength):
                best[key] = Claim(label, candidate, strength)
    return _by_concept(best)


@dataclass(frozen=True, slots=True)
class _Place:
    """A label, and the other labels that may stand between it and a value.

    `run` are those of its run, `right` says where the nearest in its row begins, `below` are the boxes of those under it as far
    as it reaches, with their middles.
    """

    label: Label
    run: Sequence[Label]
    right: float
    below: Sequence[tuple[float, Box]]


def _places(labels: Sequence[Label]) -> Iterator[_Place]:
    """Each label among those of its page: what is the same for every value is found once, or pages of numbers take minutes."""
    on_page = _by_page((label.span.page, label) for label in labels)
    for label in labels:
        span, box = label.span, label.span.box
        top, bottom = box.bottom - 0.3 * box.height, box.bottom + _REACH * box.height
        others = [other for other in on_page[span.page] if other.span.place != span.place]
        stands = [other.span.box for other in others]
        yield _Place(
            label,
            [other for other in others if other.span.run is span.run],
            min(
                (each.left for each in stands if each.left >= box.right and same_row(each, box)),
                default=math.inf,
            ),
            [(middle, each) for each in stands if top < (middle := each.middle[1]) < bottom],
        )


def _by_page(things: Iterable[tuple[int, T]]) -> dict[int, list[T]]:
    found: dict[int, list[T]] = {}
    for page, thing in things:
        found.setdefault(page, []).append(thing)
    return found


def _summarised(labels: Sequence[Label]) -> set[tuple[int, int, int]]:
    """The labels of sums under the head of a summary of taxes: "Total" there is that of the summary."""
    heads = [label.span for label in labels if label.concept == "tax_summary"]
    return {
        label.span.place
        for label in labels
        for head in heads
        if label.concept in _SUMMED
        and label.span.page == head.page
        and 0 <= label.span.box.top - head.box.top < _SUMMARY_REACH * head.box.height
    }


def _by_concept(best: Mapping[tuple[str, int], Claim]) -> dict[str, list[Claim]]:
    strongest: dict[int, list[tuple[float, tuple[int, int, int]]]] = {}
    for (_, index), claim in best.items():
        strongest.setdefault(index, []).append((claim.strength, claim.label.span.place))
    found: dict[str, list[Claim]] = {}
    for (concept, index), claim in best.items():
        # The same printed label may stand for several concepts: it is no rival of itself.
        rival = max(
            (strength for strength, place in strongest[index] if place != claim.label.span.place),
            default=0.0,
        )
        own = claim.strength * (_RIVAL if rival > claim.strength * 1.15 else 1.0)
        found.setdefault(concept, []).append(Claim(claim.label, claim.candidate, own))
    for each in found.values():
        each.sort(key=lambda claim: -claim.strength)
    return found


def _pull(place: _Place, candidate: Candidate) -> float:
    """How much the place of a value says that it is the label's."""
    span, value = place.label.span, candidate.span
    if span.run is value.run:
        if value.first < span.end:
            return 0.0
        between = any(span.end <= other.span.first < value.first for other in place.run)
        return (_BLOCKED if between else 1.0) * 0.93 ** (value.first - span.end)
    box, there = span.box, value.box
    if same_row(box, there) and there.left >= box.right - box.height:
        return _beside(place, there)
    return _beneath(place, there)


def _beside(place: _Place, there: Box) -> float:
    box = place.label.span.box
    gap = max(0.0, there.left - box.right) / box.height
    pull = 0.96 * math.exp(-gap * math.log(2) / _ROW_REACH)
    return pull * _BLOCKED if place.right < there.left else pull


def _beneath(place: _Place, there: Box) -> float:
    box = place.label.span.box
    drop = (there.top - box.bottom) / box.height
    if not -0.4 < drop < _COLUMN_REACH:
        return 0.0
    aside = abs(there.middle[0] - box.middle[0]) / max(box.width, there.width)
    over = shared(box, there)
    edges = abs(there.left - box.left) < box.height
    if over <= 0 and aside > 0.75:
        return 0.0
    pull = 0.86 * 0.82 ** max(0.0, drop) * (1.0 if over > 0.4 or edges else 0.75)
    if place.label.span.text.rstrip().endswith(":"):
        pull *= 0.75
    is_blocked = any(
        middle < there.top and shared(stands, there) > 0.2 for middle, stands in place.below
    )
    return pull * _BLOCKED if is_blocked else pull
