"""Sums as evidence: an amount that makes an equation come out is likelier to be what its label says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Final

from readstone.extraction.candidates import Candidate
from readstone.extraction.pairing import Claim

_SUMS: Final = (
    ("total", "subtotal", "tax_amount"),
    ("amount_due", "subtotal", "tax_amount"),
    ("paid", "total", "change"),
)
"""A whole and its two parts."""
_LARGEST: Final = 0.05
"""What being the largest amount adds to the claim of a total."""
_TOLERANCE: Final = Decimal("0.021")
_ROUND: Final = Decimal("0.05")
_LARGEST_ROUNDING: Final = Decimal("0.5")
_MOST: Final = 6
"""Claims of a concept that are tried."""
_SUPPORT: Final = 0.22
"""What an equation that comes out adds to the claims in it."""


def supported(
    claims: Mapping[str, Sequence[Claim]], amounts: Sequence[Candidate]
) -> dict[str, list[Claim]]:
    """The claims of amounts, with those stronger that fit together: net + tax = total, paid - change = total.

    Of two totals, one the other with the printed rounding, the rounded one is stronger: it is what is paid.
    """
    borne_out = {(concept, claim.candidate.place) for concept, claim in _borne_out(claims)}
    largest = max((_number(each) for each in amounts), default=Decimal(0))

    def bonus(concept: str, claim: Claim) -> float:
        more = _SUPPORT if (concept, claim.candidate.place) in borne_out else 0.0
        is_largest = concept == "total" and largest and _number(claim.candidate) == largest
        return more + (_LARGEST if is_largest else 0.0)

    return {
        concept: [replace(claim, strength=claim.strength + bonus(concept, claim)) for claim in each]
        for concept, each in claims.items()
    }


def _borne_out(claims: Mapping[str, Sequence[Claim]]) -> Iterator[tuple[str, Claim]]:
    for whole, left, right in _SUMS:
        for total, one, two in product(
            _top(claims, whole), _top(claims, left), _top(claims, right)
        ):
            if _adds_up(total, one, two):
                yield from ((whole, total), (left, one), (right, two))
    totals = _top(claims, "total")
    for rounded, exact, change in product(totals, totals, _top(claims, "rounding")):
        if _is_rounded(rounded, exact, change):
            yield "total", rounded


def _top(claims: Mapping[str, Sequence[Claim]], concept: str) -> Sequence[Claim]:
    return claims.get(concept, ())[:_MOST]


def _adds_up(total: Claim, one: Claim, two: Claim) -> bool:
    places = {claim.candidate.place for claim in (total, one, two)}
    whole, left, right = (_number(claim.candidate) for claim in (total, one, two))
    return len(places) == 3 and left != 0 and right != 0 and abs(left + right - whole) <= _TOLERANCE


def _is_rounded(rounded: Claim, exact: Claim, change: Claim) -> bool:
    """Whether one total is the other with the printed rounding: what is paid is the rounded one."""
    step = abs(_number(change.candidate))
    away = abs(_number(rounded.candidate) - _number(exact.candidate))
    rounder = _number(rounded.candidate) % _ROUND == 0 and _number(exact.candidate) % _ROUND != 0
    return 0 < step == away <= _LARGEST_ROUNDING and rounder


def _number(candidate: Candidate) -> Decimal:
    return candidate.meaning if isinstance(candidate.meaning, Decimal) else Decimal(0)
