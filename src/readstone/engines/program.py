"""An engine's server as something that can be run: what it needs, and its command line."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

_MOST_DIRECTORY_BYTES = 90
"""Of a directory that holds a unix socket; Linux takes paths of 107 bytes."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where one run of an engine listens, and the key it asks for: both new at each start.

    The socket is in a directory that only we can enter.
    """

    socket: Path
    api_key: str = field(repr=False)

    @property
    def url(self) -> str:
        """The base of its API."""
        return f"unix:{self.socket}:/v1"


def socket_of(url: str) -> Path:
    """The socket of a seat, by its `url`."""
    return Path(url.removeprefix("unix:").removesuffix(":/v1"))


def new_seat() -> Seat:
    """A seat with a key of its own, in a new directory; blocks for as long as a disk takes."""
    directory = Path(tempfile.mkdtemp(prefix="readstone-"))
    if len(os.fsencode(directory)) > _MOST_DIRECTORY_BYTES:
        directory.rmdir()
        directory = Path(tempfile.mkdtemp(prefix="readstone-", dir="/tmp"))
    return Seat(directory / "engine.sock", secrets.token_urlsafe(32))


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: a command line, and variables on top of the environment that every engine gets."""

    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(repr=False)


class Program(Protocol):
    """A server of the OpenAI wire that can be run on a unix socket."""

    @property
    def fingerprint(self) -> str:
        """Names the weights and code that answer."""
        ...

    async def prepare(self) -> None:
        """See that all it needs is there; EngineFailed, with a sentence for our log, where it cannot be had."""
        ...

    def command(self, seat: Seat) -> Command:
        """How to run it so that it serves `/health` and `/v1` on the seat's socket; after `prepare`."""
        ...
