"""The protocol of our port on a transport without a network: bytes are put in by hand, and what is sent is kept."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from starlette.types import Message, Receive, Scope, Send

from readstone.api.protocol import Protocol, Reception

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK"


class Wire(asyncio.Transport):
    """Keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__({"peername": ("9.9.9.9", 99), "sockname": ("127.0.0.1", 80)})
        self.written: list[bytes] = []
        self.is_closed = self.is_aborted = False
        self.reads = True
        self.unsent = 0

    @property
    def said(self) -> bytes:
        return b"".join(self.written)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.written.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        assert self.reads
        self.reads = False

    def resume_reading(self) -> None:
        assert not self.reads
        self.reads = True


class Clock:
    """A loop's clock that is put on by hand."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = 0.0
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self.create_task = self._loop.create_task
        self.create_future = self._loop.create_future

    def time(self) -> float:
        return self._now

    def call_later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        self._timers.append((self._now + seconds, call))
        return asyncio.TimerHandle(0.0, call, (), self._loop)

    def put_on(self, now: float) -> None:
        """Let it be that late, and whatever was due happen in between."""
        while self._timers and self._timers[0][0] <= now:
            self._now, call = self._timers.pop(0)
            call()
        self._now = now


class Visit:
    """A connection to an application; `clock` is its time where the test makes it."""

    def __init__(
        self,
        application: Callable[[Scope, Receive, Send], Awaitable[None]],
        clock: Clock | None = None,
    ) -> None:
        self.reception = Reception(application)
        loop = cast("asyncio.AbstractEventLoop", clock or asyncio.get_running_loop())
        self.protocol = Protocol(self.reception, loop)
        self.wire = Wire()
        self.protocol.connection_made(self.wire)

    async def say(self, *pieces: bytes) -> bytes:
        """Put bytes in and let everything happen; what was sent until then."""
        for piece in pieces:
            self.protocol.data_received(piece)
            await settle()
        return self.wire.said

    async def leave(self) -> None:
        self.protocol.connection_lost(None)
        await settle()


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await answer(send, b"OK")


async def answer(send: Send, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    del scope
    await answer(send, await whole(receive))


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in (b"one", b"two"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


async def whole(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += message["body"]
        if not message["more_body"]:
            return body


def error_of(said: bytes) -> Any:
    return json.loads(said.partition(b"\r\n\r\n")[2])["error"]


async def test_a_head_and_the_body_after_it_are_one_write() -> None:
    visit = Visit(ok)
    assert await visit.say(GET) == OK
    assert len(visit.wire.written) == 1
    assert not visit.reception.tasks


async def test_a_connection_serves_one_request_after_the_other() -> None:
    visit = Visit(echo)
    await visit.say(POST + b"ab", b"cd")
    assert visit.wire.written.pop().endswith(b"\r\n\r\nabcd")
    await visit.say(CHUNKED, b"2\r\nxy\r\n", b"1\r\nz\r\n0\r\nTrailer: a\r\n\r\n")
    assert visit.wire.written.pop().endswith(b"\r\n\r\nxyz")
    assert not visit.wire.is_closed
    assert visit.reception.answered == 2


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_a_request_may_come_in_any_pieces(size: int) -> None:
    visit = Visit(echo)
    request = POST + b"abcd" + GET
    await visit.say(*(request[at : at + size] for at in range(0, len(request), size)))
    assert visit.wire.said.count(b"HTTP/1.1 200 OK") == 2


async def test_the_application_is_told_what_was_asked() -> None:
    seen: list[Scope] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await ok(scope, receive, send)

    visit = Visit(note)
    await visit.say(b"PUT /a%20b?c=%20 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
    (scope,) = seen
    assert (scope["type"], scope["method"], scope["http_version"]) == ("http", "PUT", "1.1")
    assert (scope["path"], scope["raw_path"]) == ("/a b", b"/a%20b")
    assert (scope["query_string"], scope["root_path"]) == (b"c=%20", "")
    assert scope["headers"] == [(b"host", b"x"), (b"x-a", b"1"), (b"x-a", b"2")]
    assert (scope["client"], scope["server"]) == (("9.9.9.9", 99), ("127.0.0.1", 80))


async def test_a_body_of_unknown_length_goes_in_chunks_each_a_write() -> None:
    visit = Visit(stream)
    await visit.say(GET)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert visit.wire.written == [head + b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"]


async def test_to_http_1_0_it_ends_with_the_connection() -> None:
    visit = Visit(stream)
    said = await visit.say(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert said == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonetwo"
    assert visit.wire.is_closed


async def test_a_head_that_is_asked_for_has_no_body() -> None:
    visit = Visit(ok)
    assert await visit.say(GET.replace(b"GET", b"HEAD")) == OK[:-2]
    assert not visit.wire.is_closed


async def test_a_client_that_wants_to_leave_has_its_answer_and_is_let_go() -> None:
    visit = Visit(ok)
    said = await visit.say(GET.replace(b"Host: x", b"Host: x\r\nConnection: close") + GET)
    assert said == OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert visit.wire.is_closed


async def test_requests_that_come_early_are_answered_in_their_order() -> None:
    gates = {"/1": asyncio.Event(), "/2": asyncio.Event()}
    running: list[str] = []

    async def gated(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        running.append(scope["path"])
        await gates[scope["path"]].wait()
        await answer(send, scope["path"].encode())

    visit = Visit(gated)
    await visit.say(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert running == ["/1"]
    assert not visit.wire.reads
    gates["/2"].set()
    gates["/1"].set()
    await settle()
    assert [piece[-2:] for piece in visit.wire.written] == [b"/1", b"/2"]
    assert visit.wire.reads


async def test_a_client_that_waits_to_be_asked_is_asked_when_its_body_is_wanted() -> None:
    visit = Visit(echo)
    expecting = POST.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue")
    assert await visit.say(expecting) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (await visit.say(b"abcd")).endswith(b"\r\n\r\nabcd")
    assert not visit.wire.is_closed


async def test_one_that_is_answered_without_being_asked_is_let_go() -> None:
    visit = Visit(ok)
    said = await visit.say(POST.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue"))
    assert b"100 Continue" not in said
    assert b"connection: close" in said
    assert visit.wire.is_closed


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_told_so_in_json(request_: bytes) -> None:
    visit = Visit(ok)
    said = await visit.say(request_)
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert error_of(said)["type"] == "invalid_request_error"
    assert re.search(rb"\r\nx-request-id: req_[0-9a-f]{32}\r\nopenai-processing-ms: 0\r\n", said)
    assert visit.wire.is_closed


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "one Host header (HTTP/1.1); this one has 0"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "this one has 2"),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\n",
            "at most 65536 bytes",
        ),
    ],
)
async def test_a_head_that_is_refused_is_told_why(request_: bytes, told: str) -> None:
    assert told in error_of(await Visit(ok).say(request_))["message"]


async def test_a_body_that_breaks_off_ends_its_call() -> None:
    seen: list[Message] = []

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        seen.append(await receive())
        seen.append(await receive())

    visit = Visit(listen)
    said = await visit.say(CHUNKED, b"2\r\nxy\r\n", b"nonsense\r\n")
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]
    assert said.startswith(b"HTTP/1.1 400 ")


async def test_a_head_without_end_is_not_kept_for_ever() -> None:
    visit = Visit(ok)
    await visit.say(b"GET / HTTP/1.1\r\nHost: x\r\n")
    said = await visit.say(*[b"X-A: " + b"a" * 10_000 + b"\r\n"] * 7)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert visit.wire.is_closed


@pytest.mark.parametrize("piece", [b"a" * 10_000, b"X-A: " + b"a" * 10_000 + b"\r\n"])
async def test_nor_is_a_trailer(piece: bytes) -> None:
    visit = Visit(ok)
    said = await visit.say(CHUNKED + b"2\r\nxy\r\n0\r\nX-B: ", *[piece] * 7)
    assert b"HTTP/1.1 400 " in said
    assert visit.wire.is_closed


async def test_nor_is_what_describes_a_chunk() -> None:
    visit = Visit(ok)
    said = await visit.say(CHUNKED + b"2;", *[b"a" * 10_000] * 7)
    assert b"HTTP/1.1 400 " in said


async def test_a_long_body_may_come_at_once() -> None:
    visit = Visit(echo)
    long = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200_000
    assert (await visit.say(long + long)).count(b"HTTP/1.1 200 OK") == 2


async def test_a_client_that_leaves_is_told_to_whoever_listens() -> None:
    seen: list[Message] = []

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await whole(receive)
        seen.append(await receive())
        await answer(send, b"nobody hears it")

    visit = Visit(listen)
    await visit.say(POST + b"abcd")
    assert not seen
    await visit.leave()
    assert seen == [{"type": "http.disconnect"}]
    assert not visit.wire.written
    assert not visit.reception.connections
    assert not visit.reception.tasks


async def test_a_client_that_takes_its_answer_slowly_is_waited_for() -> None:
    visit = Visit(stream)
    visit.protocol.pause_writing()
    assert await visit.say(GET) == b""
    visit.protocol.resume_writing()
    await settle()
    assert visit.wire.said.endswith(b"0\r\n\r\n")


async def test_one_that_leaves_instead_is_not() -> None:
    visit = Visit(stream)
    visit.protocol.pause_writing()
    await visit.say(GET)
    await visit.leave()
    assert not visit.reception.tasks
    assert not visit.wire.written


async def test_a_body_that_nobody_asks_for_is_not_read_on() -> None:
    gate = asyncio.Event()

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await echo(scope, receive, send)

    visit = Visit(late)
    await visit.say(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100_000
    )
    assert not visit.wire.reads
    gate.set()
    await settle()
    assert visit.wire.reads
    assert (await visit.say(b"a" * 100_000)).endswith(b"a" * 200_000)


async def test_what_is_left_of_a_body_is_passed_over() -> None:
    visit = Visit(ok)
    await visit.say(POST, b"ab", b"cd" + GET)
    assert visit.wire.said == OK + OK


async def test_a_request_for_another_protocol_is_answered_in_this_one() -> None:
    visit = Visit(echo)
    upgrade = POST.replace(
        b"Host: x", b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"
    )
    for pieces in (
        (upgrade + b"abcd",),
        (upgrade, b"ab", b"cd"),
        (upgrade[:50], upgrade[50:] + b"abcd"),
    ):
        await visit.say(*pieces)
        assert visit.wire.written.pop().endswith(b"\r\n\r\nabcd")
    assert not visit.wire.is_closed


async def test_a_tunnel_is_refused() -> None:
    visit = Visit(ok)
    said = await visit.say(b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ")


async def test_an_application_that_fails_is_answered_for() -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        raise LookupError("secret")

    visit = Visit(fail)
    said = await visit.say(GET)
    assert said.startswith(b"HTTP/1.1 500 ")
    assert error_of(said)["code"] == "internal_error"
    assert b"secret" not in said
    assert visit.wire.is_closed


@pytest.mark.parametrize("pieces", [(), (b"one",)])
async def test_an_answer_that_is_not_ended_ends_the_connection(pieces: tuple[bytes, ...]) -> None:
    async def begin(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    visit = Visit(begin)
    said = await visit.say(GET)
    assert said.startswith(b"HTTP/1.1 200 " if pieces else b"HTTP/1.1 500 ")
    assert not said.endswith(b"0\r\n\r\n")
    assert visit.wire.is_closed


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\0b"])
async def test_no_header_can_end_its_line(value: bytes) -> None:
    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await answer(send, b"OK", (b"x-a", value))

    visit = Visit(split)
    assert (await visit.say(GET)).startswith(b"HTTP/1.1 500 ")


async def test_a_body_is_as_long_as_its_head_says() -> None:
    async def short(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        headers = [(b"content-length", b"3")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ab"})

    visit = Visit(short)
    assert (await visit.say(GET)).startswith(b"HTTP/1.1 500 ")


async def test_a_call_that_is_cut_off_says_that_the_server_ends() -> None:
    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        await asyncio.Event().wait()

    visit = Visit(hang)
    await visit.say(GET)
    (task,) = visit.reception.tasks
    task.cancel()
    await settle()
    assert visit.wire.said.startswith(b"HTTP/1.1 503 ")
    assert visit.wire.is_closed


async def test_a_connection_that_is_dismissed_ends_after_the_answers_that_are_due() -> None:
    gate = asyncio.Event()

    async def gated(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await ok(scope, receive, send)

    idle, busy = Visit(gated), Visit(gated)
    assert idle.protocol.is_new
    await busy.say(GET)
    assert busy.protocol.is_answering
    for visit in (idle, busy):
        visit.protocol.dismiss()
    assert (idle.wire.is_closed, busy.wire.is_closed) == (True, False)
    gate.set()
    await settle()
    assert b"connection: close" in busy.wire.said
    assert busy.wire.is_closed


async def test_a_request_on_its_way_in_is_known() -> None:
    visit = Visit(ok)
    await visit.say(GET[:-2])
    assert (visit.protocol.is_asking, visit.protocol.is_answering) == (True, False)
    await visit.say(GET[-2:])
    assert (visit.protocol.is_asking, visit.protocol.is_new) == (False, False)


async def test_a_connection_that_asks_nothing_is_closed_in_time() -> None:
    clock = Clock()
    visit = Visit(ok, clock)
    clock.put_on(50.0)
    await visit.say(GET)
    clock.put_on(124.0)
    assert not visit.wire.is_closed
    clock.put_on(125.0)
    assert visit.wire.is_closed


@pytest.mark.parametrize("closes", [True, False])
async def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(*, closes: bool) -> None:
    clock = Clock()
    visit = Visit(stream, clock)
    visit.protocol.pause_writing()
    await visit.say(GET)
    if closes:
        visit.wire.close()
    visit.wire.unsent = 9000
    clock.put_on(149.0)
    assert not visit.wire.is_aborted
    clock.put_on(150.0)
    assert visit.wire.is_aborted
    await visit.leave()
    assert not visit.reception.tasks


async def test_one_that_takes_it_slowly_is_not() -> None:
    clock = Clock()
    visit = Visit(stream, clock)
    visit.protocol.pause_writing()
    await visit.say(GET)
    for visit.wire.unsent in range(9000, 0, -1000):
        clock.put_on(clock.time() + 75.0)
    assert not visit.wire.is_closed
    visit.protocol.resume_writing()
    visit.protocol.pause_writing()
    clock.put_on(clock.time() + 75.0)
    assert not visit.wire.is_closed


async def test_what_an_idle_connection_never_takes_is_not_kept_for_ever() -> None:
    clock = Clock()
    visit = Visit(ok, clock)
    await visit.say(GET)
    visit.wire.unsent = 40
    clock.put_on(75.0)
    assert (visit.wire.is_closed, visit.wire.is_aborted) == (True, False)
    clock.put_on(225.0)
    assert visit.wire.is_aborted
