"""`POST /v1/chat/completions`: the hot path, a plain ASGI application."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from starlette.types import Receive, Scope, Send

from readstone.api.body import read_body
from readstone.api.errors import body
from readstone.api.exchange import Exchange
from readstone.api.openai.codec import ChatCodec, Envelope, Origin
from readstone.api.openai.encoding import DONE, PING, Chunks, Label, Whole
from readstone.api.openai.lifting import lift
from readstone.api.pulse import Pulse, told
from readstone.core.chat import ChatRequest
from readstone.core.errors import ClientClosed, MethodNotAllowed
from readstone.serving.extraction import Extractor
from readstone.serving.gateway import Gateway, GatewayEvent, Served
from readstone.serving.intake import Intake, Reservation

PATH = "/v1/chat/completions"

_SMALL_BODY = 64 * 1024  # what is less is parsed in less time than a thread needs to begin
_SMALL_PAYLOADS = 4 * 1024 * 1024  # and as much is copied in that time
_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """Bytes of a body, seconds of a whole request, and seconds of silence before a keep-alive comment."""

    body_bytes: int
    request_seconds: float
    keep_alive_seconds: float = 15.0


class ChatCompletions:
    """Decodes, asks the gateway, and sends what it answers: whole, or as it comes.

    Where there is an `extractor`, it answers what asks for a schema to be filled.
    """

    def __init__(
        self,
        codec: ChatCodec,
        gateway: Gateway,
        intake: Intake,
        limits: ChatLimits,
        extractor: Extractor | None = None,
    ) -> None:
        self._extractor = extractor
        self._codec = codec
        self._gateway = gateway
        self._intake = intake
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; errors before the first byte of the answer are raised, later ones are sent in-band."""
        del send  # answers go out through the exchange, which adds its headers
        exchange: Exchange = scope["exchange"]
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['path']} takes POST only.", "POST")
        limits = self._limits
        pulse = Pulse(receive, limit=limits.request_seconds, silence=limits.keep_alive_seconds)
        try:
            async with pulse, self._intake.reservation() as reservation:
                await self._serve(exchange, receive, reservation, pulse)
        except ClientClosed:
            raise
        except Exception as error:  # whatever it is, a stream that has begun ends with it in-band
            said = told(error, limits.request_seconds)
            if exchange.status is None:
                raise said from error
            exchange.note_error(said)
            exchange.account.fail(error)
            event = b"data: " + msgspec.json.encode(body(said)) + b"\n\n" + DONE
            await exchange.send({"type": "http.response.body", "body": event})

    async def _serve(
        self, exchange: Exchange, receive: Receive, reservation: Reservation, pulse: Pulse
    ) -> None:
        envelope = await self._open(exchange, receive, reservation)
        model = envelope.model
        exchange.account.ask(model)
        exchange.caller.require(model)
        exchange.notes.update(model=model.id, stream=envelope.stream)
        label = Label(
            exchange.id, envelope.wire.model, self._gateway.engine(model.engine).fingerprint
        )
        if envelope.stream:
            answer = _Stream(exchange, label, pulse, include_usage=envelope.include_usage)
            pulse.listen(answer.ping)
        else:
            answer = _Whole(exchange, label)
            pulse.listen(None)
        asked = self._ask(envelope, exchange, reservation, answer)
        del envelope  # the body goes as soon as its images are taken out of it
        try:
            await asked
        except (
            Exception
        ) as error:  # whatever it is, it came too late to take back an answer that is there
            if answer.last is None:
                raise
            exchange.note_error(error)  # the engine failed while it was closed, after its last word
        pulse.forget_client()
        await exchange.account.settle()
        await answer.finish()

    async def _open(
        self, exchange: Exchange, receive: Receive, reservation: Reservation
    ) -> Envelope:
        declared = exchange.header(b"content-length")
        content = await read_body(receive, declared, self._limits.body_bytes, reservation)
        header = exchange.header(b"accept")
        accept = header.decode("latin-1") if header is not None else None
        if len(content) <= _SMALL_PAYLOADS:
            lifted = lift(content)
        else:
            lifted = await asyncio.to_thread(lift, content)
        del content
        if len(lifted.body) <= _SMALL_BODY:
            return self._codec.open(lifted, accept)
        return await asyncio.to_thread(self._codec.open, lifted, accept)

    async def _ask(
        self,
        envelope: Envelope,
        exchange: Exchange,
        reservation: Reservation,
        answer: "_Stream | _Whole",
    ) -> None:
        """Have the request answered; what it carries is let go as soon as it was handed on."""
        origin = Origin(exchange.id, exchange.caller.key_id, exchange.arrived, exchange.passed_on)
        chat = await self._codec.decode(envelope, origin)
        del envelope
        await reservation.resize(chat.weight)
        account = exchange.account
        account.send(chat)
        async with aclosing(await self._answers(chat)) as events:
            async for event in events:
                account.take(event)
                await answer.take(event)
                if isinstance(event, Served):
                    exchange.served = event

    async def _answers(self, chat: ChatRequest) -> AsyncGenerator[GatewayEvent]:
        """What answers: the model's engine, or the extractor where a schema is to be filled."""
        wanted = None if self._extractor is None else await self._extractor.wanted(chat)
        if self._extractor is None or wanted is None:
            return self._gateway.chat(chat)
        return self._extractor.chat(chat, wanted)


class _Whole:
    """A whole answer: nothing is sent before `finish`. `last` is there as soon as the answer is."""

    def __init__(self, exchange: Exchange, label: Label) -> None:
        self.last: bytes | None = None
        self._exchange = exchange
        self._whole = Whole(label)

    async def take(self, event: GatewayEvent) -> None:
        self.last = self._whole.add(event)

    async def finish(self) -> None:
        await self._exchange.answer(200, msgspec.Raw(self.last or b""), {})


class _Stream:
    """A stream: everything but its last piece is sent as it comes, and a ping in each silence."""

    def __init__(
        self, exchange: Exchange, label: Label, pulse: Pulse, *, include_usage: bool
    ) -> None:
        self.last: bytes | None = None
        self._exchange = exchange
        self._pulse = pulse
        self._chunks = Chunks(label, include_usage=include_usage)

    async def take(self, event: GatewayEvent) -> None:
        piece = self._chunks.encode(event)
        if isinstance(event, Served):
            self.last = piece
        else:
            if (filling := self._pulse.beat()) is not None:
                await filling
            await self._send(piece, more=True)

    async def ping(self) -> None:
        await self._send(PING, more=True)

    async def finish(self) -> None:
        if (filling := self._pulse.beat()) is not None:
            await filling
        await self._send(self.last or b"", more=False)

    async def _send(self, piece: bytes, *, more: bool) -> None:
        send = self._exchange.send
        if self._exchange.status is None:
            await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
        await send({"type": "http.response.body", "body": piece, "more_body": more})
