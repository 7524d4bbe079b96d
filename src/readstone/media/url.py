"""The URL of an image: parsed once, and what came out is what is checked and what is connected to."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import quote

from readstone.core.errors import InvalidImage
from readstone.media.host import Host, parse_host

Scheme: TypeAlias = Literal["http", "https"]

DEFAULT_PORTS: dict[Scheme, int] = {"http": 80, "https": 443}
_MOST_CHARACTERS = 8192  # signed URLs of object stores have up to about 4000
_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII,  # or the long s would pass for an s
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[1-9][0-9]{0,4}))?")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_KEPT = "!$%&'()*+,/:;=?@[]^|~"  # beside letters, digits and -._~; the rest is percent-encoded
_MOST_PORT = 65535
_FORBIDDEN = frozenset({"Cc", "Cs", "Zs", "Zl", "Zp"})  # control, surrogate, separators


@dataclass(frozen=True, slots=True)
class RemoteURL:
    """A checked http or https URL.

    `port` is always set; `target` is the path and query as they go on the wire: visible ASCII, starting with '/'.
    """

    scheme: Scheme
    host: Host
    port: int
    target: str

    @property
    def has_default_port(self) -> bool:
        """Whether the port is the scheme's own."""
        return self.port == DEFAULT_PORTS[self.scheme]

    @property
    def authority(self) -> str:
        """The host, in brackets where it must be, and the port where it is not the scheme's own."""
        return str(self.host) if self.has_default_port else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def join(self, location: str) -> "RemoteURL":
        """The URL a `Location` header leads to from here (RFC 3986, section 5.2), through the same parser.

        Dot segments stay: servers resolve them, and nothing here looks at a path. Raises as `parse_url` does.
        """
        if _ABSOLUTE.match(location):
            return parse_url(location)
        if location.startswith("//"):
            return parse_url(f"{self.scheme}:{location}")
        path = self.target.partition("?")[0]
        if location.startswith("/"):
            path = ""
        elif not location.startswith(("?", "#")):
            path = path[: path.rfind("/") + 1]
        return parse_url(f"{self.scheme}://{self.authority}{path}{location}")


def parse_url(text: str) -> RemoteURL:
    """Read an absolute http or https URL, and refuse what is written in more than one known way.

    Refused: user names, backslashes, control characters, white space, percent-encoded hosts, zone ids, ports with
    leading zeros, hosts as `host.parse_host` says. The fragment is dropped, letters of other scripts in path and
    query are percent-encoded as UTF-8.

    Raises InvalidImage with code 'unsupported_image_url'; the message completes a sentence and quotes nothing.
    """
    if len(text) > _MOST_CHARACTERS:
        raise _refusal(f"it is longer than {_MOST_CHARACTERS} characters")
    if any(letter == "\\" or unicodedata.category(letter) in _FORBIDDEN for letter in text):
        raise _refusal("it holds white space, a control character or a backslash")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise _refusal("it does not start with http:// or https:// and a host")
    if "@" in shape["authority"]:
        raise _refusal("it holds a user name; credentials are not sent")
    authority = _AUTHORITY.fullmatch(shape["authority"])
    if authority is None:
        raise _refusal("its host or port is not valid")
    host = parse_host(authority["host"])
    scheme: Scheme = "https" if shape["scheme"].lower() == "https" else "http"
    port = int(authority["port"] or DEFAULT_PORTS[scheme])
    if port > _MOST_PORT:
        raise _refusal("its host or port is not valid")
    target = quote((shape["path"] or "/") + (shape["query"] or ""), safe=_KEPT)
    return RemoteURL(scheme, host, port, target)


def _refusal(reason: str) -> InvalidImage:
    return InvalidImage(reason, code="unsupported_image_url")
