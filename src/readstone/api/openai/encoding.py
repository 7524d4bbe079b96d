"""Core → wire: gateway events become a whole answer or the chunks of a stream."""

import time
from dataclasses import asdict, dataclass
from typing import assert_never

import msgspec
from msgspec import UNSET

from readstone.api.openai import schema
from readstone.core.chat import TextDelta
from readstone.core.usage import Metrics, Usage
from readstone.serving.gateway import GatewayEvent, Served

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Label:
    """What every piece of one answer carries: its id, the model as the client named it, the fingerprint."""

    request_id: str
    model_name: str
    fingerprint: str

    @property
    def completion_id(self) -> str:
        """The answer's `id`."""
        return f"chatcmpl-{self.request_id.removeprefix('req_')}"


class Whole:
    """Gathers the events of one answer."""

    def __init__(self, label: Label) -> None:
        self._label = label
        self._created = int(time.time())
        self._texts: list[str] = []

    def add(self, event: GatewayEvent) -> schema.ChatCompletion | None:
        """Take an event; the last one gives the answer."""
        match event:
            case TextDelta(text=text):
                self._texts.append(text)
                return None
            case Served(finish=finish, metrics=metrics):
                message = schema.AnswerMessage("assistant", "".join(self._texts))
                return schema.ChatCompletion(
                    id=self._label.completion_id,
                    object="chat.completion",
                    created=self._created,
                    model=self._label.model_name,
                    system_fingerprint=self._label.fingerprint,
                    choices=[schema.Choice(0, message, finish.reason)],
                    usage=_usage(finish.usage),
                    x_metrics=_metrics(metrics),
                )
            case _:
                assert_never(event)


class Chunks:
    """Writes the events of one stream as server-sent events (contract: Stream).

    With `include_usage` the usage and metrics come in one more chunk, without choices; else they ride
    on the chunk that has the finish reason.
    """

    def __init__(self, label: Label, *, include_usage: bool) -> None:
        self._label = label
        self._include_usage = include_usage
        self._created = int(time.time())
        self._begun = False

    def encode(self, event: GatewayEvent) -> bytes:
        """The event as it goes on the wire; the first one is preceded by the role."""
        begin = b"" if self._begun else self._begin()
        self._begun = True
        match event:
            case TextDelta(text=text):
                return begin + self._choice(schema.ChunkChoice(0, schema.Delta(content=text)))
            case Served():
                return begin + self._end(event)
            case _:
                assert_never(event)

    def _begin(self) -> bytes:
        delta = schema.Delta(role="assistant", content="", refusal=None)
        return self._choice(schema.ChunkChoice(0, delta))

    def _end(self, served: Served) -> bytes:
        choice = schema.ChunkChoice(0, schema.Delta(), finish_reason=served.finish.reason)
        usage, metrics = _usage(served.finish.usage), _metrics(served.metrics)
        if not self._include_usage:
            return self._event(self._chunk([choice], usage, metrics)) + DONE
        return self._choice(choice) + self._event(self._chunk([], usage, metrics)) + DONE

    def _choice(self, choice: schema.ChunkChoice) -> bytes:
        return self._event(self._chunk([choice], None if self._include_usage else UNSET, UNSET))

    def _chunk(
        self,
        choices: list[schema.ChunkChoice],
        usage: schema.UsageBody | msgspec.UnsetType | None,
        metrics: schema.XMetrics | msgspec.UnsetType,
    ) -> schema.ChatCompletionChunk:
        return schema.ChatCompletionChunk(
            id=self._label.completion_id,
            object="chat.completion.chunk",
            created=self._created,
            model=self._label.model_name,
            system_fingerprint=self._label.fingerprint,
            choices=choices,
            usage=usage,
            x_metrics=metrics,
        )

    @staticmethod
    def _event(chunk: schema.ChatCompletionChunk) -> bytes:
        return b"data: " + _ENCODER.encode(chunk) + b"\n\n"


def _usage(usage: Usage) -> schema.UsageBody:
    return schema.UsageBody(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=schema.PromptTokensDetails(usage.image_tokens, usage.cached_tokens),
    )


def _metrics(metrics: Metrics) -> schema.XMetrics:
    return schema.XMetrics(**asdict(metrics))
