"""The answer of an engine's server while it arrives, and the ways in which it may not."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Protocol


class Failure(Exception):
    """A request that got no whole answer; the message is for our log, never for the wire.

    Failure
    ├── Crowded        as many connections are open as may be: nothing was begun
    ├── Unreachable    there was no connection: nothing was begun
    ├── Broken         the connection ended in the middle of the request
    │   └── Garbled    what came is not HTTP, or over its bounds
    └── Silent         nothing came within its time
    """


class Crowded(Failure):
    """As many connections are open as may be; nothing was sent."""


class Unreachable(Failure):
    """No connection could be made; nothing was sent, so asking again or elsewhere is safe."""


class Broken(Failure):
    """The connection ended before the answer did; the request may have been worked on.

    `begun` tells whether anything of the answer had arrived.
    """

    def __init__(self, message: str, *, begun: bool) -> None:
        super().__init__(message)
        self.begun = begun


class Garbled(Broken):
    """What came is not HTTP as we speak it, or larger than it may be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, begun=True)


class Silent(Failure):
    """The server said nothing for longer than it may."""


class Wire(Protocol):
    """What a response asks of the connection it comes over."""

    def watch(self, seconds: float) -> None:
        """Fail the response as silent unless it is woken within so many seconds."""
        ...

    def resume(self) -> None:
        """Read on: what was held has been taken."""
        ...


class Response:
    """One answer; `status` is 0 until its head is there. It is read once, by one task.

    `headers` have names in lower case, and values of one name joined by ', ' (RFC 9110, section 5.3). `held` is the number of bytes of the body that have come and were not taken.
    """

    __slots__ = (
        "_alarm",
        "_ended",
        "_failure",
        "_gathering",
        "_gathering_later",
        "_loop",
        "_pieces",
        "_seconds",
        "_waiter",
        "_wire",
        "headers",
        "held",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, wire: Wire, silence_seconds: float) -> None:
        self.status = 0
        self.headers: Mapping[bytes, bytes] = {}
        self.held = 0
        self._loop = loop
        self._wire = wire
        self._seconds = silence_seconds
        self._pieces: list[bytes] = []
        self._ended = False
        self._failure: Failure | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._gathering = self._gathering_later = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    def header(self, name: str) -> str | None:
        """The value of a header, whatever the case of its name; None where there is none."""
        value = self.headers.get(name.lower().encode("latin-1"))
        return None if value is None else value.decode("latin-1")

    def pieces(self) -> AsyncIterator[bytes]:
        """The body: each piece is all that has come since the last, so a slow reader gets fewer and larger ones.

        Raises Broken, Garbled or Silent once what had come before is taken. Nothing needs to be closed.
        """
        return self

    def gather(self, first: float, later: float) -> None:
        """Let the body gather, or until its end: whoever is not in haste is woken less often.

        Its first piece is what came in `first` seconds, every other what came in `later` seconds.
        """
        self._gathering, self._gathering_later = first, later
        if self._pieces:
            self.tell()

    async def read(self, limit: int) -> bytes:
        """The whole body; Garbled where it has more than `limit` bytes, and as `pieces` besides."""
        body: list[bytes] = []
        size = 0
        async for piece in self:
            body.append(piece)
            size += len(piece)
            if size > limit:
                raise Garbled(f"the answer has more than {limit} bytes")
        return body[0] if len(body) == 1 else b"".join(body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self.more()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def more(self) -> bytes:
        """The next piece, as `pieces` gives it; empty at the end of the body."""
        pieces = self._pieces
        while not pieces or self._alarm is not None:
            if not pieces and self._failure is not None:
                raise self._failure
            if not pieces and self._ended:
                return b""
            await self._news(self._seconds)
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.held = 0
        self._gathering = self._gathering_later
        self._wire.resume()
        return piece

    async def head(self, seconds: float) -> None:
        """Wait until the status and the headers are there."""
        while not self.status:
            if self._failure is not None:
                raise self._failure
            await self._news(seconds)

    def _news(self, seconds: float) -> asyncio.Future[None]:
        """What is done when something has changed."""
        waiter = self._waiter = self._loop.create_future()
        self._wire.watch(seconds)
        return waiter

    # The connection calls what follows.

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for what comes next, and nothing has."""
        return self._waiter is not None and not self._waiter.done()

    def begin(self, status: int, headers: Mapping[bytes, bytes]) -> None:
        """The head is there."""
        self.headers = headers
        self.status = status

    def add(self, piece: bytes) -> None:
        """More of the body is there."""
        self._pieces.append(piece)
        self.held += len(piece)

    def end(self) -> None:
        """The body is whole."""
        self._ended = True

    def fail(self, failure: Failure) -> None:
        """Nothing more will come."""
        if not self._ended and self._failure is None:
            self._failure = failure
        self.wake()

    def tell(self) -> None:
        """The connection has read all there was: let whoever waits look at it, soon."""
        if self._gathering and self._pieces and not self._ended and self._failure is None:
            if self._alarm is None:
                self._alarm = self._loop.call_at(self._loop.time() + self._gathering, self.wake)
            return
        self.wake()

    def wake(self) -> None:
        """Let whoever waits look at what has changed."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        waiter = self._waiter
        if waiter is not None and not waiter.done():  # or its task was cancelled
            waiter.set_result(None)
