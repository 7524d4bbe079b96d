"""The answer to a fetch: where it leads on, or the image in it, read no further than its limit."""

from contextlib import aclosing
from dataclasses import dataclass

import httpcore2

from readstone.core.errors import InvalidImage, TooLarge
from readstone.media.signature import describe, is_pdf, sniff

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = 200
_HEAD = 1024  # bytes that settle what a body is: PDF readers look for their mark within as many
# A body may come in this many pieces, and one more for each so many bytes: parsing chunks of one byte
# would keep the event loop busy for minutes before the limit of bytes is reached.
_FREE_PIECES = 512
_BYTES_OF_PIECE = 256


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """Most bytes of an image and of a PDF, inclusive."""

    image: int
    document: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of an image or PDF, and whether the server lets them be kept."""

    data: bytes
    may_keep: bool


def location(response: httpcore2.Response) -> str | None:
    """Where a redirect leads, None for any other answer.

    Raises InvalidImage with code 'image_fetch_failed' where that is not one text; its message completes a sentence.
    """
    if response.status not in _REDIRECTS:
        return None
    values = _values(response, b"location")
    try:
        (value,) = values
        return value.decode("utf-8")
    except ValueError:
        raise _failure("it redirects to nowhere") from None


async def read_image(response: httpcore2.Response, limits: SizeLimits) -> Fetched:
    """Read the body of an answer: an image in a known format or a PDF, within the limit of what it is.

    What it is is told from its first bytes, as soon as they are there. Raises InvalidImage with code
    'image_fetch_failed' for another status, a coded body, and what is neither; TooLarge for more bytes
    than its limit, at once where the server says so before. Messages complete a sentence.
    """
    if response.status != _OK:
        raise _failure(f"the server answered with status {response.status}")
    if any(
        value.lower() not in (b"", b"identity") for value in _values(response, b"content-encoding")
    ):
        raise _failure("the server sent it compressed, though it was asked not to")
    directives = b",".join(_values(response, b"cache-control")).lower()
    may_keep = not any(word in directives for word in (b"no-store", b"no-cache", b"private"))
    return Fetched(await _body(response, limits), may_keep)


async def _body(response: httpcore2.Response, limits: SizeLimits) -> bytes:
    # The parser has refused lengths that are not numbers, or not one.
    announced = max((int(value) for value in _values(response, b"content-length")), default=0)
    limit = max(limits.image, limits.document)
    _check_size(announced, limit)
    body = bytearray()
    pieces = 0
    is_known = False
    async with aclosing(response.aiter_stream()) as stream:
        async for piece in stream:
            body += piece
            pieces += 1
            if pieces > _FREE_PIECES + len(body) // _BYTES_OF_PIECE:
                raise _failure("the server sent it in too many small pieces")
            if not is_known and len(body) >= _HEAD:
                limit = _limit_of(bytes(body[:_HEAD]), limits)
                is_known = True
            _check_size(max(announced, len(body)), limit)
    if not is_known:
        _check_size(len(body), _limit_of(bytes(body), limits))
    return bytes(body)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(f"it has more than {limit} bytes")


def _limit_of(head: bytes, limits: SizeLimits) -> int:
    """The limit of what a body is by its first bytes; InvalidImage where it is nothing that is read."""
    if not head:
        raise _failure("the server sent nothing")
    if sniff(head) is not None:
        return limits.image
    if is_pdf(head):
        return limits.document
    raise _failure(f"what it leads to is {describe(head)}")


def _values(response: httpcore2.Response, name: bytes) -> list[bytes]:
    return [value.strip() for key, value in response.headers if key.lower() == name]


def _failure(reason: str) -> InvalidImage:
    return InvalidImage(reason, code="image_fetch_failed")
