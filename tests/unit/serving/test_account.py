"""The account of a request becomes one entry, however the request ends."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from readstone.core.chat import ChatRequest, Finish, Image, ImagePart, Message, TextDelta, TextPart
from readstone.core.errors import (
    ClientClosed,
    EngineCrashed,
    EngineUnavailable,
    InvalidRequest,
    RateLimited,
)
from readstone.core.ledger import Entry, Selection
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.core.price import Prices
from readstone.core.usage import Metrics, Usage
from readstone.serving.account import Account
from readstone.serving.gateway import Served
from readstone.serving.ledger import Ledger, LedgerTerms
from readstone.store.memory import MemoryStore

PRICED = replace(
    Model("m", "chat", "gpu", KIND_DEFAULTS["chat"], 16), prices=Prices(prompt=1.0, completion=2.0)
)
IMAGE = Image(b"", "png", 64, 64, "messages")
REQUEST = ChatRequest(
    id="req_1",
    key_id="alice",
    model=PRICED,
    model_name="m",
    messages=(Message("user", (TextPart("hello"), ImagePart(IMAGE))),),
    max_tokens=100,
    temperature=0.0,
    top_p=1.0,
    arrived=0.0,
)
USAGE = Usage(10, 4, image_tokens=5, cached_tokens=1, reasoning_tokens=2, pages=1)
SERVED = Served(Finish("stop", USAGE), Metrics(0.25, 9.0, 1.5, 0.1, 0.05, "gpu-2"))


class Books:
    """A started ledger over a store of its own."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.ledger = Ledger(self.store, LedgerTerms())

    def account(self) -> Account:
        return Account(self.ledger, "req_1", "alice", "/v1/chat/completions", 0.0)

    async def entry(self) -> Entry:
        """The one entry there is, once everything is committed."""
        await self.ledger.stop()
        (entry,) = await self.store.entries(Selection(), None, 10)
        return entry


@asynccontextmanager
async def _books() -> AsyncGenerator[Books]:
    books = Books()
    await books.ledger.start()
    yield books
    await books.ledger.stop()


async def _end(error: BaseException, *, begun: bool = False) -> Entry:
    """The entry of a request that ends with an error."""
    async with _books() as books:
        with pytest.raises(type(error)):
            _answer(books.account(), error, begun=begun)
        return await books.entry()


def _answer(account: Account, error: BaseException, *, begun: bool) -> None:
    with account:
        account.ask(PRICED)
        account.send(REQUEST)
        if begun:
            account.take(TextDelta("Hello", 3))
        raise error


async def test_an_answer_is_entered_with_what_it_used_and_costs() -> None:
    async with _books() as books:
        with books.account() as account:
            account.ask(PRICED)
            account.send(REQUEST)
            account.take(TextDelta("Hello", 4))
            account.take(SERVED)
            await account.settle()
            assert len(await books.store.entries(Selection(), None, 10)) == 1
        entry = await books.entry()

    assert entry._replace(at=0) == Entry(
        "req_1",
        "alice",
        "/v1/chat/completions",
        "ok",
        0,
        "m",
        "gpu-2",
        "stop",
        prompt_tokens=10,
        completion_tokens=4,
        image_tokens=5,
        cached_tokens=1,
        reasoning_tokens=2,
        pages=1,
        images=1,
        ttft_ms=250,
        total_ms=1500,
        queue_ms=50,
        cost=10 + 8,
    )


async def test_who_leaves_before_the_first_token_pays_nothing() -> None:
    entry = await _end(ClientClosed())

    assert (entry.status, entry.cost, entry.completion_tokens) == ("left", 0, 0)


@pytest.mark.parametrize("error", [ClientClosed(), asyncio.CancelledError()])
async def test_who_leaves_later_pays_for_what_was_used_so_far(error: BaseException) -> None:
    entry = await _end(error, begun=True)

    assert (entry.status, entry.error) == ("left", "client_closed")
    assert (entry.completion_tokens, entry.estimated) == (3, True)
    assert entry.cost == entry.prompt_tokens + 2 * 3
    assert entry.prompt_tokens > entry.image_tokens > 0


@pytest.mark.parametrize(
    "error", [InvalidRequest("no"), RateLimited("slowly"), EngineUnavailable("down")]
)
async def test_what_is_refused_costs_nothing(error: Exception) -> None:
    entry = await _end(error)

    assert (entry.status, entry.cost) == ("refused", 0)
    assert entry.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineCrashed(), "engine_crashed"),
        (TimeoutError(), "request_timeout"),
        (ValueError("ours"), "internal_error"),
    ],
)
async def test_what_fails_costs_nothing_but_is_counted(error: Exception, code: str) -> None:
    entry = await _end(error, begun=True)

    assert (entry.status, entry.error, entry.cost) == ("failed", code, 0)
    assert entry.completion_tokens == 3


async def test_a_request_that_ends_before_its_model_is_known_is_entered_without_one() -> None:
    async with _books() as books:
        with pytest.raises(InvalidRequest), books.account():
            raise InvalidRequest("no JSON", code="invalid_json")
        entry = await books.entry()

    assert (entry.model, entry.engine, entry.status) == ("", "", "refused")


async def test_a_stream_that_ends_with_an_error_in_band_is_entered_once() -> None:
    async with _books() as books:
        with books.account() as account:
            account.send(REQUEST)
            account.fail(EngineCrashed())
            account.fail(ClientClosed())
        entry = await books.entry()

    assert entry.status == "failed"


async def test_an_answer_that_is_not_there_cannot_be_settled() -> None:
    async with _books() as books:
        with pytest.raises(RuntimeError, match="when it is there"), books.account() as account:
            await account.settle()
