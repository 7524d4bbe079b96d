"""One call of the application: a request as it comes over a connection, and its answer as it goes (ASGI 3.0, HTTP)."""

import asyncio
from http import HTTPStatus
from typing import Final, Protocol

import msgspec
from starlette.types import ASGIApp, Message, Scope

from readstone.api.errors import body, problem
from readstone.api.ids import new_id
from readstone.core.errors import Overloaded
from readstone.telemetry import log_bug

_HELD_BYTES: Final = 65_536
"""Bytes of a body that are held for an application that does not ask for them; reading pauses then."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_BODILESS: Final = frozenset({204, 304})


class Line(Protocol):
    """What a call asks of its connection."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer."""
        ...

    @property
    def room(self) -> asyncio.Future[None] | None:
        """Done as soon as what was written is on its way; None where it is."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def close(self) -> None:
        """Close when everything is sent."""
        ...

    def pause_reading(self) -> None:
        """Read nothing for now."""
        ...

    def resume_reading(self) -> None:
        """Read on."""
        ...

    def answered(self) -> None:
        """The answer is whole."""
        ...


class Call:
    """A request and its answer. The head of an answer goes out together with the first of its body, in one write.

    `keeps` tells whether the connection is kept after it, `expects` whether the client waits to be asked for its body.
    `receive` and `send` are for one task at a time each.
    """

    __slots__ = (
        "_body",
        "_expects",
        "_has_head",
        "_head",
        "_held",
        "_is_chunked",
        "_is_gone",
        "_is_read",
        "_is_whole",
        "_left",
        "_line",
        "_waiter",
        "has_ended",
        "is_begun",
        "keeps",
        "scope",
    )

    def __init__(self, line: Line, scope: Scope, *, keeps: bool, expects: bool) -> None:
        self.scope = scope
        self.keeps = keeps
        self.is_begun = False
        """Whether any of the answer was sent."""
        self.has_ended = False
        """Whether the answer is whole."""
        self._line = line
        self._expects = expects
        self._body: list[bytes] = []
        self._held = 0
        self._is_whole = False
        self._is_read = False
        self._is_gone = False
        self._has_head = False
        self._head = b""
        self._is_chunked = False
        self._left: int | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def run(self, application: ASGIApp) -> None:
        """Have the application answer; where it does not, say so and close the connection."""
        try:
            await application(self.scope, self.receive, self.send)
            if not (self.has_ended or self._is_gone):
                raise RuntimeError("the application ended before its answer")  # noqa: TRY301
        except asyncio.CancelledError:
            self._give_up(Overloaded("The server is about to end. Try again in a moment."))
            raise
        except Exception as error:  # noqa: BLE001  (the border: nobody else would log it, and the client waits)
            log_bug(error, id=self._give_up(error))

    async def receive(self) -> Message:
        """What has come of the body; after its end, that the client is gone or has its answer."""
        if self._expects:
            self._expects = False
            self._line.write(_CONTINUE)
        while not self._is_gone and not self.has_ended:
            if (self._body or self._is_whole) and not self._is_read:
                return self._piece()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send the answer's head, then its body piece by piece; of what comes after the client has left, nothing."""
        if (room := self._line.room) is not None:
            await room
        if self._is_gone:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message.get("headers", ()))
            return
        if not self._has_head or self.has_ended:
            raise RuntimeError("a body comes after its head, and once")
        is_last = not message.get("more_body", False)
        data = self._framed(message.get("body", b""), is_last=is_last)
        if head := self._head:
            self._head = b""
            data = head + data
        if data:
            self.is_begun = True
            self._line.write(data)
        if is_last:
            self._end()

    # What the connection tells.

    def take(self, piece: bytes) -> None:
        """More of the body has come."""
        if self.has_ended:
            return
        self._body.append(piece)
        self._held += len(piece)
        self._wake()
        if self._held > _HELD_BYTES:
            # Even where somebody waits: the event loop reads on until nothing is there before it lets them have it.
            self._line.pause_reading()

    def end_body(self) -> None:
        """The body is whole."""
        self._is_whole = True
        self._wake()

    def leave(self) -> None:
        """The client is gone."""
        self._is_gone = True
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _piece(self) -> Message:
        pieces = self._body
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._is_read = self._is_whole
        if self._held > _HELD_BYTES:
            self._line.resume_reading()
        self._held = 0
        return {"type": "http.request", "body": piece, "more_body": not self._is_whole}

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if self._has_head:
            raise RuntimeError("an answer has one head")
        self._has_head = True
        if self._expects:
            # Nobody can tell whether its body comes now or its next request.
            self._expects = self.keeps = False
        written = [*self._line.headers, *headers]
        is_told = False
        for name, value in written:
            if name == b"content-length":
                self._left = int(value)
            elif name == b"connection":
                is_told, self.keeps = True, False
        if self._left is None and status not in _BODILESS:
            self._frame(written)
        if not (self.keeps or is_told):
            written.append((b"connection", b"close"))
        self._head = head_of(status, written)

    def _frame(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Choose how the end of a body of unknown length is told."""
        # Who speaks HTTP/1.0 knows no chunks: there it is the end of the connection.
        self._is_chunked = self.scope["http_version"] == "1.1"
        if self._is_chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        else:
            self.keeps = False

    def _framed(self, body: bytes, *, is_last: bool) -> bytes:
        """A piece of the body as it goes over the connection."""
        if self.scope["method"] == "HEAD":
            return b""
        if self._is_chunked:
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return piece + b"0\r\n\r\n" if is_last else piece
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (is_last and self._left):
                raise RuntimeError("a body is as long as its head says")
        return body

    def _end(self) -> None:
        self.has_ended = True
        self._wake()
        if not self.keeps:
            self._line.close()
        self._line.answered()

    def _give_up(self, error: Exception) -> str | None:
        """Tell the client, where nothing was told before, and close the connection; the id it was told."""
        if self.has_ended or self._is_gone:
            return None
        told = None
        if not self.is_begun:
            told = new_id()
            self._line.write(refusal_of(error, told, self._line.headers))
        self.keeps = False
        self._end()
        return told


def head_of(status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The head of an answer; RuntimeError where a header would end its line itself."""
    lines = [b"%b: %b\r\n" % pair for pair in headers]
    head = b"".join([_STATUS_LINES[status], *lines, b"\r\n"])
    ends = len(lines) + 2
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
        raise RuntimeError("a header holds a character that none may hold")
    return head


def refusal_of(error: Exception, request_id: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    """A whole answer that tells an error, the last one of its connection."""
    found = problem(error)
    content = msgspec.json.encode(body(error))
    written = [
        *(pair for pair in headers if pair[0] != b"connection"),
        *((name.encode(), value.encode()) for name, value in found.headers.items()),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
        (b"x-request-id", request_id.encode()),
        (b"openai-processing-ms", b"0"),
        (b"connection", b"close"),
    ]
    return head_of(found.status, written) + content
