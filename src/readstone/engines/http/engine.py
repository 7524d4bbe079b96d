"""An engine behind an OpenAI-compatible HTTP server: vLLM, SGLang, llama-server, Ollama, a hosted API."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from readstone.core.chat import ChatEvent, ChatRequest, Finish
from readstone.core.engine import EngineState
from readstone.core.errors import (
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    Overloaded,
    RequestError,
    UnsupportedParameter,
)
from readstone.engines.http.client import Client, Limits
from readstone.engines.http.complaint import Complaint, read_complaint
from readstone.engines.http.connection import Bounds
from readstone.engines.http.counting import count_usage
from readstone.engines.http.failures import read_retry_after, translate
from readstone.engines.http.head import Headers
from readstone.engines.http.health import Health, HealthOptions
from readstone.engines.http.loop_stop import stop_loops
from readstone.engines.http.manner import Manner, Manners
from readstone.engines.http.payload import encode
from readstone.engines.http.prompts import READING, as_task
from readstone.engines.http.relay import ChunkReader, InBandError
from readstone.engines.http.response import Broken, Crowded, Failure, Garbled, Response, Silent
from readstone.engines.http.target import Target
from readstone.engines.http.template import Template
from readstone.engines.neutral import asks_for_nothing
from readstone.engines.pictures import Pictures, pictured
from readstone.telemetry import log

_MOST_COMPLAINT = 64 * 1024
_FIRST_SECONDS = 0.001
_GATHER_SECONDS = 0.05
"""An answer that nobody reads as it comes is taken in steps of so long: the first is what its time to the first token may be off by."""


@dataclass(frozen=True, slots=True)
class HTTPOptions:
    """Where an engine's server is and how it is spoken to.

    `api_key` and `headers` go to this target only. `first_seconds` may pass before an answer begins, `silence_seconds`
    between its pieces. `refused` are properties that this engine would ignore or get wrong. `is_llamacpp` tells whether
    it is llama.cpp, None where only the server knows.
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
    is_llamacpp: bool | None = None

    @property
    def credentials(self) -> Headers:
        """The headers that go with every request to the target, and nowhere else."""
        if self.api_key is None:
            return self.headers
        return (*self.headers, ("authorization", f"Bearer {self.api_key}"))


