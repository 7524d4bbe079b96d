"""The limiter: every request is charged before it runs, and what it did not use is given back."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, TypeAlias

from readstone.core.errors import LimitsUnavailable, RequestError
from readstone.core.key import Key
from readstone.core.ledger import Grouping, Selection, Total
from readstone.core.limit import NO_LIMITS, Allowance, Limits, Standing
from readstone.serving.limits.counters import (
    Charge,
    Counters,
    CountersFailed,
    Level,
    Refused,
    Taken,
    Unknown,
)
from readstone.serving.limits.rules import Rule, rules_of
from readstone.telemetry import log

FRESH_SECONDS: Final = 1.0
"""How old what `standing` tells may be."""
_KNOWN: Final = 4096
"""Pairs of key and model, and requests, that are remembered."""


_Told: TypeAlias = tuple[Limits, Limits, Limits]
"""What limits rules are made of: a key's own, those of keys that have none, and a model's."""


class Records(Protocol):
    """Where keys and their limits are kept, and what they used: the store."""

    async def find_key(self, public_id: str) -> Key | None:
        """The key with that public id."""
        ...

    async def usage(self, selection: Selection, by: Collection[Grouping]) -> Sequence[Total]:
        """The totals of what is selected."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits of keys that have none of their own, how long a request may run, and what to do without counters."""

    default: Limits = NO_LIMITS
    lease_seconds: int = 3600
    fail_open: bool = False


