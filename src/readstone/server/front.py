"""The front of a process: its clients' connections, from where they come until the last of them has been answered."""

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Sequence
from email.utils import formatdate
from typing import Final

from starlette.types import ASGIApp

from readstone.api.protocol import Protocol, Reception
from readstone.server.listening import accept
from readstone.telemetry import log_trouble

_FRESH_SECONDS: Final = 1.0
"""How long a connection that has not asked anything may still do so when the server has been told to end."""
_ASKING_SECONDS: Final = 5.0
"""How long one may take then that has begun to ask."""
_LOOK_SECONDS: Final = 0.02
_CANCEL_SECONDS: Final = 5.0


class Front:
    """Serves an application over connections that it accepts itself (`listen`) or is given (`take`).

    Draining loses nothing that was accepted: what runs is finished, what is on its way in is answered, and only then
    is a connection closed.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._reception = Reception(application)
        self._loop = asyncio.get_running_loop()
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._is_closing = False
        self._ticks: asyncio.TimerHandle | None = None
        self._tick()

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._reception.connections)

    async def listen(self, listener: socket.socket) -> None:
        """Accept the connections of a port, until it is drained; the listener is closed then."""
        self._listener = listener
        self._server = await self._loop.create_server(self._connection, sock=listener)

    async def take(self, connection: socket.socket) -> None:
        """Serve a connection that somebody else accepted."""
        await self._loop.connect_accepted_socket(self._connection, connection)

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, let what was accepted end, and after so many seconds end it."""
        begun = self._loop.time()
        self._is_closing = True
        self._tick()
        await self._stop_listening()
        while self._reception.connections or self._reception.tasks:
            passed = self._loop.time() - begun
            if passed >= seconds:
                await self._cut_off()
                break
            for connection in list(self._reception.connections):
                _dismiss(connection, passed)
            await asyncio.sleep(_LOOK_SECONDS)
        self._stop_ticking()

    def _connection(self) -> Protocol:
        return Protocol(self._reception, self._loop)

    async def _stop_listening(self) -> None:
        if self._server is None or self._listener is None:
            return
        # The system has accepted what waits here already: their clients may have asked.
        while (connection := accept(self._listener)) is not None:
            await self.take(connection)
        self._server.close()
        self._listener.close()

    async def _cut_off(self) -> None:
        tasks = set(self._reception.tasks)
        log_trouble("requests cut off", requests=len(tasks))
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
        for connection in list(self._reception.connections):
            connection.transport.abort()

    def _tick(self) -> None:
        """Say what every answer tells: what time it is, and at the end that no other answer follows."""
        self._stop_ticking()
        told = [(b"date", formatdate(usegmt=True).encode())]
        if self._is_closing:
            told.append((b"connection", b"close"))
        self._reception.headers = told
        self._ticks = self._loop.call_later(1.0, self._tick)

    def _stop_ticking(self) -> None:
        if self._ticks is not None:
            self._ticks.cancel()


async def drained(front: Front, seconds: float, hurries: Sequence[asyncio.Event]) -> None:
    """Drain a front; the first of `hurries` ends what still runs then."""
    drain = asyncio.create_task(front.drain(seconds))
    haste = [asyncio.create_task(hurry.wait()) for hurry in hurries]
    await asyncio.wait({drain, *haste}, return_when=asyncio.FIRST_COMPLETED)
    for task in haste:
        task.cancel()
    if not drain.done():
        drain.cancel()
        await front.drain(0)
    await asyncio.gather(drain, *haste, return_exceptions=True)


def _dismiss(connection: Protocol, seconds: float) -> None:
    """Close a connection that has nothing more to say, so long after the end began; one that is answered closes after it."""
    if connection.is_asking and seconds < _ASKING_SECONDS:
        return
    if connection.is_new and seconds < _FRESH_SECONDS:
        return
    if not connection.is_answering and _has_more(connection.transport):
        return
    connection.dismiss()


def _has_more(transport: asyncio.Transport) -> bool:
    """Whether something has come that was not read yet."""
    if transport.is_closing():
        return False
    handle: socket.socket = transport.get_extra_info("socket")
    try:
        waiting = fcntl.ioctl(handle.fileno(), termios.FIONREAD, bytes(4))
    except OSError:  # it is gone
        return False
    return struct.unpack("i", waiting)[0] > 0