class _Refused(Exception):
    """The engine answered that it does not answer; `retry_after` in seconds, where it told."""

    def __init__(self, complaint: Complaint, retry_after: float | None) -> None:
        super().__init__("The engine refused the request.")
        self.complaint = complaint
        self.retry_after = retry_after


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
        self._manners = Manners()
        self._template = Template(self._client, is_known=options.is_llamacpp is True)

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

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """The engine's own chunks, then the Finish with its usage; closing it closes the server's connection.

        Raises UnsupportedParameter for what the engine would ignore, what `pictured` raises, EngineUnavailable where
        nothing was begun, and what `failures.translate` makes of the engine's own refusals.
        """
        return self._read(request) if request.model.kind in READING else self._answer(request)

    async def _read(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """The answer of a model that reads: asked as its makers ask it, and ended where it loops."""
        asked = as_task(await self._prepared(request))
        prompt, _ = count_usage(None, 0, asked)
        async with aclosing(stop_loops(self._answer(asked), prompt)) as events:
            async for event in events:
                yield event

    async def _answer(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        asked = await self._prepared(request)
        headers = (
            ("content-type", "application/json"),
            ("x-request-id", request.id),
            *request.trace,
        )
        manner = self._manners.first(request)
        has_begun = False
        while True:
            body = await encode(asked, manner)
            try:
                async with self._client.send("POST", self._path, body, headers) as response:
                    del body
                    chunks = await _reader(response, request)
                    piece = None
                    while piece != b"":
                        piece = await response.more()
                        if (event := chunks.feed(piece)) is not None:
                            has_begun = True
                            yield event
                finish = _finish(chunks, asked)
            except (InBandError, _Refused, Failure) as failure:
                if isinstance(failure, InBandError) and failure.before is not None:
                    has_begun = True
                    yield failure.before
                error = self._translated(failure, request)
                following = None if has_begun else self._following(manner, request, error, failure)
                if following is None:
                    raise error from failure
                manner = following
            else:
                break
        self._health.note_success()
        yield finish

    async def _prepared(self, request: ChatRequest) -> ChatRequest:
        """The request with images as the engine takes them; UnsupportedParameter for what it would ignore or get wrong."""
        for name in sorted(self._options.refused & request.extras.keys()):
            if not asks_for_nothing(name, request.extras[name]):
                raise UnsupportedParameter(
                    f"The engine of '{request.model.id}' does not honour '{name}': leave it out.",
                    param=name,
                )
        if self._options.is_llamacpp is not False:
            request = await self._template.fitted(request)
        return await pictured(request, self._pictures)

    def _note(self, complaint: Complaint, request: ChatRequest) -> None:
        log(
            "engine refused",
            engine=self._name,
            id=request.id,
            status=complaint.status,
            code=complaint.code or None,
            reason=complaint.logged,
        )

    def _translated(
        self, failure: InBandError | _Refused | Failure, request: ChatRequest
    ) -> RequestError:
        """What a refusal, or a connection that failed, means for the request; its reason goes to the log."""
        model = request.model.id
        if isinstance(failure, InBandError):
            complaint = read_complaint(0, failure.body)
            self._note(complaint, request)
            return translate(complaint, model, None, request.extras)
        if isinstance(failure, _Refused):
            self._note(failure.complaint, request)
            complaint, seconds = failure.complaint, failure.retry_after
            error = translate(complaint, model, seconds, request.extras)
            is_up = complaint.status < HTTPStatus.INTERNAL_SERVER_ERROR
            if isinstance(error, EngineUnavailable) and not is_up:
                self._note_failure()
            return error
        log("engine failed", engine=self._name, id=request.id, reason=str(failure))
        return self._lost(failure, model)

    def _following(
        self, manner: Manner, request: ChatRequest, error: RequestError, failure: Exception
    ) -> Manner | None:
        """How the request is put once more after that failure, None where it is the client's to know."""
        complaint = failure.complaint if isinstance(failure, _Refused) else None
        return self._manners.next(manner, request, error, complaint)

    def _lost(self, failure: Failure, model: str) -> RequestError:
        """What a connection that failed means for a request of that model."""
        match failure:
            case Crowded():
                return Overloaded(f"The engine of '{model}' has no connection free.")
            case Silent():
                return EngineTimeout(f"The engine of '{model}' said nothing for too long.")
            case Garbled():
                return EngineFailed(f"The engine of '{model}' answered nonsense.")
            case Broken():
                self._note_failure()
                return EngineCrashed(
                    f"The engine of '{model}' went away while it worked on this request: send it again."
                )
            case _:
                self._note_failure()
                return EngineUnavailable(
                    f"The engine of '{model}' cannot be reached; nothing was begun."
                )

    def _note_failure(self) -> None:
        self._forget()
        self._health.note_failure()

    async def _probe(self) -> bool:
        """Whether the server answers on its health path."""
        try:
            async with self._client.send("GET", self._health_path) as response:
                await response.read(_MOST_COMPLAINT)
                return response.status < HTTPStatus.INTERNAL_SERVER_ERROR
        except Failure:
            self._forget()
            return False

    def _forget(self) -> None:
        """The server is away: what was learnt of it may not hold for what comes back."""
        self._template.forget()
        self._manners.forget()


async def _reader(response: Response, request: ChatRequest) -> ChunkReader:
    """What reads the answer to a request: as it comes, or in steps where nobody reads it so. _Refused where it is none."""
    if response.status != HTTPStatus.OK:
        complaint = read_complaint(response.status, await response.read(_MOST_COMPLAINT))
        raise _Refused(complaint, read_retry_after(response.header("retry-after")))
    if not request.streams:
        response.gather(_FIRST_SECONDS, _GATHER_SECONDS)
    return ChunkReader(gathers=not request.streams, has_tools="tools" in request.extras)


def _finish(chunks: ChunkReader, request: ChatRequest) -> Finish:
    end = chunks.end()
    usage, notes = count_usage(end.count, chunks.tokens, request)
    return Finish(
        end.reason,
        usage,
        end.choices,
        notes=notes,
        extras=end.extras,
        fingerprint=end.fingerprint,
    )
