"""Answers of an engine's server: any bytes, however they are cut, are one answer or one failure of ours."""

import asyncio
import socket
from typing import Any

from readstone.engines.http.connection import Bounds, Connection
from readstone.engines.http.response import Failure

_BOUNDS = Bounds(head_bytes=512, fields=16, held_bytes=256)
_HEAD = b"HTTP/1.1 200 OK\r\n"


def seeds() -> list[bytes]:
    """Answers in every framing; the first byte says how large the pieces are that they come in."""
    return [
        b"\x07" + _HEAD + b"Content-Length: 5\r\n\r\nhello",
        b"\x00" + _HEAD + b"Content-Length: 5\r\n\r\nhelloHTTP/1.1 500 Second\r\n\r\n",
        b"\x03" + _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
        b"\x40HTTP/1.0 200 OK\r\nServer: me\r\n\r\nuntil the end",
        b"\x05HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        b"\x10HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"\x10" + _HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\nX: y\r\n y\r\n\r\n",
    ]


def attempt(data: bytes) -> None:
    """Hear the bytes at once and in pieces; the outcome is the same."""
    step = max(1, data[0]) if data else 1
    answer = data[1:]
    whole, cut = asyncio.run(_heard_twice(answer, step))
    # What is too large may be seen a piece earlier or later.
    if whole != cut and len(answer) <= _BOUNDS.head_bytes:
        raise AssertionError(f"{whole} at once, {cut} in pieces of {step}")


class _Line(asyncio.Transport):
    """A transport that leads nowhere."""

    def __init__(self, wire: socket.socket) -> None:
        super().__init__({"socket": wire})
        self.is_open = True

    def writelines(self, list_of_data: Any) -> None:
        """Send nothing."""

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Hear on."""

    def resume_reading(self) -> None:
        """Hear on."""

    def abort(self) -> None:
        self.is_open = False


async def _heard_twice(answer: bytes, step: int) -> tuple[tuple[object, ...], tuple[object, ...]]:
    whole = await _heard([answer] if answer else [])
    return whole, await _heard([answer[at : at + step] for at in range(0, len(answer), step)])


async def _heard(pieces: list[bytes]) -> tuple[object, ...]:
    """The status, headers and body of what is heard until the server closes, and the failure's name or ''."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line = _Line(ours)
        loop = asyncio.get_running_loop()
        connection = Connection(loop, _BOUNDS, lambda _: None, lambda _: None)
        connection.connection_made(line)
        asking = loop.create_task(_ask(connection))
        await asyncio.sleep(0)
        for piece in pieces:
            if line.is_open:
                connection.data_received(piece)
        if line.is_open:
            connection.eof_received()
        result = await asking
        connection.connection_lost(None)
        return result


async def _ask(connection: Connection) -> tuple[object, ...]:
    body: list[bytes] = []
    try:
        response = await connection.ask((b"GET / HTTP/1.1\r\n\r\n",))
    except Failure as failure:
        return 0, (), b"", type(failure).__name__
    headers = tuple(response.headers.items())
    pieces = response.pieces()
    try:
        while (piece := await anext(pieces, None)) is not None:
            body.append(piece)
    except Failure as failure:
        return response.status, headers, b"".join(body), type(failure).__name__
    return response.status, headers, b"".join(body), ""
