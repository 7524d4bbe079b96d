"""What comes of a rule: pass or fail with both sides and where they stand, or not printed."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from readstone.core.extraction import Check, Scalar
from readstone.extraction.checks.facts import Fact

Side: TypeAlias = Decimal | date | Scalar


def held(name: str, left: Side, right: Side, facts: Iterable[Fact | None], *, true: bool) -> Check:
    """A rule that could be held against what is printed: `facts` are all that it was held against."""
    used = [fact for fact in facts if fact]
    return Check(
        name,
        "pass" if true else "fail",
        _scalar(left),
        _scalar(right),
        tuple(fact.value.path for fact in used),
        tuple(fact.value.evidence for fact in used if fact.value.evidence),
    )


def unprinted(name: str, facts: Iterable[Fact | None] = ()) -> Check:
    """A rule whose sides are not both printed: nothing is said."""
    used = [fact for fact in facts if fact]
    return Check(
        name,
        "not_printed",
        None,
        None,
        tuple(fact.value.path for fact in used),
        tuple(fact.value.evidence for fact in used if fact.value.evidence),
    )


def _scalar(side: Side) -> Scalar:
    match side:
        case Decimal():
            return int(side) if side == side.to_integral_value() else float(side)
        case date():
            return side.isoformat()
        case _:
            return side
