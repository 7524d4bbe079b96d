"""Limits: how much a key may ask for, and how much of that is left."""

from dataclasses import dataclass, fields
from typing import NamedTuple

UNLIMITED = 0
"""As a limit: no limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one key may ask for; None where nothing is said, `UNLIMITED` (0) where that there is no limit.

    Requests and tokens of any 60 seconds, pages of a day and cost (in micro-units) of a month, both of UTC's calendar,
    and requests that run at once.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    pages_per_day: int | None = None
    concurrency: int | None = None
    budget_per_month: int | None = None

    def over(self, base: "Limits") -> "Limits":
        """These limits, with those of `base` where nothing is said."""
        if self == NO_LIMITS:
            return base
        names = (item.name for item in fields(self))
        return Limits(
            *(
                getattr(base, name) if (own := getattr(self, name)) is None else own
                for name in names
            )
        )

    def __str__(self) -> str:
        budget = self.budget_per_month
        said = (
            ("requests/min", self.requests_per_minute),
            ("tokens/min", self.tokens_per_minute),
            ("pages/day", self.pages_per_day),
            ("at once", self.concurrency),
            ("a month", None if budget is None else budget / 1_000_000),
        )
        told = [
            f"{f'{most:,.10g}' if most else 'any'} {what}"
            for what, most in said
            if most is not None
        ]
        return ", ".join(told) or "default"


NO_LIMITS = Limits()
"""Where nothing is said."""


class Allowance(NamedTuple):
    """What there is of one limit, what of it is left, and in how many seconds all of it will be there again.

    A tuple, as every request makes two: it is made in a third of the time.
    """

    limit: int
    remaining: int
    reset: float


class Standing(NamedTuple):
    """What a key has left of its requests and tokens, by the limit with the least left; None where it has no limit."""

    requests: Allowance | None = None
    tokens: Allowance | None = None
