"""Asks a child whether it is well: one GET over its unix socket, of which the status is read."""

import asyncio
from pathlib import Path

_REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_WELL = b"200"


async def is_well(socket: Path, seconds: float) -> bool:
    """Whether `/health` answers 200 within `seconds`; no answer, or another one (503 while it loads), is False."""
    try:
        async with asyncio.timeout(seconds):
            return await _status(socket) == _WELL
    except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
        return False


async def _status(socket: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(_REQUEST)
        line = await reader.readuntil(b"\r\n")
    finally:
        writer.close()
    return line.split(maxsplit=2)[1] if line.startswith(b"HTTP/1.") else b""
