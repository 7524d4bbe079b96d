"""What the server and its worker say to each other: length-prefixed msgpack frames over a socket pair."""

import asyncio
import struct
from typing import Final, Literal, TypeAlias

import msgspec

from readstone.core.chat import Document, Image
from readstone.core.document import Line, Rule, Turn
from readstone.engines.pictures import Wanted

_LENGTH: Final = struct.Struct(">I")


class Read(msgspec.Struct, tag="read"):
    """Read this image; answered by Found, a LineRead for each line, then Done, or else by Failed."""

    id: int
    image: Image


class ReadDocument(msgspec.Struct, tag="read_document"):
    """Read this PDF; answered by Found and its lines for each page in turn, then Done, or else by Failed."""

    id: int
    document: Document


class Paint(msgspec.Struct, tag="paint"):
    """Make this image as it is wanted; answered by Painted, then Done, or else by Failed."""

    id: int
    image: Image
    wanted: Wanted


class PaintDocument(msgspec.Struct, tag="paint_document"):
    """Make images of this PDF's pages; answered by a Painted for each in turn, then Done, or else by Failed."""

    id: int
    document: Document
    wanted: Wanted


class Cancel(msgspec.Struct, tag="cancel"):
    """Nobody waits for this image or document any more; it is not answered."""

    id: int


class Ready(msgspec.Struct, tag="ready"):
    """The models are loaded and warm."""


class Found(msgspec.Struct, tag="found"):
    """A page, `page` of `pages` from 0: its size in pixels once it was turned, and how many runs of text were found on it."""

    id: int
    page: int
    pages: int
    width: int
    height: int
    lines: int
    turned: Turn = 0
    rules: tuple[Rule, ...] = ()


class LineRead(msgspec.Struct, tag="line"):
    """The next line in reading order."""

    id: int
    line: Line


class Painted(msgspec.Struct, tag="painted"):
    """The picture of a page, `page` of `pages` from 0: its format, its size in pixels, and its encoded bytes."""

    id: int
    page: int
    pages: int
    format: Literal["jpeg", "png"]
    width: int
    height: int
    data: bytes


class Done(msgspec.Struct, tag="done"):
    """Everything is told; `memory` is the worker's resident size in bytes."""

    id: int
    memory: int


class Failed(msgspec.Struct, tag="failed"):
    """It cannot be read, or not on: through the fault of the image, or of what works on it; `message` says why."""

    id: int
    message: str | None = None
    fault: Literal["image", "crash", "time", "engine"] = "engine"
    code: str | None = None


Asked: TypeAlias = Read | ReadDocument | Paint | PaintDocument
Request: TypeAlias = Asked | Cancel
Told: TypeAlias = Found | LineRead | Painted
"""What an answer consists of, before its end."""
Answer: TypeAlias = Ready | Told | Done | Failed

REQUESTS: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
ANSWERS: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)
_ENCODER: Final = msgspec.msgpack.Encoder()


def pack(frame: Request | Answer) -> bytes:
    """The frame as it goes on the socket."""
    content = _ENCODER.encode(frame)
    return _LENGTH.pack(len(content)) + content


async def receive(stream: asyncio.StreamReader) -> bytes | None:
    """The next frame's content; None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        return await stream.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
