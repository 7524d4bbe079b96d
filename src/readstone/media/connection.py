"""One connection to a checked address: it carries one request, and its socket is closed when the block is left."""

import ssl
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpcore2

from readstone import __version__
from readstone.media.url import RemoteURL

# Servers may send interim responses and headers without end. Two reads of the library's size are enough
# for honest ones, and cost little of the event loop.
_MOST_HEAD_BYTES = 128 * 1024

_HEADERS = (
    ("User-Agent", f"Readstone/{__version__}"),
    ("Accept", "image/jpeg, image/png, image/webp, application/pdf;q=0.9"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
)


@dataclass(frozen=True, slots=True)
class Wire:
    """What connections are made with: the network, the certificates trusted, a proxy, and seconds to connect."""

    network: httpcore2.AsyncNetworkBackend
    tls: ssl.SSLContext
    proxy: RemoteURL | None
    connect_seconds: float


@asynccontextmanager
async def get(
    wire: Wire, url: RemoteURL, addresses: Sequence[str]
) -> AsyncGenerator[httpcore2.Response]:
    """Ask for `url` at one of its checked `addresses` and give the response, its body still unread.

    The certificate is held against the name of the URL, never against the address. Through a proxy, `addresses` is the
    proxy's own host. Raises httpcore2's errors.
    """
    pinned = _Pinned(wire.network, addresses)
    request = httpcore2.Request(
        "GET",
        httpcore2.URL(
            scheme=url.scheme,
            host=str(url.host),
            port=None if url.has_default_port else url.port,
            target=url.target,
        ),
        headers=[("Host", url.authority), *_HEADERS],
        extensions={
            "timeout": {"connect": wire.connect_seconds},
            "sni_hostname": url.host.name,
        },
    )
    async with aclosing(pinned), aclosing(_connection(wire, request, pinned)) as connection:
        response = await connection.handle_async_request(request)
        pinned.head_is_read()
        async with aclosing(response):
            yield response


def _connection(
    wire: Wire, request: httpcore2.Request, pinned: "_Pinned"
) -> httpcore2.AsyncHTTPConnection | httpcore2.AsyncHTTPProxy:
    if wire.proxy is None:
        return httpcore2.AsyncHTTPConnection(
            request.url.origin, ssl_context=wire.tls, network_backend=pinned
        )
    return httpcore2.AsyncHTTPProxy(
        httpcore2.URL(
            scheme=wire.proxy.scheme, host=str(wire.proxy.host), port=wire.proxy.port, target="/"
        ),
        ssl_context=wire.tls,
        proxy_ssl_context=wire.tls if wire.proxy.scheme == "https" else None,
        max_connections=1,
        network_backend=pinned,
    )


class _Pinned(httpcore2.AsyncNetworkBackend):
    """A network that leads to the given addresses, whatever name it is asked for (a base class is the library's seam).

    It owns the sockets it opens: the library forgets one whose TLS handshake is cancelled.
    """

    def __init__(self, network: httpcore2.AsyncNetworkBackend, addresses: Sequence[str]) -> None:
        self._network = network
        self._addresses = addresses
        self._opened: list[httpcore2.AsyncNetworkStream] = []
        self._head_bytes: int | None = _MOST_HEAD_BYTES

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the name was resolved and checked before
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's seam
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers; each has an equal share of the time."""
        share = None if timeout is None else timeout / len(self._addresses)
        failure: Exception = httpcore2.ConnectError()
        for address in self._addresses:
            try:
                stream = await self._network.connect_tcp(
                    address, port, share, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                self._opened.append(stream)
                return _HeadLimited(stream, self)
        raise failure

    def head_is_read(self) -> None:
        """Lift the limit of a response's head; the body has its own."""
        self._head_bytes = None

    def count(self, size: int) -> None:
        """Count bytes read; RemoteProtocolError where a head is longer than any honest one."""
        if self._head_bytes is None:
            return
        self._head_bytes -= size
        if self._head_bytes < 0:
            raise httpcore2.RemoteProtocolError

    async def aclose(self) -> None:
        """Close every socket opened here."""
        for stream in self._opened:
            await stream.aclose()


class _HeadLimited(httpcore2.AsyncNetworkStream):
    """A stream whose reads are counted by the network it came from."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, network: _Pinned) -> None:
        self._stream = stream
        self._network = network

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        data = await self._stream.read(max_bytes, timeout)
        self._network.count(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _HeadLimited(stream, self._network)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
