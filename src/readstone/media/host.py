"""The host of a URL: one spelling for each, and no spelling that two parsers could read differently."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

from readstone.core.errors import InvalidImage
from readstone.media.address import Address

_MOST_CHARACTERS = 253  # RFC 1035; held before IDNA sees it, whose work grows faster than its input
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_DOTTED_QUAD = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\]")
# What inet_aton and the WHATWG parser take for a piece of an IPv4 address: decimal, octal, hexadecimal.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ASCII_LOWER = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}

# Names that mean the machine itself, its network or its cloud (RFC 6761, RFC 6762, RFC 8375, RFC 9476 and
# what routers and clusters hand out); with or without labels before them.
_RESERVED = frozenset(
    {
        "localhost",
        "localdomain",
        "local",
        "internal",
        "intranet",
        "private",
        "corp",
        "home",
        "lan",
        "svc",
        "onion",
        "test",
        "invalid",
        "alt",
        "arpa",
        "metadata.goog",
        "instance-data",
    }
)


@dataclass(frozen=True, slots=True)
class Host:
    """A host in its one spelling: `name` is lower-case ASCII without a trailing dot; `address` is set for an IP literal."""

    name: str
    address: Address | None = None

    @property
    def is_reserved(self) -> bool:
        """Whether it is a name of some private network: a single label, or under a reserved domain."""
        if self.address is not None:
            return False
        labels = self.name.split(".")
        ends = {".".join(labels[at:]) for at in range(len(labels))}
        return len(labels) == 1 or bool(ends & _RESERVED)

    def __str__(self) -> str:
        return f"[{self.name}]" if isinstance(self.address, IPv6Address) else self.name


def parse_host(text: str) -> Host:
    """Read a host as it stands in a URL: a name, a dotted quad, or an IPv6 address in brackets.

    One trailing dot is dropped. Names in other scripts become their A-labels by strict IDNA 2008, which maps nothing:
    full-width digits, circled letters and other dots are refused, not translated. Refused, too, is every other
    way to write an IPv4 address: decimal, octal, hexadecimal, with fewer parts or leading zeros.

    Raises InvalidImage with code 'unsupported_image_url'; the message completes a sentence and quotes nothing.
    """
    if text.startswith("["):
        return _ipv6(text)
    name = text.translate(_ASCII_LOWER).removesuffix(".")
    if not name or len(name) > _MOST_CHARACTERS:
        raise _refusal("it has no host, or one that is too long")
    if not name.isascii():
        name = _encoded(name)
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _ipv4(name)
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise _refusal("its host is not a valid name")
    if "xn--" in name:
        _encoded(name)
    return Host(name)


def _ipv4(name: str) -> Host:
    if _DOTTED_QUAD.fullmatch(name):
        try:
            return Host(name, IPv4Address(name))
        except AddressValueError:
            pass
    raise _refusal("its host is a number that is not an IPv4 address in its usual form")


def _ipv6(text: str) -> Host:
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed is None:
        raise _refusal("its host is not a valid IPv6 address")
    try:
        address = IPv6Address(bracketed[1])
    except AddressValueError:
        raise _refusal("its host is not a valid IPv6 address") from None
    return Host(str(address), address)


def _encoded(name: str) -> str:
    """The A-labels of a name (RFC 5891), each of them checked against its U-label."""
    try:
        labels = [label for label in name.split(".") if not label.isascii() or label[:4] == "xn--"]
        encoded = {label: idna.alabel(label).decode("ascii") for label in labels}
    except UnicodeError:
        raise _refusal("its host is not a valid international name") from None
    result = ".".join(encoded.get(label, label) for label in name.split("."))
    if len(result) > _MOST_CHARACTERS:
        raise _refusal("it has no host, or one that is too long")
    return result


def _refusal(reason: str) -> InvalidImage:
    return InvalidImage(reason, code="unsupported_image_url")
