import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from readstone.api.exchange import Exchange
from readstone.api.http import PUBLIC_PATHS, Door
from readstone.core.errors import ClientClosed, EngineFailed
from readstone.core.key import mint
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore
from readstone.telemetry import LOGGER, JSONFormatter
from unit.api.asgi import Call, ask

KEY, WRITTEN = mint("tester", 1_700_000_000)
SECRET = WRITTEN.rsplit("-", 1)[1]
BEARER = {"authorization": f"Bearer {WRITTEN}"}


async def public(request: Request) -> PlainTextResponse:
    del request
    return PlainTextResponse("public")


async def private(request: Request) -> PlainTextResponse:
    exchange: Exchange = request.scope["exchange"]
    assert exchange.principal is not None
    return PlainTextResponse(exchange.principal.name)


async def broken(request: Request) -> PlainTextResponse:
    del request
    raise ValueError("a detail nobody may see")


class Streams:
    """Begins an answer, then raises what it was given."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        exchange: Exchange = scope["exchange"]
        exchange.notes["model"] = "m"
        await exchange.send({"type": "http.response.start", "status": 200, "headers": []})
        await exchange.send({"type": "http.response.body", "body": b"1", "more_body": True})
        if self._error is not None:
            raise self._error
        await exchange.send({"type": "http.response.body", "body": b"2", "more_body": False})


async def left(request: Request) -> PlainTextResponse:
    del request
    raise ClientClosed


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.add_key(KEY)
    return store


@pytest.fixture
def door(store: MemoryStore) -> Door:
    routes = [
        *(Route(path, public, methods=["GET"]) for path in sorted(PUBLIC_PATHS)),
        Route("/v1/private", private, methods=["GET"]),
        Route("/v1/broken", broken, methods=["POST"]),
        Route("/v1/stream", Streams()),
        Route("/v1/torn", Streams(EngineFailed("torn"))),
        Route("/v1/left", left),
        Route("/v1/{name:path}/kept", private, methods=["GET"]),
    ]
    return Door(Router(routes, redirect_slashes=False), Authenticator(store))


class Lines(logging.Handler):
    """Keeps the log as the server would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JSONFormatter())
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(self.format(record))

    @property
    def requests(self) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self.written]
        return [entry for entry in entries if entry["event"] == "request"]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    level = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    yield handler
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(level)


def assert_error(call: Call, status: int, code: str) -> None:
    assert call.status == status
    assert call.headers["content-type"] == "application/json"
    assert call.headers["content-length"] == str(len(call.body))
    assert list(call.json) == ["error"]
    assert list(call.error) == ["message", "type", "param", "code"]
    assert call.error["code"] == code


@pytest.mark.parametrize("path", sorted(PUBLIC_PATHS))
async def test_a_public_path_needs_no_key(door: Door, path: str) -> None:
    assert (await ask(door, path)).body == b"public"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/private",
        "/v1/unknown",
        "/",
        "",
        "/health/",
        "/health/x",
        "//health",
        "/HEALTH",
        "/health\n",
        "/v1/../health",
        "/v1/private?/health",
    ],
)
async def test_every_other_path_needs_a_key_unknown_ones_too(door: Door, path: str) -> None:
    assert_error(await ask(door, path), 401, "invalid_api_key")


@pytest.mark.parametrize("host", ["x/health?x=", "x/health#", "/health", "x?", ""])
async def test_a_forged_host_opens_nothing(door: Door, host: str) -> None:
    call = await ask(door, "/v1/private", headers={"host": host, "x-forwarded-path": "/health"})
    assert_error(call, 401, "invalid_api_key")


