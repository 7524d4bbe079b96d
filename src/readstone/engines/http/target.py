"""Where an engine listens: its base URL, read once and checked before anything is sent there."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from readstone.core.errors import ConfigurationError, InvalidImage
from readstone.media.url import DEFAULT_PORTS, parse_url

Scheme: TypeAlias = Literal["http", "https", "unix"]

_UNIX = re.compile(r"unix:(?P<socket>/[^:]*)(?::(?P<base>/.*))?", re.DOTALL)
_NO_SCHEME = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}(?:/[!-~]*)?")
_PATH = re.compile(r"[\x21\x24-\x3e\x40-\x7e]*")  # visible ASCII without '"', '#' and '?'
_MOST_SOCKET_BYTES = 107  # of sun_path in Linux, without the NUL at its end
_EXAMPLES = "http://127.0.0.1:8000/v1, https://llm.example/v1 or unix:/run/vllm.sock:/v1"


@dataclass(frozen=True, slots=True)
class Target:
    """The checked base URL of an engine.

    `host` (without brackets) and `port` are what is dialled, for `unix` it is `socket` and they are '' and 0. `base`
    is '' or the path everything of the API is under, without a slash at its end.
    """

    scheme: Scheme
    host: str
    port: int
    socket: str
    base: str

    @property
    def is_secure(self) -> bool:
        """Whether the connection is TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What the `Host` header says: brackets around IPv6, the port where it is not the scheme's own."""
        if self.scheme == "unix":
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def path(self, suffix: str) -> str:
        """The path of something under the base: `/v1` and `/models` are `/v1/models`."""
        return self.base + suffix

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.socket}" + (f":{self.base}" if self.base else "")
        return f"{self.scheme}://{self.authority}{self.base}"


def parse_target(text: str) -> Target:
    """Read `http://host[:port][/base]`, `https://…` or `unix:/path/to.sock[:/base]`.

    Hosts of private networks are welcome, since whoever configures the server chose them. Raises ConfigurationError
    that says what is wrong and shows how it is written; it repeats the text only where that can hold no secret.
    """
    target = _unix(text) if text.startswith("unix:") else _network(text)
    if not _PATH.fullmatch(target.base):
        raise _refusal(text, "its path holds what no path may hold, a '?' or a '#'")
    return target


def _unix(text: str) -> Target:
    parts = _UNIX.fullmatch(text)
    if parts is None or parts["socket"].startswith("//"):
        raise _refusal(text, "after 'unix:' comes the absolute path of a socket, with one slash")
    path = parts["socket"]
    if not path.isprintable() or len(path.encode("utf-8", "surrogateescape")) > _MOST_SOCKET_BYTES:
        reason = f"the path of a socket has at most {_MOST_SOCKET_BYTES} bytes, all of them visible"
        raise _refusal(text, reason)
    return Target("unix", "", 0, path, (parts["base"] or "").rstrip("/"))


def _network(text: str) -> Target:
    if "@" in text:
        reason = "it holds a user name or password; an engine's key has a setting of its own"
        raise _refusal(text, reason)
    if "?" in text or "#" in text:
        raise _refusal(text, "it holds a '?' or a '#', and the base of an API has neither")
    if _NO_SCHEME.fullmatch(text):
        raise _refusal(text, f"it lacks its scheme: http://{text}")
    try:
        # One parser reads every URL of the house; its error is about images because most of them are.
        url = parse_url(text)
    except InvalidImage as refusal:
        raise _refusal(text, refusal.message) from None
    return Target(url.scheme, url.host.name, url.port, "", url.target.rstrip("/"))


def _refusal(text: str, reason: str) -> ConfigurationError:
    shown = "This" if "@" in text else f"{text!r}"
    return ConfigurationError(
        f"{shown} is not the address of an engine: {reason}. Write it like {_EXAMPLES}."
    )
