"""Large base64 payloads are lifted out of a body before it is parsed: JSON parsers would go through them several times."""

import re
from typing import Final

from readstone.core.record import record

_MARK: Final = b";base64,"
_REFERS: Final = b"@"
_HEAD: Final = re.compile(rb'"(?:url|file_data)"\s*:\s*"data:[^",\\]{0,128}$')
_BEFORE: Final = 192  # bytes before the mark in which the head must stand
_LEAST: Final = 16 * 1024
_REFERENCE: Final = re.compile(r";base64,@([0-9]{1,4})")


@record
class Lifted:
    """A body as it came, the same with a reference in place of each large payload, and the payloads."""

    content: bytes | bytearray
    body: bytes | bytearray
    payloads: tuple[bytes, ...]


def lift(content: bytes | bytearray) -> Lifted:
    """Take the large payloads out of a body.

    Only what is certainly the whole rest of a `url` or `file_data` that is a data URI is lifted: inside another JSON
    text its quotes would be escaped. A body that writes such a reference itself is left as it is.
    """
    if len(content) < _LEAST:
        return Lifted(content, content, ())
    pieces: list[bytes | bytearray] = []
    lifted: list[bytes] = []
    done = 0
    found = content.find(_MARK)
    while found >= 0:
        start = found + len(_MARK)
        end = content.find(b'"', start)
        if _is_payload(content, found, end):
            pieces += (content[done:start], b"%b%d" % (_REFERS, len(lifted)))
            lifted.append(bytes(memoryview(content)[start:end]))
            done = end
        # Looked for in what stays: a search of all of it would go through every payload.
        elif content.find(_MARK + _REFERS, found, end if end >= 0 else None) >= 0:
            return Lifted(content, content, ())
        found = content.find(_MARK, end) if end >= 0 else end
    pieces.append(content[done:])
    return Lifted(content, b"".join(pieces) if lifted else content, tuple(lifted))


def referred(url: str) -> int | None:
    """The position of the payload that a lifted data URI refers to, or seems to."""
    found = _REFERENCE.fullmatch(url, max(url.rfind(";"), 0))
    return int(found[1]) if found else None


def _is_payload(content: bytes | bytearray, found: int, end: int) -> bool:
    """Whether a payload stands between a mark and the quote at `end` (-1: none), large and without an escape."""
    if end - found < _LEAST or content.find(b"\\", found, end) >= 0:
        return False
    return _HEAD.search(content[max(found - _BEFORE, 0) : found]) is not None
