"""Asks a child whether it is well: one GET over its unix socket, of which the status is read."""

import asyncio
from collections.abc import Callable
from pathlib import Path

_REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_WELL = b"200"
_SEEN_SECONDS = 1.0
"""How much later than the connection it broke a death may be seen."""
_LOOK_SECONDS = 0.02
_PROBE_SECONDS = 0.25


async def is_well(socket: Path, seconds: float) -> bool:
    """Whether `/health` answers 200 within `seconds`; no answer, or another one (503 while it loads), is False."""
    try:
        async with asyncio.timeout(seconds):
            return await _status(socket) == _WELL
    except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
        return False


async def is_gone(socket: Path, is_over: Callable[[], bool]) -> bool:
    """Whether a child over which an answer broke off is gone, by `is_over`, which may say so a little later: one that is well lives."""
    clock = asyncio.get_running_loop().time
    until = clock() + _SEEN_SECONDS
    while not is_over():
        if clock() > until or await is_well(socket, _PROBE_SECONDS):
            return is_over()
        await asyncio.sleep(_LOOK_SECONDS)
    return True


async def _status(socket: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(_REQUEST)
        line = await reader.readuntil(b"\r\n")
    finally:
        writer.close()
    return line.split(maxsplit=2)[1] if line.startswith(b"HTTP/1.") else b""
