"""The HTTP protocol of our port: uvicorn's, with the head of an answer and its first bytes in one write."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD: Final = b"HTTP/1.1 "


class Protocol(HttpToolsProtocol):
    """Serves one connection of a client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (uvicorn's is the same)
        """A client has connected."""
        super().connection_made(Corked(transport, self.loop))


class Corked(asyncio.Transport):
    """A transport that holds the head of an answer until more is written, or the event loop comes round.

    A write of its own costs as much as everything else that is done to send an answer.
    """

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, a head a moment later."""
        if self._head:
            data, self._head = self._head + bytes(data), b""
        elif data[: len(_HEAD)] == _HEAD:
            self._head = bytes(data)
            self._loop.call_soon(self._uncork)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Close when everything is sent."""
        self._uncork()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closing or closed."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Read nothing for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows of its socket."""
        return self._transport.get_extra_info(name, default)

    def _uncork(self) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.write(head)
