"""A hold: what one request takes of its key's limits, until it is known what it used."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self, assert_never

from readstone.core.chat import ChatRequest
from readstone.core.errors import QuotaExceeded, RateLimited, RequestError
from readstone.core.model import Model
from readstone.core.usage import Usage
from readstone.serving.limits.counters import Charge, Refused, Taken
from readstone.serving.limits.estimate import estimate
from readstone.serving.limits.limiter import Limiter
from readstone.serving.limits.rules import Measure, Rule

_NO_ANSWER: Final = Usage(0, 0)


class Hold:
    """What a request takes of its key's limits while it runs, as a block.

    Entering it raises RateLimited, QuotaExceeded where the budget is used up, LimitsUnavailable where that cannot be told.
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
        expected = self._estimate
        self._charges = [
            Charge(
                rule, 0 if again and _is_of_key(rule) else _amount(rule.measure, expected, model)
            )
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
        for rule, amount in self._charges:
            match rule.measure:
                case "requests":
                    change = 0
                case "running":  # it runs no more
                    change = -amount
                case measure:
                    change = _amount(measure, used, model) - amount
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


def _amount(measure: Measure, usage: Usage, model: Model) -> int:
    """What a request takes of a measure that uses so much."""
    match measure:
        case "requests" | "running":
            return 1
        case "tokens":
            return usage.prompt_tokens + usage.completion_tokens
        case "cost":
            return model.prices.cost(usage)
        case "pages":
            return usage.pages
        case _:
            assert_never(measure)


def _refusal(charge: Charge, refused: Refused) -> RateLimited:
    rule = charge.rule
    if rule.measure == "cost":
        used = refused.levels[refused.index].used / 1_000_000
        return QuotaExceeded(
            f"This key has {rule}, of which {used:g} is used; this request may cost {charge.amount / 1_000_000:g}.",
            retry_after=refused.wait,
            limit=rule.measure,
        )
    if refused.wait is None:
        how = "lower max_tokens" if rule.measure == "tokens" else "send less at once"
        return RateLimited(
            f"This request may take {charge.amount} {rule.measure}, and this key has {rule}: {how}.",
            retry_after=None,
            limit=rule.measure,
        )
    left = max(rule.most - refused.levels[refused.index].used, 0)
    wanted = (
        f"; {left} are left, this request may take {charge.amount}" if charge.amount > 1 else ""
    )
    return RateLimited(
        f"This key has {rule}{wanted}. Try again in {refused.wait:.3g} seconds.",
        retry_after=refused.wait,
        limit=rule.measure,
    )
