"""Counters: where what keys ask for is counted (tests/contract holds all of them to the same behaviour)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from readstone.serving.limits.rules import Rule


class Charge(NamedTuple):
    """So much of a rule's measure. A tuple, as each request makes several: it is made in half the time."""

    rule: Rule
    amount: int


class Level(NamedTuple):
    """How much is counted, and in how many seconds nothing of it will be."""

    used: int
    reset: float


class Taken(NamedTuple):
    """Everything was charged, `at` that time in Unix seconds of the counters' clock: a correction needs it."""

    at: float
    levels: Sequence[Level]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was charged: the rule at `index` has no room before `wait` seconds, None where it never has so much.

    Of several rules without room it is the one that takes longest.
    """

    index: int
    wait: float | None
    levels: Sequence[Level]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing was charged: the calendar rules at `indexes` were not counted yet in their period, which began `at`."""

    at: float
    indexes: Sequence[int]


Outcome: TypeAlias = Taken | Refused | Unknown


class CountersFailed(Exception):
    """The counters cannot be reached, or do not answer."""


class Counters(Protocol):
    """Counts charges, all of a request's or none of them, whoever else counts at the same time."""

    async def take(
        self, charges: Sequence[Charge], begins: Mapping[str, int] | None = None
    ) -> Outcome:
        """Charge everything where every rule has room; an amount of 0 always has.

        `begins` says by name with what calendar rules begin that were not counted yet in their period, 0 where it does
        not tell; without it such rules come back as Unknown. CountersFailed where it cannot be counted.
        """
        ...

    async def correct(self, at: float, charges: Sequence[Charge]) -> None:
        """Add amounts, negative ones too, to what was taken `at` that time, unless it is forgotten by now."""
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...
