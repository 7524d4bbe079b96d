"""One HTTP/1.1 connection to an engine's server: a request goes out, its answer is parsed as it comes."""

import asyncio
import select
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import httptools

from readstone.engines.http.response import Broken, Failure, Garbled, Response, Silent

_FIRST_STATUS = 100
_FIRST_FINAL_STATUS = 200  # a status below announces an answer and is none
_SWITCHING_PROTOCOLS = 101
_TIMER_SECONDS = 0.002  # event loops round their timers by about this much
_PROBE_SECONDS = 60  # routers forget connections that say nothing while a model thinks


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a server may take: seconds to the head of its answer and between its pieces, bytes, header fields.

    `head_bytes` also bounds what comes between two pieces of a body and belongs to neither. `held_bytes` of a body
    are kept for a slow reader, and at most one read of the event loop (256 KiB) more.
    """

    head_seconds: float = 600.0
    silence_seconds: float = 120.0
    head_bytes: int = 65_536
    fields: int = 128
    held_bytes: int = 262_144


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time; `on_lost` is called once, when its socket is closed.

    `idle_since` is for its owner.
    """

    __slots__ = (
        "_body",
        "_bounds",
        "_deadline",
        "_fields",
        "_is_alive",
        "_is_delimited",
        "_is_heard",
        "_is_paused",
        "_loop",
        "_on_lost",
        "_on_made",
        "_parser",
        "_poll",
        "_response",
        "_timer",
        "_timer_at",
        "_transport",
        "_unused_bytes",
        "idle_since",
        "on_body",
    )

    _transport: asyncio.Transport

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bounds: Bounds,
        on_made: Callable[["Connection"], None],
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self.idle_since = 0.0
        self._loop = loop
        self._bounds = bounds
        self._on_made = on_made
        self._on_lost = on_lost
        self._body: list[bytes] = []
        # Called by the parser with each piece of the body: a stream has many, and a method of ours would cost more than the rest.
        self.on_body = self._body.append
        self._parser = httptools.HttpResponseParser(self)
        self._poll = select.poll()
        self._response: Response | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._is_alive = True
        self._is_delimited = False
        self._is_heard = False
        self._is_paused = False
        self._unused_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether it could carry another request: alive, nothing to read or to send."""
        return (
            self._is_alive
            and self._response is None
            and not self._transport.get_write_buffer_size()
        )

    @property
    def is_quiet(self) -> bool:
        """Whether the socket has nothing to tell: an end that the event loop has not seen yet is seen here."""
        return not self._poll.poll(0)

    async def ask(self, message: Sequence[bytes]) -> Response:
        """Send a request, as its head and the pieces of its body, and wait for the head of the answer.

        Raises Broken, Garbled or Silent; whatever is raised, the connection is closed.
        """
        if not self._is_alive:
            raise Broken("the server closed the connection at once", begun=False)
        response = self._response = Response(self._loop, self, self._bounds.silence_seconds)
        self._is_heard = False
        self._unused_bytes = 0
        self._transport.writelines(message)
        try:
            await response.head(self._bounds.head_seconds)
        except BaseException:  # cancelled, too: the server is to stop
            self.abort()
            raise
        return response

    def abort(self) -> None:
        """Close the socket at once; what was not sent is not sent any more."""
        self._give_up(Broken("the connection was closed by us", begun=self._is_heard))

    # What a response asks for.

    def watch(self, seconds: float) -> None:
        """Fail the response as silent unless it is woken within so many seconds."""
        # The timer stands where it is while its deadline moves on: one is set every few seconds, not for every piece.
        self._deadline = deadline = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._tick)

    def resume(self) -> None:
        """Read on: what was held has been taken."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected."""
        self._transport = cast("asyncio.Transport", transport)
        wire = cast("socket.socket", transport.get_extra_info("socket"))
        self._poll.register(wire.fileno(), select.POLLIN)
        if wire.family != socket.AF_UNIX:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _PROBE_SECONDS)
        self._on_made(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        response = self._response
        if response is None:
            self._give_up(Garbled("it spoke without being asked"))
            return
        self._is_heard = True
        self._unused_bytes += len(data)
        failure: Garbled | None = None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            known = error.__context__
            failure = known if isinstance(known, Garbled) else Garbled(f"not HTTP: {error}")
        if body := self._body:
            self._unused_bytes = 0
            response.add(body[0] if len(body) == 1 else b"".join(body))
            body.clear()
        if failure is not None:
            self._give_up(failure)
        if self._response is not None:
            if self._unused_bytes > self._bounds.head_bytes:
                self._give_up(Garbled(f"more than {self._bounds.head_bytes} bytes of headers"))
            elif response.held > self._bounds.held_bytes and not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()
        response.tell()

    def eof_received(self) -> bool | None:
        """The server sends no more: the end of an answer that has no length, and of the connection."""
        response = self._response
        if response is not None and response.status and not self._is_delimited:
            self._response = None
            response.end()
            response.wake()
        self._give_up(Broken("the server closed the connection", begun=self._is_heard))

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        reason = "the server closed the connection" if exc is None else type(exc).__name__
        self._give_up(Broken(reason, begun=self._is_heard))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._on_lost(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins."""
        if self._response is None:
            raise Garbled("it answered more than it was asked")
        self._fields.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailer, which nothing reads."""
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        status = self._parser.get_status_code()
        fields = self._fields
        response = self._response
        if response is None or _FIRST_STATUS <= status < _FIRST_FINAL_STATUS:
            if status == _SWITCHING_PROTOCOLS:
                raise Garbled("it switched to another protocol")
            return
        headers = self._read(fields)
        if status < _FIRST_STATUS or headers.get(b"content-encoding", b"identity") != b"identity":
            raise Garbled("it answered with no valid status, or compressed")
        coding = headers.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            raise Garbled("it answered in a transfer coding it was not asked for")
        self._is_delimited = coding is not None or b"content-length" in headers
        self._unused_bytes = 0
        response.begin(status, headers)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        response = self._response
        if response is not None and response.status:
            self._response = None
            self._is_alive = self._is_alive and self._parser.should_keep_alive()
            response.end()

    def _read(self, fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
        bounds = self._bounds
        if len(fields) > bounds.fields:
            raise Garbled(f"more than {bounds.fields} headers")
        # What came may be more than the head; only where it is more than that may be, the head is measured.
        if self._unused_bytes > bounds.head_bytes:
            size = sum([len(name) + len(value) for name, value in fields])
            if size > bounds.head_bytes:
                raise Garbled(f"more than {bounds.head_bytes} bytes of headers")
        headers = dict(fields)
        if len(headers) < len(fields):
            headers.clear()
            for name, value in fields:
                headers[name] = headers[name] + b", " + value if name in headers else value
        return headers

    def _tick(self) -> None:
        self._timer = None
        response = self._response
        if response is None or not response.is_awaited:
            return
        rest = self._deadline - self._loop.time()
        if rest > _TIMER_SECONDS:
            self._timer_at = self._deadline
            self._timer = self._loop.call_at(self._deadline, self._tick)
        else:
            self._give_up(Silent("the server said nothing for longer than it may"))

    def _give_up(self, failure: Failure) -> None:
        self._is_alive = False
        response, self._response = self._response, None
        self._transport.abort()
        if response is not None:
            response.fail(failure)