class Limiter:
    """Holds keys to their limits: of the key over all models, and of the key at the model it asks for (hold.py).

    With `fail_open` requests are let in uncounted while the counters cannot be reached; else they are refused.
    """

    def __init__(
        self,
        counters: Counters,
        records: Records,
        terms: Terms,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._counters = counters
        self._records = records
        self.terms = terms
        """What holds for the requests that come; it may be changed."""
        self._rules: dict[tuple[str, str], tuple[_Told, tuple[Rule, ...]]] = {}
        self._seen: dict[tuple[str, str], tuple[float, Standing]] = {}
        self._counted: set[str] = set()
        self._counted_before: set[str] = set()
        self._late: set[asyncio.Task[None]] = set()
        self._is_blind = False

    async def standing(self, key_id: str, model_id: str = "") -> Standing:
        """What the key has left, at that model too where it asked for it before; as it was within the last second."""
        seen = self._seen.get((key_id, model_id))
        if seen is not None and self._now() < seen[0]:
            return seen[1]
        known = self._rules.get((key_id, model_id))
        model_limits = NO_LIMITS if known is None else known[0][2]
        try:
            rules = await self.rules(key_id, model_id, model_limits)
            outcome = await self.take([Charge(rule, 0) for rule in rules])
        except RequestError:
            return Standing()
        return self.remember(key_id, model_id, rules, () if outcome is None else outcome.levels)

    def is_counted(self, request_id: str) -> bool:
        """Whether that request counts already: one that asks a reader and then a language model is one to its key."""
        return request_id in self._counted or request_id in self._counted_before

    def count(self, request_id: str) -> None:
        """The request counts from now on."""
        if len(self._counted) >= _KNOWN:
            # All of the older half at once: taking the oldest out of a dictionary means to look for it.
            self._counted_before, self._counted = self._counted, set()
        self._counted.add(request_id)

    def uncount(self, request_id: str) -> None:
        """The request was given back."""
        self._counted.discard(request_id)
        self._counted_before.discard(request_id)

    async def stop(self) -> None:
        """Give back what is still to be given back, and close the counters."""
        if self._late:
            await asyncio.wait(self._late)
        await self._counters.close()

    async def rules(self, key_id: str, model_id: str, of_model: Limits) -> Sequence[Rule]:
        """The rules for a key at a model, as the key is now."""
        key = await self._records.find_key(key_id)
        default = self.terms.default
        own = NO_LIMITS if key is None else key.grant.limits
        known = self._rules.get((key_id, model_id))
        if known is not None:
            told, rules = known
            # Until something is changed they are not only equal.
            if told[0] is own and told[1] is default and told[2] is of_model:
                return rules
        of_key, seconds = own.over(default), self.terms.lease_seconds
        rules = (
            *rules_of(key_id, None, of_key, seconds),
            *rules_of(key_id, model_id, of_model, seconds),
        )
        if len(self._rules) >= _KNOWN:
            self._rules.clear()
        self._rules[key_id, model_id] = (own, default, of_model), rules
        return rules

    async def take(self, charges: Sequence[Charge]) -> Taken | Refused | None:
        """Charge everything or nothing; None where it is let in uncounted."""
        if not charges:
            return None
        try:
            outcome = await self._counters.take(charges)
            if isinstance(outcome, Unknown):
                begins = await self._begins(outcome, charges)
                outcome = await self._counters.take(charges, begins)
        except CountersFailed as error:
            self._lose_sight(error)
            if self.terms.fail_open:
                return None
            raise LimitsUnavailable from error
        if self._is_blind:
            self._is_blind = False
            log("limits are counted again")
        if isinstance(outcome, Unknown):
            raise TypeError("counters ask for begins that they were given")
        return outcome

    async def correct(self, at: float, charges: Sequence[Charge]) -> None:
        """Correct what was taken; where that cannot be done it stays as it was, and the log says so."""
        if charges:
            try:
                await self._counters.correct(at, charges)
            except CountersFailed as error:
                self._lose_sight(error)

    async def correct_surely(self, at: float, charges: Sequence[Charge]) -> None:
        """The same, to its end even where the caller is cancelled meanwhile; `stop` waits for it."""
        if charges:
            task = asyncio.get_running_loop().create_task(self.correct(at, charges))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            await asyncio.shield(task)

    def remember(
        self, key_id: str, model_id: str, rules: Sequence[Rule], levels: Sequence[Level]
    ) -> Standing:
        """Remember for a second what a key has left; nothing is told where levels are not known."""
        standing = _standing(rules, levels) if levels else Standing()
        if len(self._seen) >= _KNOWN:
            self._seen.clear()
        self._seen[key_id, model_id] = self._now() + FRESH_SECONDS, standing
        return standing

    async def _begins(self, unknown: Unknown, charges: Sequence[Charge]) -> Mapping[str, int]:
        """What calendar rules begin with, as the ledger has it: so they survive a restart."""
        begins: dict[str, int] = {}
        for index in unknown.indexes:
            rule = charges[index].rule
            since = datetime.fromtimestamp(rule.window.cell(unknown.at), UTC).date()
            selection = Selection(rule.key_id, rule.model_id or "", since)
            totals = await self._records.usage(selection, ())
            begins[rule.name] = sum(
                total.pages if rule.measure == "pages" else total.cost for total in totals
            )
        return begins

    def _lose_sight(self, error: CountersFailed) -> None:
        """Forget what keys had left; log once that limits are not counted."""
        self._seen.clear()
        if not self._is_blind:
            self._is_blind = True
            log("limits are not counted", reason=str(error), let_in=self.terms.fail_open)


def _standing(rules: Sequence[Rule], levels: Sequence[Level]) -> Standing:
    """Of the rules of each measure, what there is of the one with the least left."""
    requests: Allowance | None = None
    tokens: Allowance | None = None
    for rule, level in zip(rules, levels, strict=True):
        match rule.measure:
            case "requests":
                requests = _less(requests, rule, level)
            case "tokens":
                tokens = _less(tokens, rule, level)
            case _:
                pass
    return Standing(requests, tokens)


def _less(least: Allowance | None, rule: Rule, level: Level) -> Allowance:
    remaining = max(rule.most - level.used, 0)
    if least is None or remaining < least.remaining:
        return Allowance(rule.most, remaining, level.reset)
    return least
