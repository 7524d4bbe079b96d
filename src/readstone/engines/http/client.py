"""The lean HTTP client of the hot path: requests to one server, over connections that are kept."""

import asyncio
import os
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeAlias

from readstone import __version__
from readstone.core.errors import ConfigurationError
from readstone.engines.http.connection import Bounds, Connection
from readstone.engines.http.head import Headers, checked_lines, lines
from readstone.engines.http.response import Broken, Crowded, Response, Unreachable
from readstone.engines.http.target import Target

Method: TypeAlias = Literal["GET", "POST"]

_PATH = re.compile(r"/[\x21\x22\x24-\x7e]*")
_TIMER_SECONDS = 0.002  # event loops round their timers by about this much


@dataclass(frozen=True, slots=True)
class Limits:
    """Of the connections to one server: seconds to connect, how many may be open, and kept for how long.

    Servers made with uvicorn, vLLM among them, close a connection that was idle for 5 seconds; we are earlier.
    """

    connect_seconds: float = 5.0
    connections: int = 4096
    idle_connections: int = 256
    idle_seconds: float = 4.0


class Client:
    """Sends requests to one target; it belongs to the event loop it was started in.

    It follows no redirect, keeps no cookie and asks for no compression. `credentials` are headers, such as
    ('authorization', 'Bearer …'), that go to this target and nowhere else. For https, certificates are checked against
    the system's store, or against `ca_file` (PEM) alone where it is given.
    """

    def __init__(
        self,
        target: Target,
        *,
        credentials: Headers = (),
        ca_file: Path | None = None,
        limits: Limits | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.target = target
        self._limits = limits or Limits()
        self._bounds = bounds or Bounds()
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []  # the last one that was used is the last
        self._opening = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None
        self._starts: dict[tuple[Method, str], bytes] = {}  # of as many paths as an engine has
        fixed = (
            ("host", target.authority),
            ("accept-encoding", "identity"),
            ("user-agent", f"Readstone/{__version__}"),
        )
        try:
            self._fixed = lines(fixed) + checked_lines(credentials)
        except ValueError as error:
            raise ConfigurationError(
                f"The key or headers for {target} cannot be sent: {error}."
            ) from None

    @property
    def open_connections(self) -> int:
        """How many connections there are, busy and idle."""
        return len(self._open)

    @property
    def idle_connections(self) -> int:
        """How many connections wait for a request."""
        return len(self._idle)

    async def start(self) -> None:
        """Be ready to send; connections are made when they are needed.

        Raises ConfigurationError where the file of certificates cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        if self.target.is_secure:
            self._tls = await asyncio.to_thread(_tls, self._ca_file)

    async def stop(self) -> None:
        """Close every connection; answers that are still being read end in Broken."""
        loop, self._loop = self._loop, None
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in tuple(self._open):
            connection.abort()
        if loop is not None and self._open:
            self._emptied = loop.create_future()
            await self._emptied

    def send(
        self, method: Method, path: str, body: bytes | Sequence[bytes] = b"", headers: Headers = ()
    ) -> "Exchange":
        """Send a request when entered, as `async with client.send(…) as response`.

        `path` is the whole path (`target.path`). The body goes out as it is, in one write with the head; nothing is
        copied. Entering waits for the head of the answer. Leaving before the body has ended closes the socket, and
        so tells the server to stop; after its end, the connection is kept for the next request. So iterate until the
        iteration ends, beyond a `[DONE]` too.

        A request over a kept connection is sent once more, over a new one, where the server closed the kept one before
        it answered at all: it may do so at any time. Raises ValueError for a path or header that cannot be sent, and on
        entering Unreachable, Crowded, Broken, Garbled or Silent.
        """
        start = self._starts.get((method, path)) or self._start(method, path)
        fields = checked_lines(headers)
        if method == "GET":
            if body:
                raise ValueError("a GET has no body")
            return Exchange(self, (b"%b%b\r\n" % (start, fields),))
        pieces = (body,) if isinstance(body, bytes) else body
        size = len(pieces[0]) if len(pieces) == 1 else sum(map(len, pieces))
        return Exchange(self, (b"%b%bcontent-length: %d\r\n\r\n" % (start, fields, size), *pieces))

    def _start(self, method: Method, path: str) -> bytes:
        """What every request for that path begins with."""
        if not _PATH.fullmatch(path):
            raise ValueError("a path is visible ASCII and begins with a slash")
        start = f"{method} {path} HTTP/1.1\r\n".encode() + self._fixed
        self._starts[method, path] = start
        return start

    # What an exchange asks for.

    def take(self) -> Connection | None:
        """An idle connection that is alive, the last one used; None where there is none."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.is_idle and connection.is_quiet:
                return connection
            connection.abort()
        return None

    async def connect(self) -> Connection:
        """A new connection; Unreachable where there is none to be had, Crowded where there are too many."""
        loop = self._loop
        if loop is None:
            raise Unreachable("the client is not started")
        if len(self._open) + self._opening >= self._limits.connections:
            raise Crowded(f"{self._limits.connections} connections are open")
        connection = Connection(loop, self._bounds, self._open.add, self._lost)
        self._opening += 1
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                await self._open_wire(loop, connection)
        except TimeoutError:
            raise Unreachable(
                f"no connection in {self._limits.connect_seconds:g} seconds"
            ) from None
        except OSError as error:
            raise Unreachable(_reason(error)) from error
        finally:
            self._opening -= 1
        if self._loop is None:
            connection.abort()
            raise Unreachable("the client was stopped")
        return connection

    async def _open_wire(self, loop: asyncio.AbstractEventLoop, connection: Connection) -> None:
        target = self.target
        try:
            if target.scheme == "unix":
                await loop.create_unix_connection(lambda: connection, target.socket)
            else:
                await loop.create_connection(
                    lambda: connection, target.host, target.port, ssl=self._tls
                )
        except (
            BaseException
        ):  # cancelled, too: uvloop closes what is given up as it is made, and tells it nothing
            self._lost(connection)
            raise

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer is whole, close any other."""
        loop = self._loop
        is_wanted = len(self._idle) < self._limits.idle_connections
        if loop is None or not connection.is_idle or not is_wanted:
            connection.abort()
            return
        connection.idle_since = loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._limits.idle_seconds, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what has been idle for too long; those are the first."""
        self._sweeper = None
        oldest = loop.time() - self._limits.idle_seconds
        while self._idle and self._idle[0].idle_since <= oldest + _TIMER_SECONDS:
            self._idle.pop(0).abort()
        if self._idle:
            rest = self._idle[0].idle_since - oldest
            self._sweeper = loop.call_later(rest, self._sweep, loop)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if not self._open and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)


