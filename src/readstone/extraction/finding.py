"""Which printed words are which leaf of a schema: what may be each, and the choice among all at once."""

from collections.abc import Sequence
from typing import Final

from readstone.extraction.assignment import LEAST, assigned
from readstone.extraction.candidates import Candidate, Kind
from readstone.extraction.choices import chosen_of, ticked
from readstone.extraction.currency import currency_in
from readstone.extraction.places import party_claims
from readstone.extraction.prints import Print
from readstone.extraction.sought import Sought

_DOCUMENTS_DAY: Final = frozenset({"date", "invoice_date", "issue_date", ""})
_TELLING: Final = frozenset({"email", "url", "iban", "tax_id", "phone"})
"""Kinds whose shape says what they are, so that the only one is found without its label."""


def chosen(said: Print, sought: Sequence[Sought]) -> list[tuple[Sought, Candidate, float]]:
    """For each leaf that is found the words that are it, and how strongly they are claimed; no words twice."""
    strengths = [_strengths(said, leaf) for leaf in sought]
    columns: dict[tuple[tuple[int, int, int], ...], int] = {}
    by_cell: dict[tuple[int, int], tuple[Candidate, float]] = {}
    for row, own in enumerate(strengths):
        for candidate, strength in own:
            column = columns.setdefault(candidate.place, len(columns))
            if strength > by_cell.get((row, column), (None, 0.0))[1]:
                by_cell[row, column] = (candidate, strength)
    matrix = [
        [
            by_cell[row, column][1] if (row, column) in by_cell else 0.0
            for column in range(len(columns))
        ]
        for row in range(len(sought))
    ]
    held = assigned(matrix) if columns else [None] * len(sought)
    return [
        (sought[row], *by_cell[row, column])
        for row, column in enumerate(held)
        if column is not None and by_cell[row, column][1] >= LEAST
    ]


def _strengths(said: Print, leaf: Sought) -> list[tuple[Candidate, float]]:
    """What may be a leaf, and how strongly."""
    match leaf.kind:
        case "currency":
            return currency_in(said.sheet)
        case "choice":
            return chosen_of(said.sheet, said.labels, leaf)
        case "name" | "address":
            return party_claims(said, leaf, _labelled(said, leaf, "text"))
        case "date":
            own = _labelled(said, leaf, "date")
            lone = leaf.concept in _DOCUMENTS_DAY
            return own + [(day, _lone_day(day, own)) for day in said.pool("date") if lone]
        case kind:
            own = _labelled(said, leaf, "amount" if kind == "number" else kind)
            return own or _unlabelled(said, leaf)


def _labelled(said: Print, leaf: Sought, pool: Kind) -> list[tuple[Candidate, float]]:
    """What the labels of a leaf claim."""
    claimed = said.claimed(pool)
    return [
        (claim.candidate, claim.strength * weight)
        for concept, weight in leaf.concepts
        for claim in claimed.get(concept, [])
    ]


def _unlabelled(said: Print, leaf: Sought) -> list[tuple[Candidate, float]]:
    """What may be a leaf that no label claims anything for."""
    match leaf.kind:
        case "boolean":
            return ticked(said.sheet, said.labels, leaf)
        case "percent":
            return _beside_taxes(said)
        case kind:
            return _lone(said.pool(kind), leaf) if kind in _TELLING else []


def _beside_taxes(said: Print) -> list[tuple[Candidate, float]]:
    """The rates in lines that begin with the label of a tax: "plus 19 % VAT"."""
    taxes = {
        label.span.run.index
        for label in said.labels
        if label.concept == "tax_amount" and label.span.first == 0
    }
    rates = [
        each for each in said.pool("percent") if each.fit == 1.0 and each.span.run.index in taxes
    ]
    return [(rate, 0.6 if len({each.meaning for each in rates}) == 1 else 0.3) for rate in rates]


def _lone(pool: Sequence[Candidate], leaf: Sought) -> list[tuple[Candidate, float]]:
    """The only one of its shape on the pages, without a label; a party's are not told from the other's."""
    shaped = [each for each in pool if each.fit == 1.0]
    alone = len({each.text for each in shaped}) == 1
    return [(shaped[0], 0.3 if leaf.side == "buyer" else 0.5)] if alone else []


def _lone_day(day: Candidate, labelled: Sequence[tuple[Candidate, float]]) -> float:
    """A day without a label may be the document's, the less so the more days have one."""
    return (0.26 if labelled else 0.5) * day.fit - 0.0002 * day.span.run.index
