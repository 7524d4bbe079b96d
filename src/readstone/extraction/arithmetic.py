"""Sums as evidence: an amount that makes an equation come out is likelier to be what its label says."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from readstone.extraction.candidates import Candidate
from readstone.extraction.pairing import Claim

_TOLERANCE: Final = Decimal("0.021")
_MOST: Final = 6
"""Claims of a concept that are tried."""
_SUPPORT: Final = 0.22
"""What an equation that comes out adds to the claims in it."""


def supported(
    claims: Mapping[str, Sequence[Claim]], amounts: Sequence[Candidate]
) -> dict[str, list[Claim]]:
    """The claims of amounts, with those stronger that fit together: net + tax = total, paid - change = total."""
    bonus: dict[tuple[str, tuple[tuple[int, int, int], ...]], float] = {}
    for whole, parts in (
        ("total", ("subtotal", "tax_amount")),
        ("amount_due", ("subtotal", "tax_amount")),
        ("paid", ("total", "change")),
    ):
        for total in _top(claims, whole):
            for one in _top(claims, parts[0]):
                for two in _top(claims, parts[1]):
                    if _adds_up(total, one, two):
                        for concept, claim in ((whole, total), (parts[0], one), (parts[1], two)):
                            bonus[concept, claim.candidate.place] = _SUPPORT
    largest = max((_number(each) for each in amounts), default=Decimal(0))
    return {
        concept: [
            Claim(
                claim.label,
                claim.candidate,
                claim.strength
                + bonus.get((concept, claim.candidate.place), 0.0)
                + (
                    0.05
                    if concept == "total" and largest and _number(claim.candidate) == largest
                    else 0.0
                ),
            )
            for claim in each
        ]
        for concept, each in claims.items()
    }


def _top(claims: Mapping[str, Sequence[Claim]], concept: str) -> Sequence[Claim]:
    return claims.get(concept, ())[:_MOST]


def _adds_up(total: Claim, one: Claim, two: Claim) -> bool:
    places = {claim.candidate.place for claim in (total, one, two)}
    whole, left, right = (_number(claim.candidate) for claim in (total, one, two))
    return len(places) == 3 and left != 0 and right != 0 and abs(left + right - whole) <= _TOLERANCE


def _number(candidate: Candidate) -> Decimal:
    return candidate.meaning if isinstance(candidate.meaning, Decimal) else Decimal(0)
