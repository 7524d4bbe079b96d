import asyncio
import itertools
import threading
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from readstone.core.chat import ChatRequest, Finish, Image, ImagePart, Message, TextDelta, TextPart
from readstone.core.errors import (
    EngineFailed,
    LimitsUnavailable,
    Overloaded,
    QuotaExceeded,
    RateLimited,
)
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.core.ledger import Entry
from readstone.core.limit import UNLIMITED, Allowance, Limits, Standing
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.core.price import Prices
from readstone.core.usage import Usage
from readstone.engines.fake import FakeEngine
from readstone.serving.admission import Admission
from readstone.serving.gateway import Backend, Gateway, GatewayEvent
from readstone.serving.limits.counters import Charge, Counters, CountersFailed, Outcome
from readstone.serving.limits.limiter import Limiter, Terms
from readstone.serving.limits.memory import MemoryCounters
from readstone.store.memory import MemoryStore

MODEL = Model("small", "chat", "fake", KIND_DEFAULTS["chat"], max_images=4)
PRICED = replace(MODEL, prices=Prices(prompt=1.0, completion=2.0))
REQUEST = ChatRequest(
    id="req_1",
    key_id="alice",
    model=MODEL,
    model_name="small",
    messages=(Message("user", (TextPart("x" * 30),)),),
    max_tokens=90,
    temperature=0,
    top_p=1,
    arrived=0,
)
"""Expected to use 10 tokens of prompt and 90 of answer."""


class House:
    """A gateway to one engine, whose keys are held to limits."""

    def __init__(
        self,
        limits: Limits,
        *,
        counters: Counters | None = None,
        store: MemoryStore | None = None,
        fail_open: bool = False,
        running: int = 8,
    ) -> None:
        self.now = 1_795_262_400.0
        self._later = itertools.count()  # what is told is never told twice
        self.store = store or MemoryStore()
        self.engine = FakeEngine()
        self.engine.become("ready")
        self.limiter = Limiter(
            counters or MemoryCounters(lambda: self.now),
            self.store,
            Terms(limits, 600, fail_open),
            lambda: next(self._later),
        )
        backends = {"fake": Backend(self.engine, Admission(running, 0))}
        self.gateway = Gateway(backends, limiter=self.limiter)

    async def ask(self, request: ChatRequest = REQUEST) -> list[GatewayEvent]:
        async with aclosing(self.gateway.chat(request)) as events:
            return [event async for event in events]

    async def left(self, request: ChatRequest = REQUEST) -> Standing:
        """What the key has left now."""
        return await self.limiter.standing(request.key_id, request.model.id)


def tokens(standing: Standing) -> int:
    assert standing.tokens is not None
    return standing.tokens.remaining


def requests(standing: Standing) -> int:
    assert standing.requests is not None
    return standing.requests.remaining


async def test_exactly_as_many_requests_pass_as_may() -> None:
    house = House(Limits(requests_per_minute=5))

    asked = (house.ask(replace(REQUEST, id=f"req_{n}")) for n in range(8))
    answers = await asyncio.gather(*asked, return_exceptions=True)

    refusals = [answer for answer in answers if isinstance(answer, RateLimited)]
    assert len(refusals) == 3
    assert refusals[0].retry_after == 61
    assert refusals[0].message == "This key has 5 requests a minute. Try again in 61 seconds."
    assert len(house.engine.requests) == 5


def test_threads_that_share_counters_let_exactly_as_many_pass() -> None:
    counters = MemoryCounters()
    passed: list[int] = []

    def serve() -> None:
        async def requests() -> int:
            house = House(Limits(requests_per_minute=100), counters=counters)
            asked = (house.ask(replace(REQUEST, id=f"req_{n}")) for n in range(50))
            answers = [await asyncio.gather(each, return_exceptions=True) for each in asked]
            return sum(not isinstance(answer, RateLimited) for (answer,) in answers)

        passed.append(asyncio.run(requests()))

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(passed) == 100


