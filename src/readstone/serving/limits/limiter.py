"""The limiter: every request is charged before it runs, and what it did not use is given back."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Protocol, Self

from readstone.core.chat import ChatRequest
from readstone.core.errors import LimitsUnavailable, QuotaExceeded, RateLimited, RequestError
from readstone.core.key import Key
from readstone.core.ledger import Grouping, Selection, Total
from readstone.core.limit import NO_LIMITS, Allowance, Limits, Standing
from readstone.core.model import Model
from readstone.core.usage import Usage
from readstone.serving.limits.counters import (
    Charge,
    Counters,
    CountersFailed,
    Level,
    Refused,
    Taken,
    Unknown,
)
from readstone.serving.limits.estimate import estimate
from readstone.serving.limits.rules import Measure, Rule, rules_of
from readstone.telemetry import log

_NO_ANSWER: Final = Usage(0, 0)
FRESH_SECONDS: Final = 1.0
"""How old what `standing` tells may be."""
_KNOWN: Final = 4096
"""Pairs of key and model, and requests, that are remembered."""


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
    """Holds keys to their limits: of the key over all models, and of the key at the model it asks for.

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
        self._terms = terms
        self._rules: dict[tuple[str, str], tuple[Limits, Limits, tuple[Rule, ...]]] = {}
        self._seen: dict[tuple[str, str], tuple[float, Standing]] = {}
        self._counted: dict[str, None] = {}
        self._late: set[asyncio.Task[None]] = set()
        self._is_blind = False

    def hold(self, request: ChatRequest) -> "Hold":
        """What a request takes of its key's limits while it runs, as `async with limiter.hold(…)`.

        Raises RateLimited, QuotaExceeded where the budget is used up, LimitsUnavailable where that cannot be told.
        """
        return Hold(self, request)

    async def standing(self, key_id: str, model_id: str = "") -> Standing:
        """What the key has left, at that model too where it asked for it before; as it was within the last second."""
        seen = self._seen.get((key_id, model_id))
        if seen is not None and self._now() < seen[0]:
            return seen[1]
        known = self._rules.get((key_id, model_id))
        model_limits = NO_LIMITS if known is None else known[1]
        try:
            rules = await self.rules(key_id, model_id, model_limits)
            outcome = await self.take([Charge(rule, 0) for rule in rules])
        except RequestError:
            return Standing()
        return self.remember(key_id, model_id, rules, () if outcome is None else outcome.levels)

    def is_counted(self, request_id: str) -> bool:
        """Whether that request counts already: one that asks a reader and then a language model is one to its key."""
        return request_id in self._counted

    def count(self, request_id: str) -> None:
        """The request counts from now on."""
        if len(self._counted) >= _KNOWN:
            del self._counted[next(iter(self._counted))]
        self._counted[request_id] = None

    def uncount(self, request_id: str) -> None:
        """The request was given back."""
        self._counted.pop(request_id, None)

    async def stop(self) -> None:
        """Give back what is still to be given back, and close the counters."""
        if self._late:
            await asyncio.wait(self._late)
        await self._counters.close()

    async def rules(self, key_id: str, model_id: str, of_model: Limits) -> Sequence[Rule]:
        """The rules for a key at a model, as the key is now."""
        key = await self._records.find_key(key_id)
        of_key = self._terms.default if key is None else key.limits.over(self._terms.default)
        known = self._rules.get((key_id, model_id))
        if known is not None and known[0] == of_key and known[1] == of_model:
            return known[2]
        seconds = self._terms.lease_seconds
        rules = (
            *rules_of(key_id, None, of_key, seconds),
            *rules_of(key_id, model_id, of_model, seconds),
        )
        if len(self._rules) >= _KNOWN:
            self._rules.clear()
        self._rules[key_id, model_id] = of_key, of_model, rules
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
            if self._terms.fail_open:
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
        known = rules if levels else ()
        standing = Standing(_least("requests", known, levels), _least("tokens", known, levels))
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
            log("limits are not counted", reason=str(error), let_in=self._terms.fail_open)


