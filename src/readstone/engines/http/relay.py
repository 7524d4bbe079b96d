"""An engine's stream becomes events: chunks go on as they came, the last one waits for the usage.

The wire: OpenAI chat completion chunks as server-sent events (OpenAI specification 2.3.0), as vLLM, SGLang,
llama.cpp, Ollama and hosted APIs write them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from readstone.core.chat import FinishReason, Relay
from readstone.core.errors import EngineFailed

_MOST_BUFFERED = 16 * 1024 * 1024
_DATA = b"data: "
_DONE = b"[DONE]"
_CHOICES = b'"choices":'
_LAST = (b'"finish_reason":"', b'"finish_reason": "')
"""How a chunk says that a choice is whole; inside a JSON text the quotes would be escaped."""
_OPEN = (b'"finish_reason":null', b'"finish_reason": null')
_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "function_call",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "max_tokens": "length",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
}
"""The contract's reasons, and what other engines call them."""


class PromptDetails(msgspec.Struct):
    """What an engine tells of the prompt's tokens."""

    cached_tokens: int | None = None
    image_tokens: int | None = None
    multimodal_tokens: dict[str, int] | None = None
    """What vLLM (0.32) calls them, by modality."""

    @property
    def told_image_tokens(self) -> int | None:
        """Tokens of the images, under whichever name; None where the engine does not tell."""
        if self.image_tokens is not None or self.multimodal_tokens is None:
            return self.image_tokens
        return self.multimodal_tokens.get("image")


class CompletionDetails(msgspec.Struct):
    """What an engine tells of the answer's tokens."""

    reasoning_tokens: int | None = None


class Count(msgspec.Struct):
    """An engine's own count of tokens."""

    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How an engine's stream ended.

    `choices` is the held-back JSON of the last chunk's choices, None where no chunk gave a reason; `count` is None
    where the engine told no usage; `extras` are the members of its last chunks that are none of the protocol's.
    """

    reason: FinishReason
    choices: bytes | None
    count: Count | None
    extras: dict[str, bytes]


class InBandError(Exception):
    """The engine sent an error inside its stream; `body` is its JSON, for `failures`."""

    def __init__(self, body: bytes) -> None:
        super().__init__("The engine sent an error inside its stream.")
        self.body = body


_CHUNK = msgspec.json.Decoder(dict[str, msgspec.Raw])
_COUNT = msgspec.json.Decoder(Count | None)
_ENCODER = msgspec.json.Encoder()
_KNOWN = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "x_metrics"}
)


class ChunkReader:
    """Reads one stream, piece by piece.

    Engines write the same bytes around the choices of every chunk of a stream. They are learnt from the first chunk;
    a chunk that has them around its choices, and gives no reason to end, goes on without being parsed.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._head = b""
        self._tail = b""
        self._held: bytes | None = None
        self._reason: FinishReason = "stop"
        self._count: Count | None = None
        self._extras: dict[str, bytes] = {}
        self._tokens = 0
        self.is_done = False

    @property
    def tokens(self) -> int:
        """Chunks with something in them so far: what the answer is worth where the engine does not count."""
        return self._tokens

    def feed(self, piece: bytes) -> Relay | None:
        """Take the next bytes of the stream; what can go on now, in one event.

        Raises InBandError where the engine says that it failed, EngineFailed for what is not the protocol.
        """
        content = self._rest + piece if self._rest else piece
        if b"\r" in content:
            # Lines that end as on Windows; the half of a line's end may be in the next piece.
            content = content.replace(b"\r\n", b"\n")
        end = content.rfind(b"\n\n") + 2
        if end < len("\n\n"):
            self._keep(content)
            return None
        self._keep(content[end:])
        block = content[:end]
        if b'"reasoning":' in block and b'"reasoning_content":' not in block:
            # What vLLM calls it; clients know the other name. Inside a JSON text the quotes would be escaped.
            block = block.replace(b'"reasoning":', b'"reasoning_content":')
        return self._relay(block)

    def take_whole(self, body: bytes) -> Relay | None:
        """Take the whole answer of an engine that does not stream; raises as `feed` does."""
        try:
            choices = _decoded(_CHUNK.decode(body).get("choices"))
        except msgspec.DecodeError as error:
            raise EngineFailed("The engine sent an answer that is not of the protocol.") from error
        chunk = msgspec.json.decode(body, type=dict[str, Any])
        if choices:
            chunk["choices"] = [_as_chunk(choice) for choice in choices]
        relay = self.feed(_DATA + _ENCODER.encode(chunk) + b"\n\n")
        self.is_done = True
        return relay

    def end(self) -> End:
        """The stream has ended; EngineFailed where it did so in the middle of the answer."""
        if self._rest.strip():
            self._line(self._rest.strip(), [])
        if self._held is None and not self.is_done:
            raise EngineFailed("The engine ended its answer in the middle.")
        return End(self._reason, self._held, self._count, self._extras)

    def _keep(self, rest: bytes) -> None:
        if len(rest) > _MOST_BUFFERED:
            raise EngineFailed("The engine sent an event that is larger than it may be.")
        self._rest = rest

    def _relay(self, block: bytes) -> Relay | None:
        ready: list[bytes] = []
        before = self._tokens
        if not self._head:
            first, _, block = block.partition(b"\n\n")
            self._event(first, ready)
        end = _before_reason(block)
        if not self._pass_on(block[:end], ready):
            end = 0
        for event in block[end:].split(b"\n\n"):
            if event:
                self._event(event, ready)
        return Relay(tuple(ready), self._tokens - before) if ready else None

    def _pass_on(self, block: bytes, ready: list[bytes]) -> bool:
        """Let whole chunks go on without parsing them, where all of them are of the kind that was learnt."""
        head, end = self._head, self._tail + b"\n\n"
        if not head or not (block.startswith(head) and block.endswith(end)):
            return False
        chunks = block[len(head) : -len(end)].split(end + head)
        if not len(chunks) == block.count(b"\n\n") == block.count(b"}]" + end):
            return False
        self._release(ready)
        ready += chunks
        self._tokens += len(chunks)
        return True

    def _event(self, event: bytes, ready: list[bytes]) -> None:
        for line in event.split(b"\n"):
            self._line(line, ready)

    def _line(self, line: bytes, ready: list[bytes]) -> None:
        name, _, value = line.partition(b":")
        content = value.strip()
        if name == b"error":
            raise InBandError(content)
        if name != b"data" or not content:
            return
        if content == _DONE:
            self.is_done = True
            return
        self._chunk(line, content, ready)

    def _chunk(self, line: bytes, content: bytes, ready: list[bytes]) -> None:
        try:
            members = _CHUNK.decode(content)
            if _is_error(members):
                raise InBandError(content)
            if (usage := members.get("usage")) is not None:
                self._count = _added(self._count, _COUNT.decode(usage))
            choices = _decoded(members.get("choices"))
        except msgspec.DecodeError as error:
            raise EngineFailed("The engine sent a chunk that is not of the protocol.") from error
        for name, raw in members.items():
            if name not in _KNOWN and (member := bytes(raw)) != b"null":
                self._extras[name] = member
        if choices:
            self._take(bytes(members["choices"]), choices, ready)
            if not self._head:
                self._learn(line, bytes(members["choices"]))

    def _take(self, raw: bytes, choices: list[dict[str, Any]], ready: list[bytes]) -> None:
        self._release(ready)
        self._tokens += any(_says_something(choice) for choice in choices)
        reasons = [reason for choice in choices if (reason := choice.get("finish_reason"))]
        if not reasons:
            ready.append(raw)
            return
        known: list[FinishReason] = [_reason(reason) for reason in reasons]
        self._reason = known[-1]
        if known != reasons:
            for choice in choices:
                if reason := choice.get("finish_reason"):
                    choice["finish_reason"] = _reason(reason)
            raw = _ENCODER.encode(choices)
        self._held = raw

    def _release(self, ready: list[bytes]) -> None:
        """More came after a chunk with a reason (several choices): that one goes on too."""
        if self._held is not None:
            ready.append(self._held)
            self._held = None

    def _learn(self, line: bytes, choices: bytes) -> None:
        """Note what stands around the choices, where all that is looked for stands as it is looked for."""
        head, mark, rest = line.partition(_CHOICES)
        before = len(rest) - len(rest.lstrip())
        is_plain = any(mark in choices for mark in _OPEN) or b"finish_reason" not in choices
        if mark and is_plain and line.startswith(_DATA) and rest[before:].startswith(choices):
            self._head = head + mark + rest[:before]
            self._tail = rest[before + len(choices) :]


