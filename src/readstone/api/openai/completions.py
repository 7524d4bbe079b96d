"""`POST /v1/chat/completions`: the hot path, a plain ASGI application."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.types import Receive, Scope, Send

from readstone.api.body import read_body
from readstone.api.errors import body
from readstone.api.http import Exchange
from readstone.api.openai.codec import ChatCodec, Decoded
from readstone.api.openai.encoding import DONE, PING, Chunks, Whole
from readstone.api.pulse import pulse
from readstone.core.errors import ClientClosed, EngineFailed, MethodNotAllowed
from readstone.serving.gateway import Gateway, GatewayEvent, Served

KEEP_ALIVE_SECONDS = 15.0

_SMALL_BODY = 64 * 1024
_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class ChatCompletions:
    """Decodes, asks the gateway, and sends what it answers: whole, or as it comes."""

    def __init__(
        self,
        codec: ChatCodec,
        gateway: Gateway,
        body_limit: int,
        keep_alive: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        self._codec = codec
        self._gateway = gateway
        self._body_limit = body_limit
        self._keep_alive = keep_alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; errors before the first byte of the answer are raised."""
        del send  # answers go out through the exchange, which adds its headers
        exchange: Exchange = scope["exchange"]
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['path']} takes POST only.", "POST")
        decoded = await self._decode(exchange, receive)
        chat = decoded.chat
        exchange.notes.update(model=chat.model.id, stream=decoded.stream)
        events = pulse(self._gateway.chat(chat), receive, self._keep_alive)
        async with aclosing(events):
            if decoded.stream:
                await self._send_stream(exchange, decoded, events)
            else:
                await self._send_whole(exchange, decoded, events)

    async def _decode(self, exchange: Exchange, receive: Receive) -> Decoded:
        content = await read_body(receive, exchange.header(b"content-length"), self._body_limit)
        accept = exchange.header(b"accept")
        arguments = (
            content,
            accept.decode("latin-1") if accept is not None else None,
            exchange.id,
            exchange.arrived,
        )
        if len(content) <= _SMALL_BODY:
            return self._codec.decode(*arguments)
        return await asyncio.to_thread(self._codec.decode, *arguments)

    async def _send_whole(
        self,
        exchange: Exchange,
        decoded: Decoded,
        events: AsyncGenerator[GatewayEvent | None],
    ) -> None:
        whole = Whole(decoded.chat, self._fingerprint(decoded))
        async for event in events:
            if event is None:
                continue
            _note(exchange, event)
            answer = whole.add(event)
            if answer is not None:
                await exchange.answer(200, answer, {})
                return
        raise EngineFailed("The engine ended its answer without saying why.")

    async def _send_stream(
        self,
        exchange: Exchange,
        decoded: Decoded,
        events: AsyncGenerator[GatewayEvent | None],
    ) -> None:
        chunks = Chunks(
            decoded.chat, self._fingerprint(decoded), include_usage=decoded.include_usage
        )
        try:
            async for event in events:
                if exchange.status is None:
                    await exchange.send(
                        {"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS}
                    )
                if event is None:
                    await _send_piece(exchange, PING)
                    continue
                _note(exchange, event)
                await _send_piece(exchange, chunks.encode(event))
                if isinstance(event, Served):
                    break  # nothing follows [DONE], whatever happens while the engine is closed
        except ClientClosed:
            raise
        except Exception as error:  # a begun stream can tell of any error in-band only
            if exchange.status is None:
                raise
            exchange.note_error(error)
            await _send_piece(
                exchange, b"data: " + msgspec.json.encode(body(error)) + b"\n\n" + DONE
            )
        await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})

    def _fingerprint(self, decoded: Decoded) -> str:
        return self._gateway.engine(decoded.chat.model.engine).fingerprint


async def _send_piece(exchange: Exchange, piece: bytes) -> None:
    await exchange.send({"type": "http.response.body", "body": piece, "more_body": True})


def _note(exchange: Exchange, event: GatewayEvent) -> None:
    if isinstance(event, Served):
        usage = event.finish.usage
        exchange.notes.update(
            finish=event.finish.reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            ttft=event.metrics.ttft_seconds,
            queue=event.metrics.queue_seconds,
        )
