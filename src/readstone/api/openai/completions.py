"""`POST /v1/chat/completions`: the hot path, a plain ASGI application."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from starlette.types import Receive, Scope, Send

from readstone.api.body import read_body
from readstone.api.errors import body
from readstone.api.http import Exchange
from readstone.api.openai.codec import ChatCodec, Envelope, Origin
from readstone.api.openai.encoding import DONE, PING, Chunks, Label, Whole
from readstone.api.pulse import pulse
from readstone.core.errors import (
    ClientClosed,
    MethodNotAllowed,
    RequestTimeout,
)
from readstone.serving.gateway import Gateway, GatewayEvent, Served
from readstone.serving.intake import Intake, Reservation

_SMALL_BODY = 64 * 1024
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
    """Decodes, asks the gateway, and sends what it answers: whole, or as it comes."""

    def __init__(
        self, codec: ChatCodec, gateway: Gateway, intake: Intake, limits: ChatLimits
    ) -> None:
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
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                async with self._intake.reservation() as reservation:
                    await self._serve(exchange, receive, reservation)
        except ClientClosed:
            raise
        except Exception as error:
            told = self._told(error)
            if exchange.status is None:
                raise told from error
            exchange.note_error(told)
            if exchange.complete:
                return  # the engine failed while it was closed, after its last word
            event = b"data: " + msgspec.json.encode(body(told)) + b"\n\n" + DONE
            await exchange.send({"type": "http.response.body", "body": event})

    def _told(self, error: Exception) -> Exception:
        if not isinstance(error, TimeoutError):
            return error
        return RequestTimeout(
            f"The request took longer than {self._limits.request_seconds:g} seconds "
            "(limits.request_seconds)."
        )

    async def _serve(self, exchange: Exchange, receive: Receive, reservation: Reservation) -> None:
        envelope = await self._open(exchange, receive, reservation)
        model, stream = envelope.model, envelope.stream
        exchange.caller.require(model)
        exchange.notes.update(model=model.id, stream=stream)
        label = Label(
            exchange.id, envelope.wire.model, self._gateway.engine(model.engine).fingerprint
        )
        chunks = Chunks(label, include_usage=envelope.include_usage)
        source = self._events(envelope, exchange, reservation)
        del envelope  # the body goes as soon as its images are taken out of it
        events = pulse(source, receive, self._limits.keep_alive_seconds)
        async with aclosing(events):
            if stream:
                await _send_stream(exchange, chunks, events)
            else:
                await _send_whole(exchange, Whole(label), events)

    async def _open(
        self, exchange: Exchange, receive: Receive, reservation: Reservation
    ) -> Envelope:
        declared = exchange.header(b"content-length")
        content = await read_body(receive, declared, self._limits.body_bytes, reservation)
        header = exchange.header(b"accept")
        accept = header.decode("latin-1") if header is not None else None
        if len(content) <= _SMALL_BODY:
            return self._codec.open(content, accept)
        return await asyncio.to_thread(self._codec.open, content, accept)

    async def _events(
        self, envelope: Envelope, exchange: Exchange, reservation: Reservation
    ) -> AsyncGenerator[GatewayEvent]:
        """Everything that may take long, so that silence and the client's leaving are seen throughout."""
        origin = Origin(exchange.id, exchange.caller.key_id, exchange.arrived)
        chat = await self._codec.decode(envelope, origin)
        del envelope
        await reservation.resize(chat.weight)
        async with aclosing(self._gateway.chat(chat)) as events:
            async for event in events:
                yield event


async def _send_whole(
    exchange: Exchange, whole: Whole, events: AsyncGenerator[GatewayEvent | None]
) -> None:
    async for event in events:
        if event is None:
            continue
        _note(exchange, event)
        answer = whole.add(event)
        if answer is not None:
            await exchange.answer(200, msgspec.Raw(answer), {})
            return


async def _send_stream(
    exchange: Exchange, chunks: Chunks, events: AsyncGenerator[GatewayEvent | None]
) -> None:
    async for event in events:
        if exchange.status is None:
            await exchange.send(
                {"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS}
            )
        if event is not None:
            _note(exchange, event)
        piece = PING if event is None else chunks.encode(event)
        more = not isinstance(event, Served)
        await exchange.send({"type": "http.response.body", "body": piece, "more_body": more})
        if not more:
            return


def _note(exchange: Exchange, event: GatewayEvent) -> None:
    if isinstance(event, Served):
        usage, metrics = event.finish.usage, event.metrics
        exchange.notes.update(
            finish=event.finish.reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            ttft=metrics.ttft_seconds,
            images=metrics.image_seconds,
            queue=metrics.queue_seconds,
        )