async def test_a_request_is_charged_what_it_may_use_and_given_back_what_it_did_not() -> None:
    house = House(Limits(tokens_per_minute=1000))
    go_on = asyncio.Event()
    house.engine.scripts.append((TextDelta("a", 1), go_on, Finish("stop", Usage(12, 5))))

    async with aclosing(house.gateway.chat(REQUEST)) as events:
        await anext(events)
        assert tokens(await house.left()) == 900
        go_on.set()
        await anext(events)
        assert tokens(await house.left()) == 983


async def test_an_image_counts_its_tokens() -> None:
    house = House(Limits(tokens_per_minute=1000))
    image = Image(b"", "png", 280, 140, "messages[0]")
    go_on = asyncio.Event()
    house.engine.scripts.append((TextDelta("a", 1), go_on, Finish("stop", Usage(12, 5))))

    asked = replace(REQUEST, messages=(Message("user", (ImagePart(image),)),))
    async with aclosing(house.gateway.chat(asked)) as events:
        await anext(events)
        assert tokens(await house.left()) == 1000 - 50 - 90


async def test_answers_that_are_asked_for_at_once_count_each() -> None:
    house = House(Limits(tokens_per_minute=200))

    with pytest.raises(RateLimited, match="may take 280 tokens"):
        await house.ask(replace(REQUEST, extras={"n": b"3"}))


async def test_what_would_never_pass_is_told_what_to_change() -> None:
    house = House(Limits(tokens_per_minute=99))

    with pytest.raises(RateLimited) as caught:
        await house.ask()

    assert caught.value.retry_after is None
    assert caught.value.message == (
        "This request may take 100 tokens, and this key has 99 tokens a minute: lower max_tokens."
    )


async def test_a_client_that_leaves_is_charged_what_it_was_sent() -> None:
    house = House(Limits(tokens_per_minute=1000, requests_per_minute=10, concurrency=1))
    house.engine.scripts.append((TextDelta("a", 7), asyncio.Event()))

    async with aclosing(house.gateway.chat(REQUEST)) as events:
        await anext(events)

    standing = await house.left()
    assert tokens(standing) == 1000 - 10 - 7
    assert requests(standing) == 9
    await house.ask()


async def test_a_request_that_fails_before_anything_came_counts_for_nothing() -> None:
    house = House(Limits(tokens_per_minute=1000, requests_per_minute=10))
    house.engine.scripts.append((EngineFailed(),))

    with pytest.raises(EngineFailed):
        await house.ask()

    standing = await house.left()
    assert (tokens(standing), requests(standing)) == (1000, 10)


async def test_a_request_for_which_there_is_no_room_counts_for_nothing() -> None:
    house = House(Limits(requests_per_minute=10), running=1)
    house.engine.scripts.append((TextDelta("a", 1), asyncio.Event()))

    async with aclosing(house.gateway.chat(REQUEST)) as events:
        await anext(events)
        with pytest.raises(Overloaded):
            await house.ask(replace(REQUEST, id="req_2"))
        assert requests(await house.left()) == 9


async def test_requests_at_once_are_limited() -> None:
    house = House(Limits(concurrency=1))
    house.engine.scripts.append((TextDelta("a", 1), asyncio.Event()))

    async with aclosing(house.gateway.chat(REQUEST)) as events:
        await anext(events)
        with pytest.raises(RateLimited) as caught:
            await house.ask()

    assert caught.value.message == "This key has 1 request at once. Try again in 1 seconds."
    await house.ask()


async def test_pages_of_a_day_are_counted_when_they_were_read() -> None:
    house = House(Limits(pages_per_day=10))
    house.engine.scripts.append((Finish("stop", Usage(5, 5, pages=10)),))

    await house.ask()

    image = Image(b"", "png", 280, 140, "messages[0]")
    asked = replace(REQUEST, messages=(Message("user", (ImagePart(image),)),))
    with pytest.raises(RateLimited) as caught:
        await house.ask(asked)
    assert caught.value.retry_after == 43_200
    await house.ask()  # it has no pages


