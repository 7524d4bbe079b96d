import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.routing import Route, Router

from readstone.api.http import Door
from readstone.api.openai.codec import ChatCodec
from readstone.api.openai.completions import ChatCompletions, ChatLimits
from readstone.core.chat import ChatEvent, ChatRequest, Finish, TextDelta
from readstone.core.errors import (
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    InvalidImage,
    Overloaded,
)
from readstone.core.grant import Grant
from readstone.core.key import Key, mint
from readstone.core.usage import Usage
from readstone.engines.fake import FakeEngine, Step
from readstone.media.attachments import Attachments
from readstone.media.inspect import DocumentLimits, ImageLimits
from readstone.serving.admission import Admission
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.intake import Intake
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore
from unit.api.asgi import Call
from unit.api.openai.chat import CATALOGUE, PNG, Shelf, body, image_part

TESTER = mint("tester", 0)
LONG = 60.0
SHORT = 0.001
BODY_LIMIT = 200_000
FINISH = Finish("stop", Usage(3, 2, image_tokens=1))
DONE = "data: [DONE]"


class SlowShelf(Shelf):
    """Gives nothing before `go`."""

    def __init__(self, things: dict[str, bytes]) -> None:
        super().__init__(things)
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.cancelled = False

    async def fetch(self, url: str, param: str) -> bytes:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return await super().fetch(url, param)


class Server:
    """The hot path behind the door, with a fake engine."""

    slow = "https://example.com/slow.png"

    def __init__(
        self,
        *steps: Step,
        keep_alive: float = LONG,
        running: int = 4,
        seconds: float = LONG,
        make: type[FakeEngine] = FakeEngine,
        key: tuple[Key, str] = TESTER,
    ) -> None:
        self.key, self._written = key
        self.engine = make(*steps, refused=frozenset({"tools"}))
        gateway = Gateway({"fake": Backend(self.engine, Admission(running, 0))})
        self.shelf = SlowShelf({self.slow: PNG})
        codec = ChatCodec(CATALOGUE, Attachments(ImageLimits(), DocumentLimits(), self.shelf, 8))
        limits = ChatLimits(BODY_LIMIT, seconds, keep_alive)
        self.intake = Intake(10 * BODY_LIMIT, 0)
        application = ChatCompletions(codec, gateway, self.intake, limits)
        self._store = MemoryStore()
        routes = [Route("/v1/chat/completions", application)]
        self._door = Door(Router(routes), Authenticator(self._store))

    async def post(
        self, content: bytes, *, method: str = "POST", stalls: bool = False, **headers: str
    ) -> Call:
        """Begin a call; end() waits for its answer."""
        if not await self._store.list_keys():
            await self._store.add_key(self.key)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Call(
            self._door,
            method=method,
            headers={"authorization": f"Bearer {self._written}", **named},
            pieces=(content[:10], content[10:]),
            stalls=stalls,
        )

    async def whole(self, **properties: object) -> Call:
        return await (await self.post(body(stream=False, **properties))).end()

    async def stream(self, **properties: object) -> Call:
        return await (await self.post(body(stream=True, **properties))).end()


class Untidy(FakeEngine):
    """Answers, then fails while it is closed."""

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        del request
        try:
            yield FINISH
        finally:
            raise ValueError("untidy")


