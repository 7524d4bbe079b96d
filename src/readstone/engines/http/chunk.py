"""What an engine says in the chunks of its stream: choices, its count of tokens, and why an answer ended."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias, cast

import msgspec
from msgspec import Meta

from readstone.core.chat import FinishReason
from readstone.core.errors import EngineFailed

_REASONS: Final[Mapping[str, FinishReason]] = {
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


Tokens: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""A number of tokens that can be one."""


class PromptDetails(msgspec.Struct):
    """What an engine tells of the prompt's tokens."""

    cached_tokens: Tokens | None = None
    image_tokens: Tokens | None = None
    multimodal_tokens: dict[str, Tokens] | None = None
    """What vLLM (0.32) calls them, by modality."""

    @property
    def told_image_tokens(self) -> int | None:
        """Tokens of the images, under whichever name; None where the engine does not tell."""
        if self.image_tokens is not None or self.multimodal_tokens is None:
            return self.image_tokens
        return self.multimodal_tokens.get("image")


class CompletionDetails(msgspec.Struct):
    """What an engine tells of the answer's tokens."""

    reasoning_tokens: Tokens | None = None


class Count(msgspec.Struct):
    """An engine's own count of tokens."""

    prompt_tokens: Tokens = 0
    completion_tokens: Tokens | None = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    def after(self, before: "Count | None") -> "Count":
        """This count of a choice where that one was of those before it: llama.cpp counts each choice by itself."""
        if before is None:
            return self
        completion = (before.completion_tokens or 0) + (self.completion_tokens or 0)
        return msgspec.structs.replace(self, completion_tokens=completion)


class ChunkChoice(msgspec.Struct):
    """What is looked at in one choice of a chunk."""

    index: int | None = 0
    delta: dict[str, Any] | None = None
    message: dict[str, Any] | None = None
    """In the place of a delta in a whole answer."""
    finish_reason: Any = None

    @property
    def has_calls(self) -> bool:
        """Whether it has pieces of tool calls."""
        return self.delta is not None and isinstance(self.delta.get("tool_calls"), list)

    @property
    def says_something(self) -> bool:
        """Whether it adds anything to the answer: a role alone does not."""
        if self.delta is not None:
            for name, value in self.delta.items():
                if value and name != "role":
                    return True
        return False


Members: TypeAlias = dict[str, msgspec.Raw]
"""A chunk's members, by name."""

_MEMBERS: Final = msgspec.json.Decoder(Members)
_COUNT: Final = msgspec.json.Decoder(Count | None, strict=False)  # some write 5.0
_CHOICES: Final = msgspec.json.Decoder(list[ChunkChoice] | None)
_ENCODER: Final = msgspec.json.Encoder()
_NOTHING: Final = frozenset({b"null", b'""', b"{}", b"false"})
_COMPLAINTS: Final = frozenset({"message", "detail"})
"""What an error says in place of choices (older vLLM, FastAPI)."""


def read_members(content: bytes) -> Members:
    """The members of a chunk or of a whole answer; EngineFailed for what is none."""
    try:
        return _MEMBERS.decode(content)
    except msgspec.DecodeError as error:
        raise _no_chunk() from error


def is_error(members: Members) -> bool:
    """Whether an error stands in a chunk, under its name or, as older servers write it, in place of the choices."""
    if bytes(members.get("error", b"null")) not in _NOTHING:
        return True
    return "choices" not in members and not _COMPLAINTS.isdisjoint(members)


def read_fingerprint(members: Members) -> str:
    """What the engine calls the weights and code that answer; empty where it tells nothing."""
    raw = members.get("system_fingerprint")
    told = None if raw is None else msgspec.json.decode(raw)
    return told if isinstance(told, str) else ""


def read_count(raw: msgspec.Raw) -> Count | None:
    """The count in a `usage`; None where it tells nothing, or what cannot be a count."""
    try:
        return _COUNT.decode(raw)
    except msgspec.DecodeError:
        return None


def read_choices(raw: bytes) -> list[ChunkChoice]:
    """The choices of a chunk, empty where it has none."""
    try:
        return _CHOICES.decode(raw) or []
    except msgspec.DecodeError as error:
        raise _no_chunk() from error


def read_reason(told: object) -> FinishReason:
    """The contract's word for an engine's reason; EngineFailed for one that is none."""
    reason = _REASONS.get(told) if isinstance(told, str) else None
    if reason is None:
        raise EngineFailed("The engine gave its answer up.")
    return reason


def with_known_reasons(raw: bytes) -> bytes:
    """The same choices with the contract's words for the engine's reasons."""
    choices = msgspec.json.decode(raw, type=list[dict[str, Any]])
    for choice in choices:
        if reason := choice.get("finish_reason"):
            choice["finish_reason"] = read_reason(reason)
    return _ENCODER.encode(choices)


def reopened(raw: bytes, later: set[int | None]) -> tuple[bytes, bytes | None]:
    """Choices that had ended, where more of those `later` came: as they go on, and how they end.

    Their reasons are taken out, and are the second, in choices that add nothing; None where none of them goes on.
    """
    choices = msgspec.json.decode(raw, type=list[dict[str, Any]])
    ends: list[dict[str, Any]] = []
    for choice in choices:
        index = choice.get("index", 0)
        if index in later and (reason := choice.get("finish_reason")):
            choice["finish_reason"] = None
            ends.append({"index": index, "delta": {}, "finish_reason": reason})
    return (_ENCODER.encode(choices), _ENCODER.encode(ends)) if ends else (raw, None)


def as_chunk(body: bytes) -> bytes:
    """A whole answer as one chunk would say it; EngineFailed for what is none."""
    try:
        chunk = msgspec.json.decode(body, type=dict[str, Any])
        choices = msgspec.convert(chunk.get("choices"), list[dict[str, Any]] | None)
    except msgspec.DecodeError as error:
        raise EngineFailed("The engine sent an answer that is not of the protocol.") from error
    if choices:
        chunk["choices"] = [_as_delta(choice) for choice in choices]
    return _ENCODER.encode(chunk)


def _as_delta(choice: dict[str, Any]) -> dict[str, Any]:
    message = {**cast("dict[str, Any]", choice.pop("message", None) or {})}
    if message.get("reasoning") is not None and "reasoning_content" not in message:
        message["reasoning_content"] = message.pop("reasoning")
    calls = cast("list[dict[str, Any]]", message.get("tool_calls") or [])
    if calls:
        message["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
    return {**choice, "delta": message}


def _no_chunk() -> EngineFailed:
    return EngineFailed("The engine sent a chunk that is not of the protocol.")