async def test_a_budget_is_never_exceeded() -> None:
    house = House(Limits(budget_per_month=400))
    asked = replace(REQUEST, model=PRICED)  # 10 + 2 x 90 millionths, of which 7 + 2 x 4 are used

    for _ in range(15):
        await house.ask(asked)

    with pytest.raises(QuotaExceeded) as caught:
        await house.ask(asked)
    assert caught.value.code == "insufficient_quota"
    assert caught.value.retry_after == 9.5 * 86_400
    assert caught.value.message == (
        "This key has a budget of 0.0004 a month, of which 0.000225 is used; this request may cost 0.00019."
    )
    await house.ask()  # it costs nothing


async def test_a_budget_survives_a_restart() -> None:
    store = MemoryStore()
    november, october = 1_795_000_000_000, 1_793_000_000_000
    spent = Entry("req_0", "alice", "/", "ok", november, "small", cost=390)
    last_month = Entry("req_1", "alice", "/", "ok", october, "small", cost=390)
    bob = Entry("req_2", "bob", "/", "ok", november, "small", cost=390)
    await store.append([spent, last_month, bob])
    assert datetime.fromtimestamp(october / 1000, UTC).month == 10

    house = House(Limits(budget_per_month=580), store=store)

    asked = replace(REQUEST, model=PRICED)
    await house.ask(asked)
    with pytest.raises(QuotaExceeded):
        await house.ask(asked)


async def test_a_request_that_asks_two_models_is_one_request() -> None:
    house = House(Limits(requests_per_minute=10, tokens_per_minute=1000))

    await house.ask()
    await house.ask(replace(REQUEST, model=replace(MODEL, id="other")))

    standing = await house.left()
    assert (requests(standing), tokens(standing)) == (9, 1000 - 2 * 11)


async def test_a_model_has_limits_of_its_own() -> None:
    house = House(Limits(requests_per_minute=3))
    asked = replace(REQUEST, model=replace(MODEL, limits=Limits(requests_per_minute=1)))

    await house.ask(asked)
    with pytest.raises(RateLimited, match="1 request a minute at 'small'"):
        await house.ask(replace(asked, id="req_2"))
    assert (await house.left(asked)).requests == Allowance(1, 0, 61)
    other = replace(REQUEST, model=replace(MODEL, id="other"))
    await house.ask(replace(other, id="req_3"))
    assert (await house.left(other)).requests == Allowance(3, 1, 61)


async def test_a_key_has_limits_of_its_own() -> None:
    house = House(Limits(requests_per_minute=1, concurrency=1))
    own = Limits(requests_per_minute=2, concurrency=UNLIMITED)
    key, _ = mint("alice", 0, Grant(limits=own))
    await house.store.add_key(key)
    asked = replace(REQUEST, key_id=key.public_id)

    await house.ask(asked)
    await house.ask(replace(asked, id="req_2"))
    with pytest.raises(RateLimited, match="2 requests a minute"):
        await house.ask(replace(asked, id="req_3"))


async def test_keys_without_limits_are_not_counted() -> None:
    house = House(Limits(), counters=Gone())

    await house.ask()

    assert await house.left() == Standing()


class Gone:
    """Counters that cannot be reached."""

    async def take(
        self, charges: Sequence[Charge], begins: Mapping[str, int] | None = None
    ) -> Outcome:
        del charges, begins
        raise CountersFailed("connection refused")

    async def correct(self, at: float, charges: Sequence[Charge]) -> None:
        del at, charges
        raise CountersFailed("connection refused")

    async def close(self) -> None:
        pass


async def test_what_cannot_be_counted_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    house = House(Limits(requests_per_minute=1), counters=Gone())

    for _ in range(2):
        with pytest.raises(LimitsUnavailable):
            await house.ask()

    assert not house.engine.requests
    assert await house.left() == Standing()
    assert len(caplog.records) <= 1


async def test_what_cannot_be_counted_is_let_in_where_that_is_configured() -> None:
    house = House(Limits(requests_per_minute=1), counters=Gone(), fail_open=True)

    await house.ask()
    await house.ask()

    assert len(house.engine.requests) == 2
