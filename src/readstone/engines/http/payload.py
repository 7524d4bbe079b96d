"""A checked request becomes the JSON that an OpenAI-compatible engine is sent."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final, assert_never

import msgspec
import pybase64

from readstone.core.chat import ChatRequest, DocumentPart, ImagePart, Message, Part, TextPart
from readstone.core.errors import EngineFailed
from readstone.engines.http.manner import Manner

_ENCODER = msgspec.json.Encoder()
_LARGE: Final = 128 * 1024
_SLOW: Final = 4 * 1024 * 1024  # what is less is encoded in less time than a thread needs to begin
_OWN = frozenset({"stream", "stream_options", "model", "messages"})


async def encode(request: ChatRequest, manner: Manner) -> list[bytes]:
    """The body in pieces; images are base64 data URIs, each a piece of its own.

    What is ours to say is said in that manner, every other property and member goes on as it came. The answer is always asked for as a stream that ends with the usage: only a stream stops every engine when it
    is closed, and only it tells when the first token came.
    """
    if request.weight > _SLOW:
        return await asyncio.to_thread(_encode, request, manner)
    return _encode(request, manner)


def _encode(request: ChatRequest, manner: Manner) -> list[bytes]:
    members: dict[str, object] = {
        "model": request.model.name_at_engine,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    if manner.length is not None:
        members[manner.length_name] = manner.length
    for name in manner.left_out:
        del members[name]
    members |= {name: msgspec.Raw(raw) for name, raw in request.extras.items() if name not in _OWN}
    if not request.attachments:
        members["messages"] = [_spoken(message) for message in request.messages]
        return [_ENCODER.encode(members)]
    pieces = [_ENCODER.encode(members)[:-1], b',"messages":[']
    for index, message in enumerate(request.messages):
        if index:
            pieces.append(b",")
        pieces += _shown(message)
    pieces.append(b"]}")
    return list(_joined(pieces))


def _spoken(message: Message) -> dict[str, object]:
    """A message of words alone."""
    content: object
    match message.parts:
        case ():
            content = None
        case (TextPart(text=text, extras=extras),) if not extras:
            content = text
        case parts:
            content = [_text(part) for part in parts if isinstance(part, TextPart)]
    return {"role": message.role, "content": content, **_raw(message.extras)}


def _shown(message: Message) -> Iterator[bytes]:
    """The pieces of a message that may have images, each of which is one of its own."""
    if all(isinstance(part, TextPart) for part in message.parts):
        yield _ENCODER.encode(_spoken(message))
        return
    members: dict[str, object] = {"role": message.role, **_raw(message.extras)}
    yield _ENCODER.encode(members)[:-1] + b',"content":['
    for index, part in enumerate(message.parts):
        if index:
            yield b","
        yield from _part(part)
    yield b"]}"


def _part(part: Part) -> Iterator[bytes]:
    match part:
        case TextPart():
            yield _ENCODER.encode(_text(part))
        case ImagePart(image=image):
            yield b'{"type":"image_url","image_url":{"url":"data:image/%b;base64,' % (
                image.format.encode()
            )
            yield image.digits or pybase64.b64encode(image.data)
            yield b'"%b}%b}' % (_more(part.beside_url), _more(part.extras))
        case DocumentPart():
            raise EngineFailed("A document came this far without becoming pictures.")
        case _:
            assert_never(part)


def _text(part: TextPart) -> dict[str, object]:
    return {"type": "text", "text": part.text, **_raw(part.extras)}


def _more(extras: Mapping[str, bytes]) -> bytes:
    """Members that follow others."""
    return b"," + _ENCODER.encode(_raw(extras))[1:-1] if extras else b""


def _raw(extras: Mapping[str, bytes]) -> dict[str, object]:
    return {name: msgspec.Raw(raw) for name, raw in extras.items()}


def _joined(pieces: list[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces: small ones together, large ones not copied."""
    small: list[bytes] = []
    for piece in pieces:
        if len(piece) < _LARGE:
            small.append(piece)
            continue
        yield b"".join(small)
        yield piece
        small.clear()
    if small:
        yield b"".join(small)