class Exchange:
    """One request and its answer, for as long as the block lasts."""

    __slots__ = ("_client", "_connection", "_message")

    def __init__(self, client: Client, message: Sequence[bytes]) -> None:
        self._client = client
        self._message = message
        self._connection: Connection | None = None

    async def __aenter__(self) -> Response:
        kept = self._connection = self._client.take()
        try:
            response = await (self._ask_anew() if kept is None else kept.ask(self._message))
        except Broken as broken:
            if kept is None or broken.begun:
                raise
            response = await self._ask_again()
        self._message = ()  # a body is large, and a stream is long
        return response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            self._client.give_back(self._connection)

    async def _ask_again(self) -> Response:
        """The server closed a kept connection before it answered at all."""
        try:
            return await self._ask_anew()
        except Unreachable as failure:
            # It closed the connection and takes no other: it may have died of this very request.
            raise Broken("the server went away", begun=False) from failure

    async def _ask_anew(self) -> Response:
        connection = self._connection = await self._client.connect()
        return await connection.ask(self._message)


def _reason(error: OSError) -> str:
    """Why there is no connection; asyncio's words for one that was refused would tell its address."""
    if isinstance(error, ConnectionError) and error.errno is not None:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise ConfigurationError(
            f"The certificates in {ca_file} cannot be read ({error.strerror or 'not PEM'}): "
            "name a readable PEM file."
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context
