"""Runs the application on a port until it is told to stop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import TypeAlias

import uvicorn

from readstone.api.protocol import Protocol
from readstone.app import Running, running
from readstone.config import Config
from readstone.core.errors import ConfigurationError
from readstone.serving.allocator import collect_seldom, return_large_buffers
from readstone.store.opening import open_store

_BACKLOG = 512
_IDLE_SECONDS = 75

Visit: TypeAlias = Callable[[str, Running], Coroutine[None, None, None]]
"""Called once with the server's address, such as `http://127.0.0.1:8000`, and what runs there, as soon as it answers."""


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address; ConfigurationError says what to change where that is not possible."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {host}:{port} ({error.strerror}): stop what listens there, or choose "
            "another with --port (0 takes a free one) or --host."
        ) from error
    listener.listen(_BACKLOG)
    return listener


async def serve(config: Config, visit: Visit) -> None:
    """Serve until SIGTERM or Ctrl-C, then let running requests finish within `drain_seconds`."""
    listener = bind(config.host, config.port)
    return_large_buffers()
    collect_seldom()
    store = await open_store(config)
    try:
        async with running(config, store) as run:
            server = uvicorn.Server(
                uvicorn.Config(
                    run.application,
                    loop="uvloop",
                    http=Protocol,
                    ws="none",
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    proxy_headers=False,
                    timeout_keep_alive=_IDLE_SECONDS,
                    timeout_graceful_shutdown=int(config.drain_seconds),
                )
            )
            visitor = asyncio.create_task(visit(_address(config.host, listener), run))
            # uvicorn raises the signal again once it has drained; by then it has done its work, and
            # what is left to close here must still be closed.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, _let_pass)
            try:
                await server.serve(sockets=[listener])
            finally:
                visitor.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await visitor
    finally:
        await store.close()


def _let_pass(number: int, frame: FrameType | None) -> None:
    del number, frame


def _address(host: str, listener: socket.socket) -> str:
    shown = "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104  (shown, not bound)
    port = listener.getsockname()[1]
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
