"""An engine's server in a box: connections that are scripted, counted and looked at from the other end."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from readstone.engines.http.client import Client, Limits
from readstone.engines.http.connection import Bounds
from readstone.engines.http.head import Headers
from readstone.engines.http.response import Response
from readstone.engines.http.target import parse_target

HELLO = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
QUICK = 0.1
"""Seconds for limits that a test waits for."""


@dataclass(frozen=True, slots=True)
class Papers:
    """The file of an authority, and a server that it vouches for as localhost."""

    authority: Path
    server: ssl.SSLContext


class Visit:
    """One connection to the upstream, seen from there."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def listen(self) -> tuple[list[str], bytes]:
        """The lines of the next request's head, and its body; IncompleteReadError where the client left."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.removesuffix("\r\n\r\n").split("\r\n")
        sizes = [int(line[15:]) for line in lines if line.startswith("content-length:")]
        return lines, await self.reader.readexactly(sum(sizes))

    async def say(self, *pieces: bytes) -> None:
        """Send something, piece by piece."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed its end."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Script: TypeAlias = Callable[[Visit], Awaitable[None]]


async def kind(visit: Visit) -> None:
    """Answer every request, for as long as the client likes."""
    while True:
        await visit.listen()
        await visit.say(HELLO)


def saying(*pieces: bytes) -> Script:
    """Answer every request with these bytes."""

    async def script(visit: Visit) -> None:
        while True:
            await visit.listen()
            await visit.say(*pieces)

    return script


class Upstream:
    """A server whose every connection follows the script; `url` is where it is, `visits` counts the connections."""

    def __init__(self, script: Script) -> None:
        self.visits = 0
        self.url = ""
        self.left = asyncio.Event()
        """Set whenever a connection is over."""
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(
        self, *, path: Path | None = None, tls: ssl.SSLContext | None = None
    ) -> AsyncGenerator["Upstream"]:
        if path is None:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
            port = cast("int", server.sockets[0].getsockname()[1])
            self.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        else:
            server = await asyncio.start_unix_server(self._accept, path)
            self.url = f"unix:{path}"
        try:
            yield self
        finally:
            server.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.add(task)
        self.visits += 1
        try:
            await self._script(Visit(self.visits, reader, writer))
        except (asyncio.CancelledError, asyncio.IncompleteReadError):
            pass  # the test is over, or the client has left
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            self.left.set()
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


@asynccontextmanager
async def client_of(
    upstream: Upstream,
    *,
    limits: Limits | None = None,
    bounds: Bounds | None = None,
    credentials: Headers = (),
    ca_file: Path | None = None,
) -> AsyncGenerator[Client]:
    """A started client; that it leaves nothing open is looked at when it has stopped."""
    client = Client(
        parse_target(upstream.url),
        limits=limits,
        bounds=bounds,
        credentials=credentials,
        ca_file=ca_file,
    )
    await client.start()
    try:
        yield client
    finally:
        await client.stop()
        assert client.open_connections == client.idle_connections == 0


async def body_of(response: Response) -> bytes:
    return b"".join([piece async for piece in response.pieces()])


async def get(client: Client, path: str = "/") -> bytes:
    async with client.send("GET", path) as response:
        return await body_of(response)
