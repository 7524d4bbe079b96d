"""One request and its answer while they last: who asks, what is sent, and the log line they end in."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
from starlette.types import Message, Receive, Scope, Send

from readstone.api.allowances import header_pairs
from readstone.api.ids import new_id
from readstone.core.errors import AuthenticationFailed, RateLimited, RequestError
from readstone.core.key import Principal, without_secrets
from readstone.serving.account import NO_ACCOUNT, Account, NoAccount
from readstone.serving.gateway import Served
from readstone.serving.limits.limiter import Limiter
from readstone.telemetry import LogValue, log_bug, log_request
from readstone.telemetry.trace import Headers, Trace

_LINGER_SECONDS = 5.0
_ANNOUNCES_BODY = frozenset({b"content-length", b"transfer-encoding"})
_NOTE = re.compile(rb"[\x21-\x7e]{1,128}")


class Exchange:
    """One request and its answer, while they last; routes find it at `scope["exchange"]`.

    Its `notes` end up in the request's log line: ids, names and counts only; `served` is the last event of its answer.
    """

    __slots__ = (
        "_body_ended",
        "_headers",
        "_limiter",
        "_receive",
        "_scope",
        "_send",
        "account",
        "arrived",
        "id",
        "notes",
        "principal",
        "served",
        "status",
        "trace",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        limiter: Limiter | None = None,
        request_id: str | None = None,
    ) -> None:
        self.id = request_id or new_id()
        self.arrived = time.monotonic()
        self.principal: Principal | None = None
        self.status: int | None = None
        self.account: Account | NoAccount = NO_ACCOUNT
        self.notes: dict[str, LogValue] = {}
        self.served: Served | None = None
        self.trace: Trace | None = None
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limiter = limiter
        # Of a name that comes twice the first counts.
        self._headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self._body_ended = not self._headers.keys() & _ANNOUNCES_BODY

    @property
    def caller(self) -> Principal:
        """Who asks, on a route that is not public; AuthenticationFailed elsewhere."""
        if self.principal is None:
            raise AuthenticationFailed
        return self.principal

    @property
    def passed_on(self) -> Headers:
        """Headers for servers that are asked for this request: its place in a trace, where it has one."""
        return () if self.trace is None else self.trace.headers

    def header(self, name: bytes) -> bytes | None:
        """The value of a request header, by its lower-case name."""
        return self._headers.get(name)

    @property
    def peer(self) -> str:
        """The address of the connection's other end; '' where it has none."""
        client = self._scope.get("client")
        return client[0] if client else ""

    @property
    def forwarded(self) -> str:
        """Every `X-Forwarded-For`, in their order and with commas between: who adds one adds it behind the others."""
        found = [value for name, value in self._scope["headers"] if name == b"x-forwarded-for"]
        return b",".join(found).decode("latin-1")

    async def receive(self) -> Message:
        """ASGI receive that knows when the body has ended."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_ended = True
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """ASGI send that adds the headers every answer carries."""
        if message["type"] == "http.response.start":
            return self._begin(message)
        return self._send(message)

    async def _begin(self, message: Message) -> None:
        self.status = message["status"]
        elapsed = int((time.monotonic() - self.arrived) * 1000)
        message["headers"] = [
            *message.get("headers", ()),
            (b"x-request-id", self.id.encode()),
            (b"openai-processing-ms", b"%d" % elapsed),
            *await self._allowances(),
        ]
        await self._send(message)

    async def _allowances(self) -> list[tuple[bytes, bytes]]:
        """The headers that tell what the key has left."""
        if self._limiter is None or self.principal is None:
            return []
        model = self.notes.get("model")
        standing = await self._limiter.standing(
            self.principal.key_id, model if isinstance(model, str) else ""
        )
        return header_pairs(standing)

    async def answer(self, status: int, content: object, headers: dict[str, str]) -> None:
        """Send a whole JSON answer; the rest of a body that was not read is thrown away, for a while.

        A client that is still sending would otherwise meet a closed connection before it reads why.
        """
        payload = msgspec.json.encode(content)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        pairs.append((b"content-type", b"application/json"))
        pairs.append((b"content-length", b"%d" % len(payload)))
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})
        if self._body_ended:
            await self.send({"type": "http.response.body", "body": payload})
            return
        await self.send({"type": "http.response.body", "body": payload, "more_body": True})
        # A client that waits for "100 Continue" sends nothing unless it is asked to.
        if self.header(b"expect") is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_SECONDS):
                    while not self._body_ended:
                        await self.receive()
        await self.send({"type": "http.response.body", "body": b""})

    def divert(self, through: Callable[[Send], Send]) -> None:
        """Have what is sent from now on pass through something."""
        self._send = through(self._send)

    def note_error(self, error: Exception) -> None:
        """Note an error's code for the log line; one that is not of the tree is logged whole."""
        if isinstance(error, RequestError):
            self.notes["error"] = error.code
            if isinstance(error, RateLimited) and error.limit:
                self.notes["limit"] = error.limit
        else:
            self.notes["error"] = "internal_error"
            log_bug(error, id=self.id)

    def log(self) -> None:
        """Write the request's line."""
        client = self.header(b"x-client-request-id")
        known = client.decode() if client and _NOTE.fullmatch(client) else None
        fields: dict[str, LogValue] = {
            "id": self.id,
            # Where an id belongs, people paste the whole key.
            "client_id": known and without_secrets(known),
            "method": self._scope["method"],
            "path": without_secrets(self._scope["path"]),
            "status": self.status,
            "seconds": int((time.monotonic() - self.arrived) * 10_000 + 0.5) / 10_000,
            "key": self.principal.key_id if self.principal else None,
        }
        if self.served is not None:
            fields |= _told(self.served)
        fields |= self.notes
        log_request(fields)


def _told(served: Served) -> dict[str, LogValue]:
    """What a request's line says of its answer."""
    finish, metrics = served.finish, served.metrics
    usage = finish.usage
    return {
        "engine": metrics.engine,
        "finish": finish.reason,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "image_tokens": usage.image_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "pages": usage.pages,
        "ttft": metrics.ttft_seconds,
        "images": metrics.image_seconds,
        "queue": metrics.queue_seconds,
    }
