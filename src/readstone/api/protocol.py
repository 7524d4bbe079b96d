"""The HTTP protocol of our port: a connection of a client, whose requests become calls of the application."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final, cast

from starlette.types import ASGIApp, Scope

from readstone.api.call import Call, refusal_of
from readstone.api.errors import problem
from readstone.api.ids import new_id
from readstone.api.requests import RequestReader
from readstone.core.errors import InvalidRequest
from readstone.telemetry import log_request

_TIMER_SECONDS: Final = 0.01


@dataclass(slots=True)
class Reception:
    """What the connections of a process share: the application, who is there, and which calls run.

    `headers` are those of every answer. A connection that asks nothing for `idle_seconds` is closed, and one cut off that
    takes nothing of its answer for so long.
    """

    application: ASGIApp
    idle_seconds: float = 75.0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    connections: set["Protocol"] = field(default_factory=set["Protocol"])
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    answered: int = 0
    """Calls that were answered so far."""


class Protocol(asyncio.Protocol):
    """Serves one connection: one request after the other, in their order.

    A client may send its next requests before it has its answer: they wait, and reading pauses.
    """

    __slots__ = (
        "_calls",
        "_idle_since",
        "_is_deaf",
        "_is_paused",
        "_loop",
        "_reception",
        "_requests",
        "_timer",
        "_unsent",
        "is_new",
        "room",
        "transport",
    )

    transport: asyncio.Transport
    _requests: RequestReader
    _timer: asyncio.TimerHandle

    def __init__(self, reception: Reception, loop: asyncio.AbstractEventLoop) -> None:
        self.is_new = True
        """Whether nothing was asked yet."""
        self.room: asyncio.Future[None] | None = None
        self._reception = reception
        self._loop = loop
        self._calls = deque[Call]()
        """Requests without a whole answer: the first is answered now, the others wait."""
        self._is_paused = self._is_deaf = False
        self._idle_since = 0.0
        self._unsent = 0
        """Bytes that waited for the client when it was last looked at, unless it has caught up since."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer."""
        return self._reception.headers

    @property
    def is_asking(self) -> bool:
        """Whether the head of a request has come in part."""
        return self._requests.is_in_head

    @property
    def is_answering(self) -> bool:
        """Whether a request is without its whole answer."""
        return bool(self._calls)

    def dismiss(self) -> None:
        """Close it, after the answers that are due."""
        if self._calls:
            self._calls[-1].keeps = False
        else:
            self.transport.close()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self.transport = cast("asyncio.Transport", transport)
        ends: Scope = {
            "client": _address(transport.get_extra_info("peername")),
            "server": _address(transport.get_extra_info("sockname")),
            "scheme": "http" if transport.get_extra_info("sslcontext") is None else "https",
        }
        self._requests = RequestReader(self._begin, ends)
        self._reception.connections.add(self)
        self._idle_since = self._loop.time()
        self._timer = self._loop.call_later(self._reception.idle_seconds, self._look)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._is_deaf:
            return
        try:
            self._requests.feed(data)
        except InvalidRequest as error:
            self._refuse(error)

    def eof_received(self) -> None:
        """The client sends no more; it is taken to have left."""

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is made."""
        if self.room is None:
            self.room = self._loop.create_future()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._unsent = 0
        room, self.room = self.room, None
        if room is not None and not room.done():
            room.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was closed."""
        del exc
        self._reception.connections.discard(self)
        self._timer.cancel()
        self._requests.close()
        for call in self._calls:
            call.leave()
        self._calls.clear()
        self.resume_writing()

    # What a call asks for.

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    def close(self) -> None:
        """Close when everything is sent."""
        self.transport.close()

    def pause_reading(self) -> None:
        """Read nothing for now."""
        if not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()

    def answered(self) -> None:
        """The first call has its answer: the next one's turn comes."""
        self._reception.answered += 1
        self._idle_since = self._loop.time()
        if not self._calls:
            return  # the client left meanwhile
        self._calls.popleft()
        if self.transport.is_closing():
            return
        if self._calls:
            self._start(self._calls[0])
        if len(self._calls) <= 1:
            self.resume_reading()

    def _begin(self, scope: Scope, keeps: bool, expects: bool) -> Call:  # noqa: FBT001  (as it is called)
        call = Call(self, scope, keeps=keeps, expects=expects)
        self.is_new = False
        self._calls.append(call)
        if len(self._calls) == 1:
            self._start(call)
        else:
            self.pause_reading()
        return call

    def _start(self, call: Call) -> None:
        tasks = self._reception.tasks
        task = self._loop.create_task(call.run(self._reception.application))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _refuse(self, error: InvalidRequest) -> None:
        """What came cannot be read on from: say why, unless another answer is on its way, and close."""
        if self.transport.is_closing():
            return
        if not any(call.is_begun for call in self._calls):
            told = new_id()
            self.transport.write(refusal_of(error, told, self.headers))
            log_request({"id": told, "status": problem(error).status, "error": error.code})
        self._is_deaf = True
        for call in self._calls:
            call.leave()
        self._calls.clear()
        self.transport.close()

    def _look(self) -> None:
        """Close the connection where nothing is asked for too long; else look again when that may be so."""
        seconds = rest = self._reception.idle_seconds
        if self.room is not None or self.transport.is_closing():
            self._press()
        elif not self._calls:
            rest = self._idle_since + seconds - self._loop.time()
            if rest <= _TIMER_SECONDS:
                self.transport.close()
                rest = seconds  # what is not sent by then nobody takes
        self._timer = self._loop.call_later(rest, self._look)

    def _press(self) -> None:
        """Cut the connection off where the client has taken nothing of what waits for it since the last look."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == self._unsent:
            self.transport.abort()
        self._unsent = unsent


def _address(name: object) -> tuple[str, int] | None:
    """Host and port; None for sockets that have none."""
    if not isinstance(name, tuple):
        return None
    host, port, *_ = cast("tuple[object, ...]", name)
    return str(host), int(cast("int", port))
