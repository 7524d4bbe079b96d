"""What images may be fetched from: the policy, and the checks of a URL and of its addresses that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from readstone.core.errors import ConfigurationError, InvalidImage
from readstone.media.address import INTERNAL, Address, is_permitted, parse_networks
from readstone.media.host import Host, parse_host
from readstone.media.url import RemoteURL, parse_url

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be fetched, from where, and how long it may take; limits included. Closed where nothing is said.

    `bytes` of one image, `document_bytes` of one PDF. `total_seconds` for a whole fetch: name lookups, redirects and body together;
    `connect_seconds` for one TCP connection, and again for its TLS handshake. `redirects` followed at most.
    `concurrency`: fetches at a time, which bounds the memory of bodies under way.

    `allowed_hosts` (names or addresses, without ports) may be reached on any port, and at loopback, private, CGNAT and
    ULA addresses. `allowed_networks` (CIDR) may be reached under any name, on the usual port. Metadata addresses stay
    closed. `proxy` ('http://proxy.example:3128') carries every fetch; the addresses of names are then the proxy's to check.

    `cache_bytes` of images kept for `cache_seconds`; 0 of either keeps none.

    Raises ConfigurationError for a limit out of range.
    """

    bytes: int = 20 * _MEGABYTE
    document_bytes: int = 50 * _MEGABYTE
    total_seconds: float = 30.0
    connect_seconds: float = 5.0
    redirects: int = 3
    concurrency: int = 32
    allowed_hosts: tuple[str, ...] = ()
    allowed_networks: tuple[str, ...] = ()
    proxy: str | None = None
    cache_bytes: int = 64 * _MEGABYTE
    cache_seconds: float = 60.0

    def __post_init__(self) -> None:
        sizes = (self.bytes, self.document_bytes, self.concurrency)
        if min(sizes) < 1 or min(self.total_seconds, self.connect_seconds) <= 0:
            raise ConfigurationError("The limits of a fetch must be greater than 0.")
        if min(self.redirects, self.cache_bytes, self.cache_seconds) < 0:
            raise ConfigurationError("Redirects and the cache of a fetch cannot be negative.")


class Reach:
    """What a policy lets be reached. ConfigurationError where its hosts, networks or proxy are not valid."""

    def __init__(self, policy: FetchPolicy) -> None:
        self._hosts = frozenset(_allowed_host(text) for text in policy.allowed_hosts)
        self._networks = parse_networks(policy.allowed_networks)

    def trusts(self, host: Host) -> bool:
        """Whether a host is among the allowed ones, by its one spelling."""
        return host.name in self._hosts

    def check_url(self, url: RemoteURL) -> None:
        """Hold port, name and literal address against the policy, before any name is looked up.

        Raises InvalidImage with code 'unsupported_image_url'; its message completes a sentence.
        """
        if not self.trusts(url.host):
            if not url.has_default_port:
                raise _refusal("only port 80 for http and 443 for https are allowed")
            if url.host.is_reserved:
                raise _refusal("it is not a public name")
        if url.host.address is not None:
            self.check_addresses(url.host, (url.host.address,))

    def check_addresses(self, host: Host, addresses: Sequence[Address]) -> None:
        """Hold every address of a host against the policy: one that is not permitted refuses them all, and so does none.

        The message is the same for a name that is unknown and one that is internal, so that nobody can learn
        internal names here. Raises as `check_url` does.
        """
        opened = (*self._networks, *INTERNAL) if self.trusts(host) else self._networks
        if not addresses or not all(is_permitted(address, opened) for address in addresses):
            raise _refusal("it has no public address, or also one that is not public")


def parse_proxy(text: str) -> RemoteURL:
    """The URL of a proxy: scheme, host and port, nothing else. ConfigurationError where it is not."""
    try:
        url = parse_url(text)
    except InvalidImage as error:
        raise ConfigurationError(f"The proxy's URL is not valid: {error.message}.") from None
    if url.target != "/":
        raise ConfigurationError("The proxy's URL must end with its host and port.")
    return url


def _allowed_host(text: str) -> str:
    try:
        return parse_host(f"[{text}]" if text.count(":") > 1 and "[" not in text else text).name
    except InvalidImage:
        raise ConfigurationError(
            f"'{text}' is not a host: write a name or an address, without scheme and port."
        ) from None


def _refusal(reason: str) -> InvalidImage:
    return InvalidImage(reason, code="unsupported_image_url")
