"""What the process that owns a server and its API processes say to each other: length-prefixed msgpack on a socket pair."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import msgspec

from readstone.core.engine import EngineState
from readstone.engines.kept import Seen

_LENGTH: Final = struct.Struct(">I")


class Begin(msgspec.Struct, tag="begin"):
    """To an API process: which of how many it is, all settings, a folder that its mates have too, what engines are like."""

    number: int
    of: int
    settings: dict[str, Any]
    folder: str
    log_format: Literal["auto", "json", "text"]


class News(msgspec.Struct, tag="news"):
    """To an API process: the engines that are kept for it, the worker among them, and how many API processes are up."""

    engines: dict[str, Seen]
    up: int


class Granted(msgspec.Struct, tag="granted"):
    """To an API process: that request for a permit was granted."""

    id: int


class Denied(msgspec.Struct, tag="denied"):
    """To an API process: it was not."""

    id: int
    fault: Literal["overloaded", "rate_limited"]
    message: str
    retry_after: float | None


class Change(msgspec.Struct, tag="change"):
    """To an API process: be as these settings say from now on; answered by Changed."""

    id: int
    settings: dict[str, Any]


class Outcome(msgspec.Struct, tag="outcome"):
    """To an API process: what came of the reload it wanted; the settings that were applied, and that need a restart."""

    id: int
    applied: list[str] = []
    restart: list[str] = []
    error: str | None = None


class Drain(msgspec.Struct, tag="drain"):
    """To an API process: end what runs, take nothing more, and go; `at_once` without waiting for what runs."""

    at_once: bool = False


class Up(msgspec.Struct, tag="up"):
    """From an API process: it takes connections."""


class Unable(msgspec.Struct, tag="unable"):
    """From an API process: it cannot start, and what to change."""

    message: str


class Ask(msgspec.Struct, tag="ask"):
    """From an API process: a permit is needed for a request of that key; answered by Granted or Denied."""

    id: int
    engine: str
    key_id: str


class Return(msgspec.Struct, tag="return"):
    """From an API process: that permit is needed no more, whether it was granted or not."""

    id: int


class Load(msgspec.Struct, tag="load"):
    """From an API process: how many connections it has taken so far, and how many of them it still has."""

    taken: int
    open: int


class Alive(msgspec.Struct, tag="alive"):
    """From an API process: a kept engine has answered it something."""

    engine: str


class ModelTold(msgspec.Struct):
    """A model that is served."""

    id: str
    kind: str
    engine: str


class Told(msgspec.Struct, tag="told"):
    """From an API process: what is served and in which state, for whoever looks at the server's output."""

    models: list[ModelTold]
    states: dict[str, EngineState]
    troubles: dict[str, str]
    logs: dict[str, str]


class Changed(msgspec.Struct, tag="changed"):
    """From an API process: it is as it was told to be, or why it stays as it was."""

    id: int
    error: str | None = None


class Reload(msgspec.Struct, tag="reload"):
    """From an API process: the configuration is to be read again, by all; answered by Outcome."""

    id: int


class Leaving(msgspec.Struct, tag="leaving"):
    """From an API process: it was told to end by somebody else; it takes no new connections."""


ToProcess: TypeAlias = Begin | News | Granted | Denied | Change | Outcome | Drain
FromProcess: TypeAlias = (
    Up | Unable | Ask | Return | Load | Alive | Told | Changed | Reload | Leaving
)

Sent = TypeVar("Sent", bound=msgspec.Struct)
Heard = TypeVar("Heard")


class Channel(Generic[Sent, Heard]):
    """One end of the socket pair; what is sent is on its way when the event loop comes round."""

    def __init__(
        self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: object
    ) -> None:
        self._stream = stream
        self._writer = writer
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[Heard] = msgspec.msgpack.Decoder(heard)  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue] (a union of types is one, too)

    @classmethod
    async def open(cls, end: socket.socket, heard: object) -> "Channel[Sent, Heard]":
        """A channel over a connected socket."""
        stream, writer = await asyncio.open_connection(sock=end)
        return cls(stream, writer, heard)

    def send(self, message: Sent) -> None:
        """Say something; nothing where the other side is gone."""
        content = self._encoder.encode(message)
        if not self._writer.is_closing():
            self._writer.write(_LENGTH.pack(len(content)) + content)

    async def messages(self) -> AsyncGenerator[Heard]:
        """What the other side says, until it is gone."""
        while True:
            try:
                (length,) = _LENGTH.unpack(await self._stream.readexactly(_LENGTH.size))
                content = await self._stream.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            yield self._decoder.decode(content)

    async def flush(self) -> None:
        """Wait until what was said is on its way."""
        with suppress(ConnectionError):
            await self._writer.drain()

    def close(self) -> None:
        """Say that we are gone."""
        self._writer.close()
