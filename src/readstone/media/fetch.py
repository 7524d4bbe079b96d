"""The fetcher: the URL of an image becomes its bytes, and no address that is not public is ever connected to."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import httpcore2

from readstone.core.errors import InvalidImage, Overloaded, TooLarge
from readstone.media.cache import FetchCache
from readstone.media.connection import Wire, get
from readstone.media.policy import FetchPolicy, Reach, parse_proxy
from readstone.media.resolver import Resolver, SystemResolver
from readstone.media.response import Fetched, SizeLimits, location, read_image
from readstone.media.url import RemoteURL, parse_url


class Fetcher:
    """Fetches images and PDFs by URL, within a policy; start it before use and stop it after.

    For each hop: one parse, checks of scheme, port and name, one lookup, a check of every address, a connection
    to one of those, the certificate held against the name. See docs/security.md.

    `resolver`, `network` and `tls` are for tests: how names are looked up, what connects, which certificates
    are trusted. Raises ConfigurationError where the policy's hosts, networks or proxy are not valid.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        resolver: Resolver | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._reach = Reach(policy)
        self._sizes = SizeLimits(policy.bytes, policy.document_bytes)
        self._proxy = parse_proxy(policy.proxy) if policy.proxy else None
        self._system = SystemResolver(policy.concurrency)
        self._resolver = resolver or self._system
        self._network = network or cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())
        self._tls = tls
        self._places = asyncio.Semaphore(policy.concurrency)
        self._cache = FetchCache(policy.cache_bytes, policy.cache_seconds)

    async def start(self) -> None:
        """Load the certificates that are trusted."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpcore2.default_ssl_context)

    async def stop(self) -> None:
        """Cancel what is under way and forget what was fetched."""
        await self._cache.stop()
        self._system.stop()

    async def fetch(self, url: str, param: str) -> bytes:
        """The bytes of the image or PDF at `url`; only their first bytes were looked at, so inspect them.

        Raises, each naming `param` and at most the URL's host: InvalidImage with code 'unsupported_image_url' where the
        URL, a host or an address is not allowed, or the name unknown; InvalidImage with code 'image_fetch_failed'
        where the server cannot be reached in time, answers anything but an image or PDF, or redirects too often;
        TooLarge; Overloaded where too many fetches are under way. Being cancelled closes the connection.
        """
        try:
            remote = parse_url(url)
        except InvalidImage as error:
            raise InvalidImage(
                f"The URL in {param} cannot be fetched: {error.message}.",
                param=param,
                code=error.code,
            ) from None
        try:
            self._reach.check_url(remote)
            return await self._cache.get(remote, lambda: self._load(remote))
        except (InvalidImage, TooLarge) as error:
            raise type(error)(
                f"The image in {param} cannot be fetched from '{remote.host}': {error.message}.",
                param=param,
                code=error.code,
            ) from None

    async def _load(self, url: RemoteURL) -> Fetched:
        """Fetch with a place, a clock, and the network's errors in our words."""
        async with self._place():
            try:
                async with asyncio.timeout(self._policy.total_seconds):
                    return await self._follow(url)
            except (TimeoutError, httpcore2.TimeoutException):
                raise _failure("the server did not answer in time") from None
            except (
                OSError,
                httpcore2.NetworkError,
                httpcore2.ProtocolError,
                httpcore2.ProxyError,
            ) as error:
                raise _failure(_reason(error)) from None

    async def _follow(self, url: RemoteURL) -> Fetched:
        """Walk from hop to hop; each goes through every check again."""
        for _ in range(self._policy.redirects + 1):
            async with self._response(url) as response:
                target = location(response)
                if target is None:
                    return await read_image(response, self._sizes)
            url = self._next(url, target)
        raise _failure(f"it redirects more than {self._policy.redirects} times")

    def _next(self, url: RemoteURL, target: str) -> RemoteURL:
        try:
            found = url.join(target)
            self._reach.check_url(found)
        except InvalidImage as error:
            raise InvalidImage(
                "it redirects to a URL that is not allowed", code=error.code
            ) from None
        if url.scheme == "https" and found.scheme == "http":
            raise InvalidImage("it redirects from https to http", code="unsupported_image_url")
        return found

    @asynccontextmanager
    async def _response(self, url: RemoteURL) -> AsyncGenerator[httpcore2.Response]:
        if self._tls is None:
            raise RuntimeError("The fetcher was not started.")
        wire = Wire(self._network, self._tls, self._proxy, self._policy.connect_seconds)
        async with get(wire, url, await self._addresses(url)) as response:
            yield response

    async def _addresses(self, url: RemoteURL) -> tuple[str, ...]:
        """What to connect to for a URL: the proxy, or the checked addresses of its host, looked up once."""
        if self._proxy is not None:
            return (self._proxy.host.name,)
        if url.host.address is not None:
            return (url.host.name,)
        # The dot keeps the resolver from trying the name inside this machine's own domains. Hosts files have
        # no such dots, so a host of one's own is looked up as it was configured.
        name = url.host.name if self._reach.trusts(url.host) else f"{url.host.name}."
        found = await self._resolver.resolve(name)
        self._reach.check_addresses(url.host, found)
        return tuple(str(address) for address in found)

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._policy.connect_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Overloaded("Too many images are being fetched. Try again in a moment.") from None
        try:
            yield
        finally:
            self._places.release()


def _reason(error: Exception) -> str:
    # The proxy's pool clears the cause, not the context.
    if isinstance(error.__context__, ssl.SSLCertVerificationError):
        return "its certificate is not valid for that name"
    if isinstance(error, httpcore2.ConnectError):
        return "it cannot be connected to"
    return "the connection broke, or the server does not speak HTTP/1.1"


def _failure(reason: str) -> InvalidImage:
    return InvalidImage(reason, code="image_fetch_failed")