def text_of(events: list[Any]) -> str:
    choices = [choice for event in events for choice in event["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


async def test_a_whole_answer_is_json() -> None:
    call = await Server().whole()
    assert (call.status, call.headers["content-type"]) == (200, "application/json")
    assert call.headers["content-length"] == str(len(call.body))
    choice = call.json["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": "Hello, reader",
        "refusal": None,
    }
    assert choice["finish_reason"] == "stop"
    assert call.json["usage"]["total_tokens"] == 11


async def test_a_stream_is_made_of_events_and_may_not_be_kept_back() -> None:
    call = await Server().stream()
    assert call.status == 200
    assert call.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert call.headers["cache-control"] == "no-cache"
    assert call.headers["x-accel-buffering"] == "no"
    assert "content-length" not in call.headers
    assert call.complete
    assert call.body.decode().split("\n\n")[-2:] == [DONE, ""]


async def test_a_whole_answer_is_the_fold_of_the_stream() -> None:
    steps: tuple[Step, ...] = (TextDelta("a\n", 1), TextDelta("", 0), TextDelta("é\n", 2), FINISH)
    whole = (await Server(*steps).whole()).json
    events = (await Server(*steps).stream()).events
    assert text_of(events) == whole["choices"][0]["message"]["content"] == "a\né\n"
    assert events[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert events[-1]["usage"] == whole["usage"]
    assert set(events[-1]["x_metrics"]) == set(whole["x_metrics"])
    assert events[0]["model"] == whole["model"]
    assert events[0]["system_fingerprint"] == whole["system_fingerprint"] == "fake-fingerprint"


async def test_the_metrics_are_in_every_answer() -> None:
    metrics = (await Server().whole()).json["x_metrics"]
    assert metrics["engine"] == "fake"
    assert 0 <= metrics["queue_seconds"] <= metrics["ttft_seconds"] <= metrics["total_time_seconds"]


async def test_each_piece_goes_out_when_it_comes() -> None:
    more = asyncio.Event()
    server = Server(TextDelta("one", 1), more, TextDelta("two", 1), FINISH)
    call = await server.post(body(stream=True))
    await call.until(lambda: text_of(call.events) == "one")
    assert not call.complete
    more.set()
    await call.end()
    assert text_of(call.events) == "onetwo"


async def test_the_model_is_told_by_the_name_the_client_used() -> None:
    server = Server()
    assert (await server.whole(model="Some/OCR-1B")).json["model"] == "Some/OCR-1B"
    assert server.engine.requests[0].model.id == "ocr-model"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidImage("Broken.", param="messages[0]"), 400, "invalid_image"),
        (Overloaded(), 503, "overloaded"),
        (EngineFailed(), 502, "engine_failed"),
        (EngineCrashed(), 502, "engine_crashed"),
        (EngineTimeout(), 504, "engine_timeout"),
        (ValueError("a detail"), 500, "internal_error"),
    ],
)
async def test_an_error_before_the_first_event_keeps_its_status(
    *, error: Exception, status: int, code: str, stream: bool
) -> None:
    call = await (await Server(error).post(body(stream=stream))).end()
    assert (call.status, call.headers["content-type"]) == (status, "application/json")
    assert call.error["code"] == code
    assert "a detail" not in str(call.error)
    assert call.complete


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (EngineCrashed(), "upstream_error", "engine_crashed"),
        (EngineTimeout("Late."), "timeout_error", "engine_timeout"),
        (ValueError("a detail"), "server_error", "internal_error"),
    ],
)
async def test_an_error_after_the_first_event_is_told_in_the_stream(
    error: Exception, kind: str, code: str
) -> None:
    call = await Server(TextDelta("one", 1), error).stream()
    assert call.status == 200
    assert call.complete
    *pieces, last, done, nothing = call.body.decode().split("\n\n")
    assert (done, nothing) == (DONE, "")
    detail = json.loads(last.removeprefix("data: "))["error"]
    assert list(detail) == ["message", "type", "param", "code"]
    assert (detail["type"], detail["code"]) == (kind, code)
    assert "a detail" not in detail["message"]
    assert not any("error" in piece for piece in pieces)
    assert all(choice["finish_reason"] is None for choice in _choices(pieces))


async def test_an_error_in_the_middle_of_a_whole_answer_has_its_status() -> None:
    call = await Server(TextDelta("one", 1), EngineCrashed()).whole()
    assert (call.status, call.error["code"]) == (502, "engine_crashed")
    assert call.headers["retry-after-ms"] == "1000"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_engine_that_ends_without_a_finish_has_failed(*, stream: bool) -> None:
    call = await (await Server(TextDelta("one", 1)).post(body(stream=stream))).end()
    if stream:
        assert call.events[-1]["error"]["code"] == "engine_failed"
        assert call.body.decode().endswith(f"{DONE}\n\n")
    else:
        assert (call.status, call.error["code"]) == (502, "engine_failed")


