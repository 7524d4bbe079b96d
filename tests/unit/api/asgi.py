"""An ASGI client inside the test's own loop: one call at a time, piece by piece."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message

PATIENCE = 10.0
"""Seconds after which a call that hangs fails its test."""


class Call:
    """A request to an application, running as a task; what comes back is kept as it comes."""

    def __init__(
        self,
        application: ASGIApp,
        path: str = "/v1/chat/completions",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        pieces: tuple[bytes, ...] = (b"",),
        extra: Mapping[str, object] | None = None,
        stalls: bool = False,
    ) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.complete = False
        self._upload = list(pieces)
        self._stalls = stalls
        self._gone = asyncio.Event()
        self._news = asyncio.Condition()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(errors="replace"),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in (headers or {}).items()
            ],
            **(extra or {}),
        }
        self._task = asyncio.ensure_future(_run(application(scope, self._receive, self._send)))

    @property
    def unread(self) -> int:
        """Pieces of the upload that the application did not ask for."""
        return len(self._upload)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, str | None]:
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """The JSON of every server-sent event but [DONE]; comments are left out."""
        lines = [line for line in self.body.decode().split("\n\n") if line.startswith("data: ")]
        return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]

    def leave(self) -> None:
        """Close the connection, as a client that has seen enough."""
        self._gone.set()

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait until something is true, looked at whenever the application sends."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(seen)

    async def end(self) -> "Call":
        """Wait until the application returns; raises what it raised."""
        async with asyncio.timeout(PATIENCE):
            await self._task
        return self

    async def _receive(self) -> Message:
        if self._upload:
            piece = self._upload.pop(0)
            return {
                "type": "http.request",
                "body": piece,
                "more_body": self._stalls or bool(self._upload),
            }
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        async with self._news:
            if message["type"] == "http.response.start":
                assert self.status is None, "a second answer began"
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                assert len(self.headers) == len(message["headers"]), "a header was sent twice"
            else:
                assert not self.complete, "more was sent after the end"
                self.pieces.append(message.get("body", b""))
                self.complete = not message.get("more_body", False)
            self._news.notify_all()


async def ask(application: ASGIApp, path: str, **options: Any) -> Call:
    """Make a call and wait for its end."""
    return await Call(application, path, **options).end()


async def _run(call: Any) -> None:
    await call
