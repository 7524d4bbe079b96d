"""The headers of a request to an engine's server, as lines of its head."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

Headers: TypeAlias = Sequence[tuple[str, str]]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect"}
)


def checked_lines(headers: Headers) -> bytes:
    """Headers as they are sent; ValueError for one that none may have, or that is the client's own to set."""
    for name, value in headers:
        _check_name(name)
        if not _VALUE.fullmatch(value):
            raise ValueError("a header holds a character that none may hold")
    return lines(headers)


@lru_cache(maxsize=64)
def _check_name(name: str) -> None:
    """Raise ValueError for the name of a header that none may have, or that is ours."""
    if not _NAME.fullmatch(name):
        raise ValueError("a header holds a character that none may hold")
    if name.lower() in _OURS:
        raise ValueError(f"the header '{name}' is set by the client")


def lines(headers: Headers) -> bytes:
    """Headers as they are sent."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("latin-1")
