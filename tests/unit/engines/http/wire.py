"""A connection without a network: bytes are put in by hand, and the clock stands still until it is moved."""

import asyncio
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from readstone.engines.http.connection import Bounds, Connection
from readstone.engines.http.response import Failure


class Clock:
    """As much of an event loop as a connection uses, with a time of its own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, call: Callable[[], None]) -> "Timer":
        timer = Timer(self, when, call)
        self.timers.append(timer)
        return timer

    def move(self, seconds: float) -> None:
        """Let time pass, and do what is due."""
        self.now += seconds
        for timer in [timer for timer in self.timers if timer.when <= self.now]:
            self.timers.remove(timer)
            timer.call()


class Timer:
    """Something that is due."""

    def __init__(self, clock: Clock, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self.call = call
        self._clock = clock

    def cancel(self) -> None:
        if self in self._clock.timers:
            self._clock.timers.remove(self)


class Line(asyncio.Transport):
    """A transport that keeps what is sent."""

    def __init__(self, wire: socket.socket) -> None:
        super().__init__({"socket": wire})
        self.sent: list[bytes] = []
        self.is_open = True
        self.is_paused = False

    def writelines(self, list_of_data: Any) -> None:
        self.sent.extend(list_of_data)

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        assert not self.is_paused
        self.is_paused = True

    def resume_reading(self) -> None:
        assert self.is_paused
        self.is_paused = False

    def abort(self) -> None:
        self.is_open = False


class Rig:
    """A connection on a line, with all there is to see of it."""

    def __init__(self, wire: socket.socket, bounds: Bounds | None = None) -> None:
        self.clock = Clock()
        self.line = Line(wire)
        self.lost = 0
        loop = cast("asyncio.AbstractEventLoop", self.clock)
        self.connection = Connection(loop, bounds or Bounds(), self._made, self._lost)
        self.connection.connection_made(self.line)

    def _made(self, connection: Connection) -> None:
        del connection

    def _lost(self, connection: Connection) -> None:
        assert connection is self.connection
        self.lost += 1

    def hear(self, pieces: Sequence[bytes]) -> None:
        """Put bytes in for as long as the line is open, as an event loop does."""
        for piece in pieces:
            if self.line.is_open:
                self.connection.data_received(piece)

    def lose(self, error: Exception | None = None) -> None:
        """The socket is gone."""
        self.line.is_open = False
        self.connection.connection_lost(error)


@contextmanager
def rig(bounds: Bounds | None = None) -> Generator[Rig]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Rig(ours, bounds)


async def outcome(
    pieces: Sequence[bytes], *, ends: bool = False, bounds: Bounds | None = None
) -> tuple[object, ...]:
    """All there is to know of an answer that comes in these pieces."""
    with rig(bounds) as made:
        body: list[bytes] = []
        seen: list[object] = []

        async def ask() -> None:
            response = await made.connection.ask((b"GET / HTTP/1.1\r\n\r\n",))
            seen.append(response.status)
            seen.append(tuple(sorted(response.headers.items())))
            async for piece in response.pieces():
                assert piece
                body.append(piece)

        asking = asyncio.ensure_future(ask())
        await asyncio.sleep(0)
        for piece in pieces:
            made.hear([piece])
            await asyncio.sleep(0)
        if ends and made.line.is_open:
            made.connection.eof_received()
        await asyncio.sleep(0)
        if not asking.done() and not made.line.is_open:
            await asyncio.sleep(0)
        is_waiting = not asking.done()
        if is_waiting:
            asking.cancel()
        (failure,) = await asyncio.gather(asking, return_exceptions=True)
        if not is_waiting:
            assert failure is None or isinstance(failure, Failure), repr(failure)
        return (
            *seen,
            b"".join(body),
            "waits" if is_waiting else type(failure).__name__,
            made.connection.is_idle,
        )
