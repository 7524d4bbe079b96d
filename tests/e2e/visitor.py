"""Clients that may leave at any moment, and what the worker does meanwhile."""

import json
import os
import select
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Self

from e2e.server import PATIENCE, Server

CHAT = "/v1/chat/completions"


class Visitor:
    """A connection of its own; leaving its block closes it, whatever it waits for."""

    def __init__(self, server: Server, note: str, key: str | None = None) -> None:
        self.note = note
        self.connection: HTTPConnection = server.connect()
        self._key = key or server.key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.leave()

    def leave(self) -> None:
        self.connection.close()

    def ask(self, content: bytes) -> Self:
        """Send a request and wait for nothing."""
        self.begin_upload(len(content))
        self.connection.send(content)
        return self

    def begin_upload(self, length: int) -> None:
        """Send the head of a request whose body follows."""
        self.connection.putrequest("POST", CHAT)
        self.connection.putheader("Authorization", f"Bearer {self._key}")
        self.connection.putheader("X-Client-Request-Id", self.note)
        self.connection.putheader("Content-Length", str(length))
        self.connection.endheaders()

    def answer(self) -> HTTPResponse:
        return self.connection.getresponse()

    def first_text(self) -> HTTPResponse:
        """Wait for the first text of a stream: from then on it is in mid-page and holds its permit."""
        answer = self.answer()
        assert answer.status == 200
        for line in iter(answer.readline, b""):
            if b'"content":"' in line and b'"content":""' not in line:
                return answer
        raise AssertionError("the stream ended before its first text")


def in_band(answer: HTTPResponse) -> dict[str, str]:
    """The error with which a stream ends."""
    *_, error, done, nothing = answer.read().split(b"\n\n")
    assert (done, nothing) == (b"data: [DONE]", b"")
    return json.loads(error.strip().removeprefix(b"data: "))["error"]


def first_answered(visitors: Sequence[Visitor]) -> Visitor:
    """The visitor who is answered first."""
    sockets = {visitor.connection.sock: visitor for visitor in visitors}
    ready, _, _ = select.select(list(sockets), [], [], PATIENCE)
    assert ready, "nobody was answered"
    return sockets[ready[0]]


@contextmanager
def frozen(worker: int) -> Generator[None]:
    """Stop the worker where it stands: whoever has a permit keeps it until the block is left."""
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def cpu_ticks(pid: int) -> int:
    """What a process has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