async def test_what_an_engine_says_after_its_finish_is_not_sent() -> None:
    call = await Server(TextDelta("one", 1), FINISH, TextDelta("two", 1), FINISH).stream()
    assert text_of(call.events) == "one"
    assert call.body.decode().count(DONE) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_an_engine_that_fails_after_its_finish_does_not_spoil_the_answer(
    *, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    call = await (await Server(make=Untidy).post(body(stream=stream))).end()
    assert (call.status, call.complete) == (200, True)
    assert b'"error"' not in call.body
    assert not stream or call.body.decode().endswith(f"{DONE}\n\n")
    assert "ValueError: untidy" in caplog.text


@pytest.mark.parametrize("before_the_first", [False, True])
async def test_silence_is_filled_with_pings(*, before_the_first: bool) -> None:
    go = asyncio.Event()
    begin: tuple[Step, ...] = () if before_the_first else (TextDelta("one", 1),)
    server = Server(*begin, go, TextDelta("two", 1), FINISH, keep_alive=SHORT)
    call = await server.post(body(stream=True))
    await call.until(lambda: call.body.count(b": ping\n\n") >= 3)
    go.set()
    await call.end()
    assert call.pieces.count(b": ping\n\n") >= 3
    assert text_of(call.events) == ("two" if before_the_first else "onetwo")
    assert (call.pieces[0] == b": ping\n\n") == before_the_first


async def test_an_error_after_a_ping_is_told_in_the_stream() -> None:
    go = asyncio.Event()
    call = await Server(go, EngineFailed(), keep_alive=SHORT).post(body(stream=True))
    await call.until(lambda: b": ping\n\n" in call.pieces)
    go.set()
    await call.end()
    assert call.status == 200
    assert call.events[0]["error"]["code"] == "engine_failed"
    assert call.body.decode().endswith(f"{DONE}\n\n")


async def test_silence_does_not_disturb_a_whole_answer() -> None:
    go = asyncio.Event()
    server = Server(TextDelta("one", 1), go, FINISH, keep_alive=SHORT)
    call = await server.post(body(stream=False))
    for _ in range(20):
        await asyncio.sleep(0)
    assert call.status is None
    go.set()
    await call.end()
    assert call.json["choices"][0]["message"]["content"] == "one"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_engine(*, stream: bool) -> None:
    server = Server(TextDelta("one", 1), asyncio.Event(), FINISH, running=1)
    call = await server.post(body(stream=stream))
    async with asyncio.timeout(10):
        await server.engine.begun.wait()
    call.leave()
    await call.end()
    assert server.engine.closed.is_set()
    assert server.engine.running == 0
    assert DONE not in call.body.decode()
    assert not call.complete


async def test_a_client_that_leaves_gives_its_permit_back() -> None:
    go = asyncio.Event()
    server = Server(TextDelta("one", 1), go, FINISH, running=1)
    call = await server.post(body(stream=True))
    await call.until(lambda: bool(call.pieces))
    assert (await server.stream()).error["code"] == "overloaded"
    call.leave()
    await call.end()
    go.set()
    assert (await server.stream()).status == 200


async def test_a_client_that_leaves_before_its_request_is_whole_reaches_no_engine() -> None:
    server = Server()
    call = await server.post(body() + b" " * BODY_LIMIT)
    call.leave()
    await call.end()
    assert not server.engine.requests


async def test_what_the_engine_refuses_is_refused_with_its_name() -> None:
    server = Server()
    call = await server.stream(tools=[{"type": "function"}])
    assert (call.status, call.error["param"]) == (400, "tools")
    assert call.error["code"] == "unsupported_parameter"
    assert not server.engine.requests


async def test_a_body_over_the_limit_is_refused() -> None:
    server = Server()
    call = await (await server.post(body(), content_length=str(BODY_LIMIT + 1))).end()
    assert (call.status, call.error["code"]) == (413, "request_too_large")
    call = await (await server.post(body() + b" " * BODY_LIMIT)).end()
    assert (call.status, call.error["type"]) == (413, "invalid_request_error")
    assert not server.engine.requests


async def test_a_large_body_is_decoded_beside_the_loop_with_the_same_result() -> None:
    server = Server()
    content = [image_part()] * 2 + [{"type": "text", "text": "x" * 100_000}]
    assert (await server.whole(content=content)).status == 200
    assert len(server.engine.requests[0].messages[0].parts) == 3
    call = await server.whole(content=[*content, {"type": "video"}])
    assert (call.status, call.error["param"]) == (400, "messages[0].content[3].type")


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS"])
async def test_any_other_method_is_refused(method: str) -> None:
    call = await (await Server().post(b"", method=method)).end()
    assert (call.status, call.headers["allow"]) == (405, "POST")
    assert call.error["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("model", "accept", "media_type"),
    [
        ("ocr-model", "*/*", "application/json"),
        ("chat-model", "*/*", "text/event-stream; charset=utf-8"),
        ("chat-model", "application/json", "application/json"),
        ("chat-model", "text/event-stream", "text/event-stream; charset=utf-8"),
    ],
)
async def test_who_leaves_stream_out_gets_what_the_contract_says(
    model: str, accept: str, media_type: str
) -> None:
    call = await (await Server().post(body(model), accept=accept)).end()
    assert call.headers["content-type"] == media_type


async def test_usage_that_was_asked_for_comes_last() -> None:
    events = (await Server().stream(stream_options={"include_usage": True})).events
    assert events[-1]["choices"] == []
    assert events[-1]["usage"]["completion_tokens"] == 4
    assert events[-1]["x_metrics"]["engine"] == "fake"
    assert all(event["usage"] is None and event["choices"] for event in events[:-1])


def _choices(pieces: list[str]) -> list[Any]:
    chunks = [json.loads(piece.removeprefix("data: ")) for piece in pieces]
    return [choice for chunk in chunks for choice in chunk["choices"]]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_that_takes_too_long_is_told_so_with_504(*, stream: bool) -> None:
    server = Server(asyncio.Event(), FINISH, seconds=0.02)
    call = await (await server.post(body(stream=stream))).end()
    assert (call.status, call.error["code"]) == (504, "request_timeout")
    assert "limits.request_seconds" in str(call.error["message"])
    assert server.engine.closed.is_set()


async def test_a_stream_that_takes_too_long_is_told_so_in_the_stream() -> None:
    server = Server(TextDelta("one", 1), asyncio.Event(), FINISH, seconds=0.1)
    call = await (await server.post(body(stream=True))).end()
    assert call.status == 200
    assert call.events[-1]["error"]["code"] == "request_timeout"
    assert call.body.decode().endswith(f"{DONE}\n\n")
    assert server.engine.closed.is_set()


async def test_a_body_that_never_ends_is_told_so_with_504() -> None:
    call = await Server(seconds=0.02).post(body(), stalls=True, content_length="100000")
    await call.until(lambda: bool(call.pieces))
    call.leave()
    await call.end()
    assert (call.status, call.error["code"]) == (504, "request_timeout")


async def test_nothing_is_held_once_a_request_has_ended() -> None:
    server = Server()
    await server.whole(content=[image_part()])
    await server.stream(content=[image_part("data:nothing")])
    assert server.intake.held == 0


async def test_pings_are_sent_while_an_image_is_fetched() -> None:
    server = Server(keep_alive=SHORT)
    call = await server.post(body(stream=True, content=[image_part(server.slow)]))
    await call.until(lambda: call.body.count(b": ping\n\n") >= 2)
    server.shelf.go.set()
    await call.end()
    assert text_of(call.events) == "Hello, reader"


async def test_a_client_that_leaves_while_an_image_is_fetched_stops_the_fetch() -> None:
    server = Server()
    call = await server.post(body(content=[image_part(server.slow)]))
    await server.shelf.begun.wait()
    call.leave()
    await call.end()
    assert server.shelf.cancelled
    assert not server.engine.requests


async def test_a_key_for_other_models_is_refused_with_403() -> None:
    server = Server(key=mint("one", 0, Grant(models=("chat-model",))))
    call = await server.whole()
    assert (call.status, call.error["type"]) == (403, "permission_error")
    assert (call.error["param"], call.error["code"]) == ("model", "permission_denied")
    assert not server.engine.requests
    assert (await server.whole(model="chat-model")).status == 200
    assert server.engine.requests[0].key_id == server.key.public_id
