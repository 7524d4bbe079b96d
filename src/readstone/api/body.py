"""Request bodies: read whole, but never past their limit."""

from starlette.types import Receive

from readstone.core.errors import ClientClosed, InvalidRequest, TooLarge


async def read_body(receive: Receive, declared: bytes | None, limit: int) -> bytes:
    """The body, at most `limit` bytes of it.

    `declared` is the Content-Length header: a larger one is refused before anything is read. TooLarge
    past the limit, ClientClosed where the client leaves in the middle.
    """
    if declared is not None:
        if not declared.isdigit():
            raise InvalidRequest("The Content-Length header is not a number.")
        if int(declared[:20]) > limit:
            raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientClosed
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request body is over the limit of {limit} bytes (limits.body_bytes).")
