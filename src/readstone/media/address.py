"""IP addresses: which are public, and which a configuration may open; everything else is never connected to."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

from readstone.core.errors import ConfigurationError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# IANA's special-purpose registries (RFC 6890 and its successors). Written out, because the standard library's
# `is_global` changed its mind between patch releases and lets anycast relays and NAT64 pass.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # "this network", the unspecified address
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, Oracle Cloud's metadata
        "192.0.2.0/24",  # TEST-NET-1
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # TEST-NET-2
        "203.0.113.0/24",  # TEST-NET-3
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")  # all that IANA has given out; the rest is not public
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3ffe::/16",  # the 6bone of old
        "3fff::/20",  # documentation
    )
)

_ONES = 0xFFFF_FFFF
# IPv6 forms that carry an IPv4 address: the network, the bits right of the IPv4 address, and what it is XORed with.
_CARRIERS = tuple(
    (IPv6Network(network), shift, mask)
    for network, shift, mask in (
        ("::ffff:0:0/96", 0, 0),  # mapped (RFC 4291)
        ("::/96", 0, 0),  # compatible (RFC 4291)
        ("::ffff:0:0:0/96", 0, 0),  # translated (RFC 2765)
        ("64:ff9b::/96", 0, 0),  # NAT64 (RFC 6052)
        ("64:ff9b:1::/48", 0, 0),  # local NAT64 (RFC 8215)
        ("2002::/16", 80, 0),  # 6to4 (RFC 3056)
        ("2001::/32", 0, _ONES),  # Teredo (RFC 4380)
    )
)
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214, bits 64 to 95 of any prefix

METADATA = frozenset(
    {
        IPv4Address("169.254.169.254"),  # AWS, Google, Azure and most others
        IPv4Address("169.254.170.2"),  # AWS task credentials
        IPv4Address("169.254.170.23"),  # AWS pod identity
        IPv6Address("fd00:ec2::254"),
        IPv6Address("fd00:ec2::23"),
        IPv6Address("fd20:ce::254"),  # Google
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("192.0.0.192"),  # Oracle
        IPv4Address("168.63.129.16"),  # Azure's wire server, in the middle of public space
    }
)
"""Where clouds keep the credentials of their machines: no configuration opens these."""

INTERNAL: tuple[Network, ...] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)
"""Where a host of one's own may live; link-local is not among them."""


def is_public(address: Address) -> bool:
    """Whether an address belongs to a host of the internet: unicast, assigned, and carrying no other address inside."""
    if _is_never(address):
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return (
        address in _GLOBAL_UNICAST_6
        and not any(address in network for network in _NOT_PUBLIC_6)
        and carried(address) is None
    )


def is_permitted(address: Address, opened: Iterable[Network]) -> bool:
    """Whether an address is public or in one of the `opened` networks, and not a metadata address.

    One that carries an IPv4 address (NAT64, say) is permitted where the one inside is, too.
    """
    networks = tuple(opened)
    if _is_never(address):
        return False
    inside = carried(address)
    if inside is not None and not is_permitted(inside, networks):
        return False
    return is_public(address) or any(address in network for network in networks)


def _is_never(address: Address) -> bool:
    """Metadata, and addresses that mean something on one interface only."""
    return address in METADATA or (
        isinstance(address, IPv6Address) and address.scope_id is not None
    )


def carried(address: Address) -> IPv4Address | None:
    """The IPv4 address inside an IPv6 address of a form that carries one, else None."""
    if isinstance(address, IPv4Address):
        return None
    number = int(address)
    if number <= 1:  # unspecified and loopback, which mean nothing else
        return None
    for network, shift, mask in _CARRIERS:
        if address in network:
            return IPv4Address(number >> shift & _ONES ^ mask)
    if number >> 32 & _ONES in _ISATAP:
        return IPv4Address(number & _ONES)
    return None


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks from CIDR notation ('10.1.0.0/16', '::1/128'); ConfigurationError names the one that is not valid."""
    networks: list[Network] = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError:
            raise ConfigurationError(
                f"'{text}' is not a network: write it as 10.1.0.0/16, with no bits set behind the prefix."
            ) from None
    return tuple(networks)