class Hold:
    """What one request took of its key's limits.

    Where it is not settled when it ends, its prompt and the `tokens` of the answer so far are charged; nothing where there
    are none, and not even the request where it was refused or failed.
    """

    __slots__ = ("_charges", "_estimate", "_limiter", "_request", "_taken", "tokens")

    def __init__(self, limiter: Limiter, request: ChatRequest) -> None:
        self._limiter = limiter
        self._request = request
        self._charges: Sequence[Charge] = ()
        self._taken: Taken | None = None
        self._estimate = _NO_ANSWER
        self.tokens = 0

    async def __aenter__(self) -> Self:
        request, limiter = self._request, self._limiter
        model = request.model
        rules = await limiter.rules(request.key_id, model.id, model.limits)
        if not rules:
            return self
        self._estimate = estimate(request)
        again = limiter.is_counted(request.id)
        self._charges = [
            Charge(rule, 0 if again and _is_of_key(rule) else _amount(rule, self._estimate, model))
            for rule in rules
        ]
        outcome = await limiter.take(self._charges)
        if outcome is None:
            return self
        limiter.remember(request.key_id, model.id, rules, outcome.levels)
        if isinstance(outcome, Refused):
            raise _refusal(self._charges[outcome.index], outcome)
        self._taken = outcome
        limiter.count(request.id)
        return self

    async def settle(self, used: Usage) -> None:
        """The answer is whole: from now on the key is charged what it used."""
        if self._taken is not None:
            taken, self._taken = self._taken, None
            await self._limiter.correct(taken.at, self._corrections(used))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._taken is None:
            return
        taken, self._taken = self._taken, None
        if self.tokens:
            expected = self._estimate
            used = Usage(expected.prompt_tokens, self.tokens, expected.image_tokens)
            corrections = self._corrections(used)
        elif isinstance(error, RequestError):
            self._limiter.uncount(self._request.id)
            corrections = [Charge(charge.rule, -charge.amount) for charge in self._charges]
        else:
            corrections = self._corrections(_NO_ANSWER)
        await self._limiter.correct_surely(taken.at, corrections)

    def _corrections(self, used: Usage) -> list[Charge]:
        model = self._request.model
        corrections: list[Charge] = []
        for charge in self._charges:
            rule = charge.rule
            match rule.measure:
                case "requests":
                    continue
                case "running":
                    change = -charge.amount
                case "tokens" | "pages" | "cost":
                    change = _amount(rule, used, model) - charge.amount
            if change:
                corrections.append(Charge(rule, change))
        return corrections


class NoHold:
    """Holds nothing: where there are no limits at all."""

    __slots__ = ("tokens",)

    def __init__(self) -> None:
        self.tokens = 0

    async def __aenter__(self) -> Self:
        return self

    async def settle(self, used: Usage) -> None:
        """Nothing was taken."""

    async def __aexit__(self, *details: object) -> None:
        pass


def _is_of_key(rule: Rule) -> bool:
    """Whether it counts the key's requests at whatever model."""
    return rule.measure == "requests" and rule.model_id is None


def _amount(rule: Rule, usage: Usage, model: Model) -> int:
    match rule.measure:
        case "requests" | "running":
            return 1
        case "tokens":
            return usage.total_tokens
        case "pages":
            return usage.pages
        case "cost":
            return model.prices.cost(usage)


def _least(measure: Measure, rules: Sequence[Rule], levels: Sequence[Level]) -> Allowance | None:
    """Of the rules of one measure, what there is of the one with the least left."""
    least: Allowance | None = None
    for rule, level in zip(rules, levels, strict=True):
        if rule.measure == measure:
            remaining = max(rule.most - level.used, 0)
            if least is None or remaining < least.remaining:
                least = Allowance(rule.most, remaining, level.reset)
    return least


def _refusal(charge: Charge, refused: Refused) -> RateLimited:
    rule = charge.rule
    if rule.measure == "cost":
        used = refused.levels[refused.index].used / 1_000_000
        return QuotaExceeded(
            f"This key has {rule}, of which {used:g} is used; this request may cost {charge.amount / 1_000_000:g}.",
            retry_after=refused.wait,
        )
    if refused.wait is None:
        how = "lower max_tokens" if rule.measure == "tokens" else "send less at once"
        return RateLimited(
            f"This request may take {charge.amount} {rule.measure}, and this key has {rule}: {how}.",
            retry_after=None,
        )
    left = max(rule.most - refused.levels[refused.index].used, 0)
    wanted = (
        f"; {left} are left, this request may take {charge.amount}" if charge.amount > 1 else ""
    )
    return RateLimited(
        f"This key has {rule}{wanted}. Try again in {refused.wait:.3g} seconds.",
        retry_after=refused.wait,
    )
