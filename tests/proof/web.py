"""A web in a box: one local site that stands for the whole internet, and the name servers that lead to it."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import TypeAlias, cast

import httpcore2

from readstone.media.address import Address
from readstone.media.fetch import Fetcher
from readstone.media.policy import FetchPolicy

PARAM = "messages[0].content[1].image_url.url"
PUBLIC = "93.184.215.14"
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 400
QUICK = 0.2
"""Seconds for limits that a test waits for."""


class Visit:
    """One connection to the site: what was asked, and ways to answer it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = b""
        self.earlier = b""
        """The request before this one, where a proxy was asked for a tunnel."""
        self._reader = reader
        self._writer = writer

    @property
    def target(self) -> str:
        return self.head.split(b" ")[1].decode("ascii")

    async def listen(self) -> bool:
        """Read the request; False where the client left before it was whole."""
        self.earlier, self.head = self.head, b""
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            self.head = await self._reader.readuntil(b"\r\n\r\n")
        return bool(self.head)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed its end."""
        with suppress(ConnectionError, ssl.SSLError):
            while await self._reader.read(4096):
                pass

    async def start_tls(self, tls: ssl.SSLContext) -> None:
        await self._writer.start_tls(tls)


Answer: TypeAlias = Callable[[Visit], Awaitable[None]]


def reply(body: bytes, status: int = 200, headers: Sequence[str] | None = None) -> Answer:
    """A whole answer; without `headers` it has a Content-Length and the type of a PNG."""
    lines = (
        headers
        if headers is not None
        else (f"Content-Length: {len(body)}", "Content-Type: image/png")
    )
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} Because", *lines, ""))

    async def answer(visit: Visit) -> None:
        await visit.send(head.encode() + body)

    return answer


def redirect(to: str, status: int = 302) -> Answer:
    return reply(b"", status, (f"Location: {to}", "Content-Length: 0"))


def paths(answers: Mapping[str, Answer]) -> Answer:
    """Answers by path; what is not named gets 404."""

    async def answer(visit: Visit) -> None:
        await answers.get(visit.target, reply(b"not here", 404))(visit)

    return answer


class Site:
    """A server on a loopback address that counts who comes and keeps what they ask."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.visits: list[Visit] = []
        self.port = 0
        self.came = asyncio.Event()
        self.left = asyncio.Event()
        """Set when a client has closed its connection, or its visit is over."""
        self._answer = answer
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self, host: str = "127.0.0.1") -> AsyncGenerator["Site"]:
        server = await asyncio.start_server(self._accept, host, 0)
        self.port = cast(int, server.sockets[0].getsockname()[1])
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.add(task)
        self.connections += 1
        self.came.set()
        try:
            if self._tls is not None:
                await writer.start_tls(self._tls)
            visit = Visit(reader, writer)
            if await visit.listen():
                self.visits.append(visit)
                await self._answer(visit)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            self.left.set()
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


class Diverted(httpcore2.AsyncNetworkBackend):
    """A network on which every address and port leads to the site: what is attempted is counted twice, here and there."""

    def __init__(self, site: Site) -> None:
        self.attempts: list[tuple[str, int]] = []
        self._site = site
        self._network = cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.attempts.append((host, port))
        site = self.route(host, port)
        return await self._network.connect_tcp(
            "127.0.0.1", site.port, timeout, local_address, socket_options
        )

    def route(self, host: str, port: int) -> Site:  # noqa: ARG002
        """The site that an address leads to."""
        return self._site


class Names:
    """Name servers: each name, as it is asked for, has the answers it gives one after the other, the last for ever."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.asked: list[str] = []
        self._names = {
            name: [tuple(ip_address(text) for text in answer) for answer in answers]
            for name, answers in names.items()
        }

    async def resolve(self, name: str) -> tuple[Address, ...]:
        self.asked.append(name)
        answers = self._names.get(name, [()])
        return answers.pop(0) if len(answers) > 1 else answers[0]


def names(**addresses: str) -> Names:
    """`images="1.2.3.4 5.6.7.8"` is images.example with both addresses; public ones where nothing is said."""
    known = {"images": PUBLIC, "other": "151.101.1.67"} | addresses
    return Names({f"{name}.example.": [texts.split()] for name, texts in known.items()})


@asynccontextmanager
async def fetching(
    policy: FetchPolicy,
    resolver: Names,
    network: httpcore2.AsyncNetworkBackend | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[Fetcher]:
    """A started fetcher; without certificates to trust it trusts none."""
    fetcher = Fetcher(
        policy,
        resolver=resolver,
        network=network,
        tls=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    await fetcher.start()
    try:
        yield fetcher
    finally:
        await fetcher.stop()
