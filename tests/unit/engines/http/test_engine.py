"""The HTTP engine against servers that are scripted to the byte; real ones are in tests/contract and tests/e2e."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from readstone.core.chat import ChatEvent, ChatRequest, Finish, Message, Relay, TextPart
from readstone.core.errors import (
    ContextTooLong,
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    Overloaded,
    RequestError,
    UnsupportedParameter,
)
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines.http.counting import NOT_COUNTED
from readstone.engines.http.engine import HTTPEngine, HTTPOptions
from readstone.engines.http.health import HealthOptions
from readstone.engines.http.target import parse_target
from readstone.engines.pictures import Untouched, Wanted
from unit.engines.http.upstream import QUICK, Script, Upstream, Visit, saying

MODEL = Model("Public/Name", "chat", "engine", KIND_DEFAULTS["chat"], 1, upstream="inner")
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}\n\n'
DONE = b"data: [DONE]\n\n"
ANSWER = STREAM + ROLE + WORD + LAST + USAGE + DONE
VLLM = (
    "This model's maximum context length is 1024 tokens. However, you requested 4120 tokens "
    "(24 in the messages, 4096 in the completion)."
)


def status(code: int, body: object, *headers: str) -> bytes:
    content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + content


def request(**extras: bytes) -> ChatRequest:
    return ChatRequest(
        id="req_1",
        key_id="key",
        model=MODEL,
        model_name=MODEL.id,
        messages=(Message("user", (TextPart("Hello"),)),),
        max_tokens=4096,
        temperature=0.7,
        top_p=1.0,
        arrived=0.0,
        extras=extras,
        defaulted=frozenset({"max_tokens"}),
    )


class Asked:
    """A server that keeps what it was asked, health aside, and answers each with the next of `answers`."""

    def __init__(self, *answers: bytes) -> None:
        self.heads: list[list[str]] = []
        self.bodies: list[dict[str, Any]] = []
        self._answers = answers

    async def __call__(self, visit: Visit) -> None:
        while True:
            head, body = await visit.listen()
            if head[0].startswith("GET"):
                await visit.say(status(200, {}))
                continue
            self.heads.append(head)
            self.bodies.append(json.loads(body))
            answer = self._answers[min(len(self.bodies), len(self._answers)) - 1]
            await visit.say(answer)
            if b"Connection: close" in answer:
                return


def engine_at(url: str, refused: frozenset[str] = frozenset()) -> HTTPEngine:
    options = HTTPOptions(
        parse_target(f"{url}/v1"),
        api_key="secret",
        first_seconds=QUICK * 5,
        silence_seconds=QUICK * 5,
        refused=refused,
    )
    return HTTPEngine("engine", options, Untouched(Wanted(frozenset({"png"}))), HealthOptions())


@asynccontextmanager
async def engine_of(
    script: Script, refused: frozenset[str] = frozenset()
) -> AsyncGenerator[HTTPEngine]:
    async with Upstream(script).open() as upstream:
        engine = engine_at(upstream.url, refused)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()


async def events_of(engine: HTTPEngine, asked: ChatRequest | None = None) -> list[ChatEvent]:
    async with aclosing(engine.chat(asked or request())) as events:
        return [event async for event in events]


async def failure_of(*answers: bytes) -> RequestError:
    async with engine_of(Asked(*answers)) as engine:
        with pytest.raises(RequestError) as caught:
            await events_of(engine)
    return caught.value


async def test_the_engine_is_asked_under_its_key_and_our_request_id() -> None:
    script = Asked(ANSWER)
    async with engine_of(script) as engine:
        *relays, finish = await events_of(engine)
    assert script.heads[0][0] == "POST /v1/chat/completions HTTP/1.1"
    assert {"authorization: Bearer secret", "x-request-id: req_1"} <= set(script.heads[0])
    assert (script.bodies[0]["model"], script.bodies[0]["stream"]) == ("inner", True)
    assert all(isinstance(relay, Relay) for relay in relays)
    assert isinstance(finish, Finish)
    assert (finish.usage.prompt_tokens, finish.usage.completion_tokens) == (5, 1)
    assert finish.notes == ()


async def test_tokens_that_the_engine_does_not_count_are_estimated_and_said_to_be() -> None:
    async with engine_of(Asked(STREAM + ROLE + WORD + LAST + DONE)) as engine:
        *_, finish = await events_of(engine)
    assert isinstance(finish, Finish)
    assert finish.notes == (NOT_COUNTED,)
    assert finish.usage.completion_tokens == 1


async def test_an_engine_that_does_not_stream_is_understood() -> None:
    body = {
        "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1},
    }
    async with engine_of(Asked(status(200, body))) as engine:
        (finish,) = await events_of(engine)
    assert isinstance(finish, Finish)
    assert json.loads(finish.choices or b"")[0]["delta"] == {"content": "Hi"}


async def test_a_default_length_that_does_not_fit_beside_the_prompt_is_made_smaller() -> None:
    script = Asked(status(400, {"error": {"message": VLLM}}), ANSWER)
    async with engine_of(script) as engine:
        *_, finish = await events_of(engine)
    assert isinstance(finish, Finish)
    assert [body["max_tokens"] for body in script.bodies] == [4096, 1000]


async def test_a_length_that_the_client_asked_for_is_never_changed() -> None:
    script = Asked(status(400, {"error": {"message": VLLM}}))
    given = replace(request(), defaulted=frozenset())
    async with engine_of(script) as engine:
        with pytest.raises(ContextTooLong):
            await events_of(engine, given)
    assert len(script.bodies) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (status(503, {"error": {"message": "Loading model"}}), EngineUnavailable),
        (status(503, {"error": {"message": "queue is full"}}, "Retry-After: 7"), Overloaded),
        (status(500, {"error": "x"}), EngineFailed),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
            EngineFailed,
        ),
        (b"SSH-2.0-OpenSSH\r\n\r\nConnection: close", EngineFailed),
        (STREAM + ROLE + WORD, EngineFailed),
        (STREAM + ROLE + b'data: {"error":{"message":"out of memory"}}\n\n', EngineFailed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ndata\r\nConnection: close", EngineCrashed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ndata", EngineTimeout),
    ],
)
async def test_every_trouble_is_an_error_of_ours(answer: bytes, kind: type[RequestError]) -> None:
    assert type(await failure_of(answer)) is kind


async def test_what_came_together_with_an_error_is_told_before_it() -> None:
    trouble = b'data: {"error":{"message":"out of memory"}}\n\n'
    told: list[ChatEvent] = []

    async def listen(engine: HTTPEngine) -> None:
        async with aclosing(engine.chat(request())) as events:
            async for event in events:
                told.append(event)  # noqa: PERF401  (a list would be lost with the error)

    async with engine_of(Asked(STREAM + ROLE + WORD + WORD + trouble)) as engine:
        with pytest.raises(EngineFailed):
            await listen(engine)
    choices = [each for event in told if isinstance(event, Relay) for each in event.choices]
    assert sum(b'"Hi"' in each for each in choices) == 2


async def test_the_time_that_the_engine_asks_to_wait_is_told() -> None:
    failure = await failure_of(status(429, {"error": {}}, "Retry-After: 7"))
    assert isinstance(failure, Overloaded)
    assert failure.retry_after == 7.0


async def test_an_engine_that_cannot_be_reached_has_begun_nothing_and_is_down() -> None:
    async with Upstream(saying(b"")).open() as upstream:
        engine = engine_at(upstream.url)
    await engine.start()
    with pytest.raises(EngineUnavailable):
        await events_of(engine)
    async with asyncio.timeout(5):
        while engine.state != "failed":  # noqa: ASYNC110  (a probe tells nobody)
            await asyncio.sleep(0.01)
    await engine.stop()


async def test_what_the_engine_would_ignore_is_refused_unless_it_asks_for_nothing() -> None:
    script = Asked(ANSWER)
    async with engine_of(script, refused=frozenset({"store", "n"})) as engine:
        with pytest.raises(UnsupportedParameter) as caught:
            await events_of(engine, request(store=b"true"))
        assert caught.value.param == "store"
        await events_of(engine, request(store=b" false", n=b"1"))
    assert len(script.bodies) == 1


async def test_a_client_that_leaves_closes_the_engines_connection() -> None:
    left = asyncio.Event()

    async def script(visit: Visit) -> None:
        head, _ = await visit.listen()
        if head[0].startswith("GET"):
            await visit.say(status(200, {}))
            return
        await visit.say(STREAM + ROLE + WORD)
        await visit.gone()
        left.set()

    async with engine_of(script) as engine:
        events = engine.chat(request())
        assert isinstance(await anext(events), Relay)
        await events.aclose()
        async with asyncio.timeout(5):
            await left.wait()
