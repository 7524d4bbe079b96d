"""The port: bound before anything else is begun."""

import socket
from contextlib import suppress
from typing import Final

from readstone.core.errors import ConfigurationError

_BACKLOG: Final = 512


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
    listener.setblocking(False)  # noqa: FBT003  (the standard library's own)
    return listener


def accept(listener: socket.socket) -> socket.socket | None:
    """The next connection that waits; None where there is none. OSError where this process has too many files open."""
    with suppress(BlockingIOError, ConnectionAbortedError, InterruptedError):
        connection, _ = listener.accept()
        connection.setblocking(False)  # noqa: FBT003  (the standard library's own)
        return connection
    return None


def address_of(host: str, listener: socket.socket) -> str:
    """Where clients on this machine reach it, such as `http://127.0.0.1:8000`."""
    shown = "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104  (shown, not bound)
    port = listener.getsockname()[1]
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
