"""Request bodies: read whole, but never past their limit or the server's room."""

from starlette.types import Receive

from readstone.core.errors import ClientClosed, InvalidRequest, TooLarge
from readstone.serving.intake import Reservation

_STEP = 1024 * 1024
"""Room is taken in steps of this many bytes for a body that does not declare its length."""


async def read_body(
    receive: Receive, declared: bytes | None, limit: int, reservation: Reservation
) -> bytearray:
    """The body, at most `limit` bytes of it, held by `reservation`.

    `declared` is the Content-Length header: a larger one is refused before anything is read. TooLarge
    past the limit, Overloaded where the server has no room, ClientClosed where the client leaves in the middle.
    """
    length = 0 if declared is None else _length(declared, limit)
    if length:
        await reservation.resize(length)
    # One buffer, not a list of pieces to be joined, which would hold the body twice; whole from the begin where its size is
    # told, for one that grows is copied each time that there is no room behind it.
    body = bytearray(length)
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientClosed
        piece = message.get("body", b"")
        begin, size = size, size + len(piece)
        if size > limit:
            raise _too_large(limit)
        if size > reservation.size:
            await reservation.resize(min(size + _STEP, limit))
        body[begin:size] = piece
        more = message.get("more_body", False)
    del body[size:]
    return body


def _length(declared: bytes, limit: int) -> int:
    if not declared.isdigit():
        raise InvalidRequest("The Content-Length header is not a number.")
    length = int(declared[:20])
    if length > limit:
        raise _too_large(limit)
    return length


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request body is over the limit of {limit} bytes (limits.body_bytes).")