def _before_reason(block: bytes) -> int:
    """Where the first event begins that gives a reason to end."""
    found = [at for mark in _LAST if (at := block.find(mark)) >= 0]
    if not found:
        return len(block)
    before = block.rfind(b"\n\n", 0, min(found))
    return before + len(b"\n\n") if before >= 0 else 0


def _added(before: Count | None, told: Count | None) -> Count | None:
    """The count so far and what another chunk tells: llama.cpp counts the tokens of each choice by itself.

    An engine that tells a running total with every chunk is not asked for one (`continuous_usage_stats`).
    """
    if before is None or told is None:
        return told or before
    completion = (before.completion_tokens or 0) + (told.completion_tokens or 0)
    return msgspec.structs.replace(told, completion_tokens=completion)


def _is_error(members: dict[str, msgspec.Raw]) -> bool:
    return "choices" not in members and bytes(members.get("error", b"null")) != b"null"


def _decoded(choices: msgspec.Raw | None) -> list[dict[str, Any]]:
    if choices is None:
        return []
    return msgspec.json.decode(choices, type=list[dict[str, Any]] | None) or []


def _as_chunk(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice of a whole answer as one chunk would say it."""
    message = {**cast("dict[str, Any]", choice.pop("message", None) or {})}
    calls = cast("list[dict[str, Any]]", message.get("tool_calls") or [])
    if calls:
        message["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
    return {**choice, "delta": message}


def _says_something(choice: dict[str, Any]) -> bool:
    delta: object = choice.get("delta") or {}
    if not isinstance(delta, dict):
        raise EngineFailed("The engine sent a chunk that is not of the protocol.")
    members = cast("dict[str, Any]", delta)
    return any(value for name, value in members.items() if name != "role")


def _reason(told: object) -> FinishReason:
    """The contract's word for an engine's reason; EngineFailed for one that is none."""
    reason = _REASONS.get(told) if isinstance(told, str) else None
    if reason is None:
        raise EngineFailed("The engine gave its answer up.")
    return reason