@pytest.mark.parametrize(
    "extra", [{"root_path": "/health"}, {"query_string": b"/health"}, {"raw_path": b"/health"}]
)
async def test_no_other_part_of_the_request_opens_anything(
    door: Door, extra: Mapping[str, object]
) -> None:
    assert_error(await ask(door, "/v1/private", extra=extra), 401, "invalid_api_key")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_key_opens_the_door(door: Door, scheme: str) -> None:
    call = await ask(door, "/v1/private", headers={"authorization": f"{scheme} {WRITTEN} "})
    assert (call.status, call.body) == (200, b"tester")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("", id="nothing"),
        pytest.param("Bearer", id="scheme"),
        pytest.param("Bearer ", id="scheme-space"),
        pytest.param("Basic dTpw", id="another-scheme"),
        pytest.param(WRITTEN, id="no-scheme"),
        pytest.param(f"Bearer {WRITTEN}x", id="too-long"),
        pytest.param(f"Bearer {WRITTEN[:-1]}", id="too-short"),
        pytest.param(f"Bearer {WRITTEN[:-1]}é", id="another-letter"),
        pytest.param(f"Bearer {mint('other', 0)[1]}", id="another-key"),
        pytest.param(f"Bearer rs-{KEY.public_id}-{'a' * 40}", id="another-secret"),
        pytest.param("Bearer \xff\xfe", id="no-text"),
    ],
)
async def test_anything_else_does_not(door: Door, written: str) -> None:
    call = await ask(door, "/v1/private", headers={"authorization": written})
    assert_error(call, 401, "invalid_api_key")
    assert call.headers["www-authenticate"] == "Bearer"
    assert SECRET not in call.body.decode()


async def test_a_revoked_key_is_refused_from_the_next_request_on(
    door: Door, store: MemoryStore
) -> None:
    assert (await ask(door, "/v1/private", headers=BEARER)).status == 200
    await store.revoke_key(KEY.public_id, 1)
    assert_error(await ask(door, "/v1/private", headers=BEARER), 401, "invalid_api_key")


async def test_an_unknown_route_is_told_in_json(door: Door) -> None:
    call = await ask(door, "/v1/unknown", headers=BEARER)
    assert_error(call, 404, "not_found")
    assert "GET /v1/unknown" in str(call.error["message"])


async def test_a_long_path_is_quoted_in_part(door: Door) -> None:
    call = await ask(door, "/v1/" + "x" * 60_000, headers=BEARER)
    assert_error(call, 404, "not_found")
    assert len(call.body) < 500


async def test_a_path_that_utf_8_cannot_hold_is_told_in_json(door: Door) -> None:
    call = await ask(door, "/v1/\ud800", headers=BEARER)
    assert_error(call, 404, "not_found")


async def test_a_wrong_method_is_told_in_json_with_the_right_ones(door: Door) -> None:
    call = await ask(door, "/v1/private", method="DELETE", headers=BEARER)
    assert_error(call, 405, "method_not_allowed")
    assert set(call.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_an_unexpected_exception_is_told_without_its_text(door: Door, lines: Lines) -> None:
    call = await ask(door, "/v1/broken", method="POST", headers=BEARER)
    assert_error(call, 500, "internal_error")
    assert b"nobody" not in call.body
    bug, request = (json.loads(line) for line in lines.written)
    assert "ValueError: a detail nobody may see" in bug["exception"]
    assert bug["id"] == request["id"] == call.headers["x-request-id"]
    assert (request["status"], request["error"]) == (500, "internal_error")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/health", {}),
        ("/v1/private", {}),
        ("/v1/private", BEARER),
        ("/v1/unknown", BEARER),
        ("/v1/broken", BEARER),
        ("/v1/stream", BEARER),
    ],
)
async def test_every_answer_has_an_id_and_the_time_it_took(
    door: Door, path: str, headers: dict[str, str]
) -> None:
    call = await ask(door, path, headers=headers)
    again = await ask(door, path, headers=headers)
    assert call.headers["x-request-id"].startswith("req_")
    assert call.headers["x-request-id"] != again.headers["x-request-id"]
    assert int(call.headers["openai-processing-ms"]) >= 0


async def test_every_request_but_the_public_ones_is_one_line_of_the_log(
    door: Door, lines: Lines
) -> None:
    for path in ("/health", "/v1/private", "/v1/unknown", "/v1/stream"):
        await ask(door, path, headers=BEARER)
    assert [(line["path"], line["status"]) for line in lines.requests] == [
        ("/v1/private", 200),
        ("/v1/unknown", 404),
        ("/v1/stream", 200),
    ]


