"""Routes whose requests may be sent again with the same Idempotency-Key: the answer is the first one's, and charged once.

As draft-ietf-httpapi-idempotency-key-header-07 has it, but for a body that differs: 409, not 422, as clients expect.
"""

import asyncio
import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from readstone.api.exchange import Exchange
from readstone.core.errors import (
    ClientClosed,
    InvalidRequest,
    RepeatRefused,
    RequestTimeout,
    TooLarge,
)
from readstone.core.repeat import KeptAnswer, Right
from readstone.serving.account import Account, Stage
from readstone.serving.repeats import Fingerprint, Repeats

HEADER: Final = b"idempotency-key"
REPLAYED: Final = b"idempotent-replayed"
"""The header that says of an answer that it is one that was given before."""

_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_BOUNDARY = re.compile(rb'boundary="?([^";,\s]{1,200})"?', re.IGNORECASE)
_KEPT_HEADERS: Final = frozenset({b"content-type", b"cache-control", b"x-accel-buffering"})
_OK: Final = 200


class Idempotent:
    """Runs a route that answers by its exchange and settles its account."""

    def __init__(self, route: ASGIApp, repeats: Repeats) -> None:
        self._route = route
        self._repeats = repeats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; RepeatRefused where its key cannot be used."""
        exchange: Exchange = scope["exchange"]
        if exchange.header(HEADER) is None or scope["method"] != "POST":
            await self._route(scope, receive, send)
            return
        key = _key(scope)
        try:
            outcome = await self._serve(key, scope, receive)
        except RepeatRefused as error:
            self._repeats.counted(error.code or "")
            raise
        self._repeats.counted(outcome)

    async def _serve(self, key: str, scope: Scope, receive: Receive) -> str:
        repeats = self._repeats
        exchange: Exchange = scope["exchange"]
        key_id = exchange.caller.key_id
        fingerprint = Fingerprint(key_id, key, scope["path"], _boundary(exchange))
        found = await repeats.take(key_id, key, exchange.id)
        if isinstance(found, KeptAnswer):
            await self._replay(exchange, found, fingerprint, receive)
            return "replayed"
        first = _First(repeats, found, fingerprint, exchange)
        try:
            await self._route(scope, first.listen(receive), exchange.send)
        finally:
            await asyncio.shield(first.end())
        return "first"

    async def _replay(
        self, exchange: Exchange, answer: KeptAnswer, fingerprint: Fingerprint, receive: Receive
    ) -> None:
        """Send what was sent before, once it is known to be asked for the same."""
        try:
            async with asyncio.timeout(self._repeats.terms.body_seconds):
                await self._read(receive, fingerprint)
        except TimeoutError as error:
            raise RequestTimeout from error
        if fingerprint.finish() != answer.fingerprint:
            raise RepeatRefused(
                "This Idempotency-Key was used for another request: send a new one with each new request.",
                code="idempotency_key_reused",
            )
        exchange.notes["replayed"] = True
        headers = [
            *((name.encode(), value.encode()) for name, value in answer.headers),
            (REPLAYED, b"true"),
            (b"content-length", b"%d" % len(answer.body)),
        ]
        await exchange.send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        await exchange.send({"type": "http.response.body", "body": answer.body})

    async def _read(self, receive: Receive, fingerprint: Fingerprint) -> None:
        """Take the body in without keeping it."""
        size, more, limit = 0, True, self._repeats.terms.body_bytes
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientClosed
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise TooLarge(f"The body is larger than {limit} bytes.")
            fingerprint.add(piece)
            more = message.get("more_body", False)


class _First:
    """The first request with its key while it is answered: what it sends is kept before its client has it whole."""

    def __init__(
        self, repeats: Repeats, right: Right, fingerprint: Fingerprint, exchange: Exchange
    ) -> None:
        self._repeats = repeats
        self._right = right
        self._fingerprint = fingerprint
        self._exchange = exchange
        self._headers: tuple[tuple[str, str], ...] = ()
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_over = False
        if isinstance(exchange.account, Account):
            exchange.account.gate = self._pass
        exchange.divert(self._record)

    def listen(self, receive: Receive) -> Receive:
        """Receive that takes the fingerprint of what comes."""

        async def listening() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._fingerprint.add(message.get("body", b""))
            return message

        return listening

    async def end(self) -> None:
        """The route is done: what is not kept by now was not charged, or is lost."""
        if self._is_over:
            return
        self._is_over = True
        match self._stage:
            case "open":
                await self._repeats.release(self._right)
            case "committing":  # whether it was charged the ledger knows when the right has lapsed
                self._repeats.leave(self._right)
            case "answered":
                await self._repeats.keep(self._right, None)

    @property
    def _stage(self) -> Stage:
        account = self._exchange.account
        return account.stage if isinstance(account, Account) else "open"

    async def _pass(self) -> None:
        await self._repeats.hold(self._right)

    def _record(self, send: Send) -> Send:
        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._headers = tuple(
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in message.get("headers", ())
                    if name in _KEPT_HEADERS
                )
            else:
                self._add(message.get("body", b""))
                if not message.get("more_body", False) and self._stage == "answered":
                    await self._keep()
            await send(message)

        return recording

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._repeats.terms.answer_bytes:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    async def _keep(self) -> None:
        self._is_over = True
        answer = None
        if self._size <= self._repeats.terms.answer_bytes:
            body = b"".join(self._pieces)
            answer = KeptAnswer(self._fingerprint.finish(), _OK, self._headers, body)
        await self._repeats.keep(self._right, answer)


def _key(scope: Scope) -> str:
    """The key, as it is written; InvalidRequest where there is more than one, or it is none."""
    written = [value for name, value in scope["headers"] if name == HEADER]
    if len(written) > 1 or not _KEY.fullmatch(written[0]):
        raise InvalidRequest(
            "Idempotency-Key is one header of 1 to 255 visible ASCII characters, such as a UUID.",
            param="Idempotency-Key",
            code="invalid_idempotency_key",
        )
    return written[0].decode("ascii")


def _boundary(exchange: Exchange) -> bytes:
    """What parts the parts of a form, whose clients make a new one for each request."""
    found = _BOUNDARY.search(exchange.header(b"content-type") or b"")
    return found[1] if found else b""
