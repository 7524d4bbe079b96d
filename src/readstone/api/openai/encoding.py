"""Core → wire: gateway events become a whole answer or the chunks of a stream."""

import time
from dataclasses import replace
from typing import assert_never

import msgspec
from msgspec import UNSET

from readstone.api.openai import schema
from readstone.api.openai.merging import Choices
from readstone.core.chat import Relay, TextDelta
from readstone.core.model import Profile
from readstone.core.record import record
from readstone.core.usage import Metrics, Usage
from readstone.serving.gateway import GatewayEvent, Served, StandIn

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"

_ENCODER = msgspec.json.Encoder()


@record
class Label:
    """What every piece of one answer carries: its id, the model as the client named it, the fingerprint."""

    request_id: str
    model_name: str
    fingerprint: str

    def head(self, kind: str, created: int, told: str = "") -> bytes:
        """The JSON of an answer or chunk up to its choices; what the engine's own server `told` is its fingerprint."""
        head = schema.Head(
            id=f"chatcmpl-{self.request_id.removeprefix('req_')}",
            object=kind,
            created=created,
            model=self.model_name,
            system_fingerprint=told or self.fingerprint,
        )
        return _ENCODER.encode(head)[:-1] + b',"choices":'


class Whole:
    """Gathers the events of one answer."""

    def __init__(self, label: Label) -> None:
        self._label = label
        self._created = int(time.time())
        self._choices = Choices()

    def add(self, event: GatewayEvent) -> bytes | None:
        """Take an event; the last one gives the answer's JSON (schema.ChatCompletion)."""
        match event:
            case TextDelta(text=text):
                self._choices.add_text(text)
                return None
            case Relay(choices=chunks):
                self._choices.add(chunks)
                return None
            case StandIn(fingerprint=fingerprint):
                self._label = replace(self._label, fingerprint=fingerprint)
                return None
            case Served():
                told = event.finish.fingerprint
                head = self._label.head("chat.completion", self._created, told)
                return head + self._encoded(event) + _tail(event) + b"}"
            case _:
                assert_never(event)

    def _encoded(self, served: Served) -> bytes:
        finish = served.finish
        if finish.choices is not None:
            self._choices.add((finish.choices,))
        elif not self._choices:
            self._choices.add_text("")
        return _ENCODER.encode(self._choices.whole(finish.reason))


class Chunks:
    """Writes the events of one stream as server-sent events (contract: Stream).

    With `include_usage` the usage and metrics come in one more chunk, without choices; else they ride
    on the chunk that has the finish reason. What an engine relays is sent as it came, between our head and tail.
    """

    def __init__(self, label: Label, *, include_usage: bool) -> None:
        self._label = label
        self._created = int(time.time())
        self._head = b""
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._include_usage = include_usage
        self._begun = False

    def encode(self, event: GatewayEvent) -> bytes:
        """The event as it goes on the wire; the first one is preceded by the role, unless it holds it."""
        match event:
            case TextDelta(text=text):
                return self._begin() + self._choice(
                    schema.ChunkChoice(0, schema.Delta(content=text))
                )
            case Relay(choices=chunks):
                begin = b"" if self._begun else self._begin(event.fingerprint, chunks[0])
                head, tail = self._head, self._tail
                return begin + head + (tail + head).join(chunks) + tail
            case StandIn(fingerprint=fingerprint):
                self._label = replace(self._label, fingerprint=fingerprint)
                return b""
            case Served():
                return self._begin(event.finish.fingerprint) + self._end(event)
            case _:
                assert_never(event)

    def _begin(self, told: str = "", first: bytes = b"") -> bytes:
        """What comes before the first event: the role, unless that event holds it."""
        if self._begun:
            return b""
        self._begun = True
        head = self._label.head("chat.completion.chunk", self._created, told)
        self._head = b"data: " + head
        if b'"role"' in first:
            return b""
        delta = schema.Delta(role="assistant", content="", refusal=None)
        return self._choice(schema.ChunkChoice(0, delta))

    def _end(self, served: Served) -> bytes:
        finish = served.finish
        choices = finish.choices
        if choices is None:
            last = schema.ChunkChoice(0, schema.Delta(), finish_reason=finish.reason)
            choices = _ENCODER.encode([last])
        tail = _tail(served) + b"}\n\n" + DONE
        if not self._include_usage:
            return self._head + choices + tail
        return self._head + choices + self._tail + self._head + b"[]" + tail

    def _choice(self, choice: schema.ChunkChoice) -> bytes:
        return self._head + _ENCODER.encode([choice]) + self._tail


def _tail(served: Served) -> bytes:
    """What follows the choices of an answer or of a stream's last chunk, but for the closing brace."""
    tail = b',"usage":%b,"x_metrics":%b' % (
        _ENCODER.encode(_usage(served.finish.usage)),
        _ENCODER.encode(_metrics(served.metrics, served.finish.profile)),
    )
    for name, raw in served.finish.extras.items():
        tail += b",%b:%b" % (_ENCODER.encode(name), raw)
    return tail


def _usage(usage: Usage) -> schema.UsageBody:
    estimated = True if usage.image_tokens_estimated else UNSET
    details = schema.PromptTokensDetails(usage.image_tokens, usage.cached_tokens, estimated)
    return schema.UsageBody(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=details,
        completion_tokens_details=schema.CompletionTokensDetails(usage.reasoning_tokens),
    )


def _metrics(metrics: Metrics, profile: Profile | None) -> schema.XMetrics:
    return schema.XMetrics(
        ttft_seconds=metrics.ttft_seconds,
        tps=metrics.tps,
        total_time_seconds=metrics.total_time_seconds,
        image_seconds=metrics.image_seconds,
        queue_seconds=metrics.queue_seconds,
        engine=metrics.engine,
        notes=list(metrics.notes) or UNSET,
        profile=profile or UNSET,
    )
