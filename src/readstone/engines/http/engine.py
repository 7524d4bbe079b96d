"""An engine behind an OpenAI-compatible HTTP server: vLLM, SGLang, llama-server, Ollama, a hosted API."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from readstone.core.chat import ChatEvent, ChatRequest, Finish
from readstone.core.engine import EngineState
from readstone.core.errors import (
    ContextTooLong,
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    Overloaded,
    RequestError,
    UnsupportedParameter,
)
from readstone.engines.http.client import Client, Headers, Limits
from readstone.engines.http.complaint import Complaint, read_complaint
from readstone.engines.http.connection import Bounds
from readstone.engines.http.counting import count_usage
from readstone.engines.http.failures import read_retry_after, translate
from readstone.engines.http.health import Health, HealthOptions
from readstone.engines.http.loop_stop import stop_loops
from readstone.engines.http.payload import encode
from readstone.engines.http.prompts import READING, as_task
from readstone.engines.http.relay import ChunkReader, InBandError
from readstone.engines.http.response import Broken, Crowded, Failure, Garbled, Response, Silent
from readstone.engines.http.target import Target
from readstone.engines.neutral import asks_for_nothing
from readstone.engines.pictures import Pictures, pictured
from readstone.telemetry import log

_MOST_COMPLAINT = 64 * 1024
_MOST_ANSWER = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HTTPOptions:
    """Where an engine's server is and how it is spoken to.

    `api_key` and `headers` go to this target only. `first_seconds` may pass before an answer begins, `silence_seconds`
    between its pieces. `refused` are properties that this engine would ignore or get wrong.
    """

    target: Target
    api_key: str | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)
    connect_seconds: float = 5.0
    first_seconds: float = 600.0
    silence_seconds: float = 120.0
    connections: int = 4096
    ca_file: Path | None = None
    refused: frozenset[str] = frozenset()

    @property
    def credentials(self) -> Headers:
        """The headers that go with every request to the target, and nowhere else."""
        if self.api_key is None:
            return self.headers
        return (*self.headers, ("authorization", f"Bearer {self.api_key}"))


class HTTPEngine:
    """Answers chat requests by asking its server, always for a stream, and passing on what comes."""

    def __init__(
        self, name: str, options: HTTPOptions, pictures: Pictures, health: HealthOptions
    ) -> None:
        self._name = name
        self._options = options
        self._pictures = pictures
        self._path = options.target.path("/chat/completions")
        self._client = Client(
            options.target,
            credentials=options.credentials,
            ca_file=options.ca_file,
            limits=Limits(connect_seconds=options.connect_seconds, connections=options.connections),
            bounds=Bounds(
                head_seconds=options.first_seconds, silence_seconds=options.silence_seconds
            ),
        )
        self._health = Health(name, self._probe, health)
        self._health_path = health.path

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    @property
    def state(self) -> EngineState:
        """Whether its server answers, as of the last look or request."""
        return self._health.state

    @property
    def fingerprint(self) -> str:
        """Names the engine: what weights its server has, only the server knows."""
        return self._name

    async def start(self) -> None:
        """Begin to look after the server."""
        await self._client.start()
        await self._health.start()

    async def stop(self) -> None:
        """Close every connection; answers in the middle fail."""
        await self._health.stop()
        await self._client.stop()

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """The engine's own chunks, then the Finish with its usage; closing it closes the server's connection.

        Raises UnsupportedParameter for what the engine would ignore, what `pictured` raises, EngineUnavailable where
        nothing was begun, and what `failures.translate` makes of the engine's own refusals.
        """
        for name in sorted(self._options.refused & request.extras.keys()):
            if not asks_for_nothing(name, request.extras[name]):
                raise UnsupportedParameter(
                    f"The engine of '{request.model.id}' does not honour '{name}': leave it out.",
                    param=name,
                )
        asked = as_task(await pictured(request, self._pictures))
        begun = False
        try:
            async with aclosing(self._guarded(asked, request.max_tokens)) as events:
                async for event in events:
                    begun = True
                    yield event
        except ContextTooLong as refusal:
            if begun or "max_tokens" not in request.defaulted or _leaves_no_room(refusal):
                raise
            # The client asked for no length; the model's default does not fit beside this prompt, but less does.
            async with aclosing(self._guarded(asked, _room(refusal))) as events:
                async for event in events:
                    yield event

    def _guarded(self, request: ChatRequest, max_tokens: int | None) -> AsyncGenerator[ChatEvent]:
        """The answer; that of a model that reads is ended where it loops."""
        events = self._answer(request, max_tokens)
        if request.model.kind not in READING:
            return events
        prompt, _ = count_usage(None, 0, request)
        return stop_loops(events, prompt)

    async def _answer(
        self, request: ChatRequest, max_tokens: int | None
    ) -> AsyncGenerator[ChatEvent]:
        body = await encode(request, max_tokens)
        chunks = ChunkReader()
        headers = (("content-type", "application/json"), ("x-request-id", request.id))
        try:
            async with self._client.send("POST", self._path, body, headers) as response:
                del body
                await self._accept(response, request)
                if (response.header("content-type") or "").startswith("application/json"):
                    whole = chunks.take_whole(await response.read(_MOST_ANSWER))
                    if whole is not None:
                        yield whole
                else:
                    async for piece in response.pieces():
                        if (relay := chunks.feed(piece)) is not None:
                            yield relay
            yield self._finish(chunks, request)
        except InBandError as failure:
            complaint = read_complaint(0, failure.body)
            self._note(complaint, request)
            raise translate(complaint, request.model.id, None) from failure
        except Failure as failure:
            raise self._translated(failure, request) from failure
        self._health.note_success()

    async def _accept(self, response: Response, request: ChatRequest) -> None:
        """Go on where the server does; else raise what its refusal stands for."""
        if response.status == HTTPStatus.OK:
            return
        complaint = read_complaint(response.status, await response.read(_MOST_COMPLAINT))
        self._note(complaint, request)
        retry_after = read_retry_after(response.header("retry-after"))
        error = translate(complaint, request.model.id, retry_after)
        if isinstance(error, EngineUnavailable):
            self._health.note_failure()
        raise error

    def _note(self, complaint: Complaint, request: ChatRequest) -> None:
        log(
            "engine refused",
            engine=self._name,
            id=request.id,
            status=complaint.status,
            code=complaint.code or None,
            reason=complaint.logged,
        )

    def _translated(self, failure: Failure, request: ChatRequest) -> RequestError:
        """What a connection that failed means for the request; its reason goes to the log."""
        log("engine failed", engine=self._name, id=request.id, reason=str(failure))
        model = request.model.id
        match failure:
            case Crowded():
                return Overloaded(f"The engine of '{model}' has no connection free.")
            case Silent():
                return EngineTimeout(f"The engine of '{model}' said nothing for too long.")
            case Garbled():
                return EngineFailed(f"The engine of '{model}' answered nonsense.")
            case Broken():
                self._health.note_failure()
                return EngineCrashed()
            case _:
                self._health.note_failure()
                return EngineUnavailable(
                    f"The engine of '{model}' cannot be reached; nothing was begun."
                )

    async def _probe(self) -> bool:
        """Whether the server answers on its health path."""
        try:
            async with self._client.send("GET", self._health_path) as response:
                await response.read(_MOST_COMPLAINT)
                return response.status < HTTPStatus.INTERNAL_SERVER_ERROR
        except Failure:
            return False

    def _finish(self, chunks: ChunkReader, request: ChatRequest) -> Finish:
        end = chunks.end()
        usage, notes = count_usage(end.count, chunks.tokens, request)
        return Finish(end.reason, usage, end.choices, notes=notes, extras=end.extras)


def _leaves_no_room(refusal: ContextTooLong) -> bool:
    """Whether the prompt alone is too long, as far as the engine told."""
    told = refusal.context is not None and refusal.prompt is not None
    return told and _room(refusal) is None


def _room(refusal: ContextTooLong) -> int | None:
    """Tokens left for an answer beside the prompt; None where only the engine knows: then it is asked for no length."""
    if refusal.context is None or refusal.prompt is None or refusal.prompt >= refusal.context:
        return None
    return refusal.context - refusal.prompt