async def test_the_line_names_the_key_by_its_public_id_and_never_its_secret(
    door: Door, lines: Lines
) -> None:
    await ask(door, "/v1/private", headers=BEARER)
    await ask(door, "/v1/private", headers={"authorization": WRITTEN})
    await ask(door, "/v1/broken", method="POST", headers=BEARER)
    assert [line["key"] for line in lines.requests] == [KEY.public_id, None, KEY.public_id]
    assert SECRET not in "".join(lines.written)


async def test_nor_is_a_key_told_whole_that_stands_where_an_id_belongs(
    door: Door, lines: Lines
) -> None:
    await ask(door, f"/v1/{WRITTEN}/x", headers={**BEARER, "X-Client-Request-Id": WRITTEN})
    (line,) = lines.requests
    assert line["path"] == f"/v1/rs-{KEY.public_id}-…/x"
    assert line["client_id"] == f"rs-{KEY.public_id}-…"


async def test_what_a_route_notes_is_in_the_line(door: Door, lines: Lines) -> None:
    await ask(door, "/v1/stream", headers=BEARER)
    assert lines.requests[0]["model"] == "m"


@pytest.mark.parametrize("note", ["order-7", "a" * 128, "!~"])
async def test_the_clients_own_id_is_in_the_line(door: Door, lines: Lines, note: str) -> None:
    call = await ask(door, "/v1/private", headers={**BEARER, "X-Client-Request-Id": note})
    assert lines.requests[0]["client_id"] == note
    assert note not in call.headers["x-request-id"]


@pytest.mark.parametrize("note", ["", "a" * 129, "a b", "a\nb", "\x1b[31m", "é", "\xff"])
async def test_garbage_in_its_place_is_not(door: Door, lines: Lines, note: str) -> None:
    call = await ask(door, "/v1/private", headers={**BEARER, "X-Client-Request-Id": note})
    assert call.status == 200
    assert lines.requests[0]["client_id"] is None


async def test_a_client_that_left_is_logged_as_499_and_answered_nothing(
    door: Door, lines: Lines
) -> None:
    call = await ask(door, "/v1/left", headers=BEARER)
    assert (call.status, call.body) == (None, b"")
    assert lines.requests[0]["status"] == 499


async def test_an_error_after_the_answer_began_is_logged_and_starts_no_second_one(
    door: Door, lines: Lines
) -> None:
    call = await ask(door, "/v1/torn", headers=BEARER)
    assert (call.status, call.body, call.complete) == (200, b"1", False)
    assert (lines.requests[0]["status"], lines.requests[0]["error"]) == (200, "engine_failed")


async def test_a_model_id_with_slashes_reaches_its_route(store: MemoryStore, door: Door) -> None:
    await store.add_key(replace(KEY, public_id="a" * 12))
    call = await ask(door, "/v1/Qwen/Qwen3-VL/kept", headers=BEARER)
    assert call.body == b"tester"


async def test_a_refused_upload_is_taken_to_its_end_after_the_answer(door: Door) -> None:
    pieces = tuple(b"x" * 1000 for _ in range(20))
    call = Call(
        door, "/v1/private", method="GET", headers={"content-length": "20000"}, pieces=pieces
    )
    await call.end()
    assert call.status == 401
    assert call.complete
    assert not call.unread, "a client that still sends would meet a closed connection"


async def test_a_client_that_waits_to_be_asked_is_not_asked_for_a_refused_upload(
    door: Door,
) -> None:
    headers = {"content-length": "20000", "expect": "100-continue"}
    call = Call(door, "/v1/private", headers=headers, pieces=(b"x" * 20_000,))
    await call.end()
    assert call.status == 401
    assert call.unread


@pytest.mark.parametrize("coding", ["gzip", "br", "x"])
async def test_a_compressed_body_is_refused_rather_than_taken_for_nonsense(
    door: Door, coding: str
) -> None:
    call = await ask(door, "/v1/private", headers={**BEARER, "content-encoding": coding})
    assert call.status == 400
    assert "compressed" in (call.error["message"] or "")


async def test_one_that_says_it_is_as_it_is_is_taken(door: Door) -> None:
    call = await ask(door, "/v1/private", headers={**BEARER, "content-encoding": "identity"})
    assert call.status == 200
