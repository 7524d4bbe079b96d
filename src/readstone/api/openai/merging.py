"""The choices of a whole answer, merged from the chunks of an engine's stream."""

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeAlias, cast

import msgspec

from readstone.core.chat import FinishReason
from readstone.core.errors import EngineFailed

Member: TypeAlias = Any
"""A member of a chunk, as JSON gives it: what it holds is the engine's business."""


class ChunkChoice(msgspec.Struct):
    """What a chunk says of one choice; `index` and `delta` are left out by some engines."""

    index: int = 0
    delta: dict[str, Member] | None = None
    finish_reason: str | None = None
    logprobs: dict[str, Member] | None = None


_CHUNKS = msgspec.json.Decoder(list[list[ChunkChoice]])
_TEXT = msgspec.json.Decoder(str)
_MEMBER = rb'"(?:index|logprobs|finish_reason|stop_reason|token_ids)": ?(?:0|null)'
_PLAIN = re.compile(
    rb'(\[\{(?:%b, ?)*"delta": ?\{"content": ?")[^"\\]*("\}(?:, ?%b)*\}\])' % (_MEMBER, _MEMBER)
)
"""The choices of a chunk that adds a text to the first choice, as engines write them."""
_LEARNING = 3
"""Chunks of one read that are looked at for that: an answer of tool calls has none."""
_CALLED_ONCE = frozenset({"id", "type", "name"})
"""Members of a tool call that come whole; its other texts come in pieces."""


class Choices:
    """Gathers chunks; false while there was none.

    Nearly all chunks of an answer differ in their text alone. What stands around it is learnt from the first such chunk,
    and the texts of those that have the same around theirs are taken as they are written, without being parsed.
    """

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._before = self._after = b""
        self._quotes = 0

    def __bool__(self) -> bool:
        return bool(self._choices)

    def add(self, chunks: Sequence[bytes]) -> None:
        """Take the JSON of the `choices` of further chunks; EngineFailed for what is not that."""
        rest = chunks if self._before else self._add_until_learnt(chunks)
        if rest and not self._add_alike(rest):
            self._add(rest)

    def _add_until_learnt(self, chunks: Sequence[bytes]) -> Sequence[bytes]:
        """Take chunks until one has shown what most look like; those that are left."""
        for position, chunk in enumerate(chunks):
            self._add((chunk,))
            if self._learn(chunk) or position == _LEARNING:
                return chunks[position + 1 :]
        return ()

    def _add(self, chunks: Sequence[bytes]) -> None:
        for choice in chain.from_iterable(_decoded(chunks)):
            mine = self._choices.get(choice.index)
            if mine is None:
                mine = self._choices[choice.index] = _Choice()
            mine.add(choice)

    def _learn(self, chunk: bytes) -> bool:
        """Note what stands around the text of a chunk that has nothing but a text to add to the first choice."""
        found = _PLAIN.fullmatch(chunk)
        if found is None:
            return False
        self._before, self._after = found[1], found[2]
        self._quotes = (self._before + self._after).count(b'"')
        return True

    def _add_alike(self, chunks: Sequence[bytes]) -> bool:
        """Take chunks of which each has what was learnt around its text; whether they were such."""
        before, after = self._before, self._after
        # No JSON text holds a line's end, so it tells chunks apart; and no quote but those that are counted, or escaped.
        lines = b"\n".join(chunks)
        if not before or not (lines.startswith(before) and lines.endswith(after)):
            return False
        if b'\\"' in lines or lines.count(b'"') != self._quotes * len(chunks):
            return False
        texts = lines[len(before) : -len(after)].split(after + b"\n" + before)
        if len(texts) != len(chunks):
            return False
        self._choices[0].add_text(b"".join(texts))
        return True

    def whole(self, reason: FinishReason) -> list[dict[str, Member]]:
        """The choices by their index; `reason` where a chunk gave none."""
        return [
            {"index": index, **choice.whole(reason)}
            for index, choice in sorted(self._choices.items())
        ]


def _decoded(chunks: Sequence[bytes]) -> list[list[ChunkChoice]]:
    try:
        return _CHUNKS.decode(b"[" + b",".join(chunks) + b"]")
    except msgspec.DecodeError as error:
        raise _no_chunk() from error


def _no_chunk() -> EngineFailed:
    return EngineFailed("The engine sent a chunk that is not of the protocol.")


class _Choice:
    """One choice as far as it has come."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._others: dict[str, Member] = {}
        self._calls: dict[int, dict[str, Member]] = {}
        self._logprobs: dict[str, Member] | None = None
        self._reason: str | None = None

    def add(self, chunk: ChunkChoice) -> None:
        for name, value in (chunk.delta or {}).items():
            if value is None or name == "role":
                continue
            if isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif name == "tool_calls" and isinstance(value, list):
                self._call(cast("list[Member]", value))
            else:
                _put(self._others, name, value)
        if chunk.logprobs is not None:
            self._logprobs = self._logprobs or {}
            for name, value in chunk.logprobs.items():
                _put(self._logprobs, name, value)
        self._reason = chunk.finish_reason or self._reason

    def add_text(self, written: bytes) -> None:
        """Take a text as it stands inside of its quotes in JSON."""
        try:
            text = _TEXT.decode(b'"' + written + b'"')
        except msgspec.DecodeError as error:
            raise _no_chunk() from error
        self._texts.setdefault("content", []).append(text)

    def whole(self, reason: FinishReason) -> dict[str, Member]:
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        calls = [call for _, call in sorted(self._calls.items())]
        content = texts.pop("content", None)
        if content is None and not calls and not self._others:
            content = ""
        message: dict[str, Member] = {
            "role": "assistant",
            "content": content or (None if calls else content),
            "refusal": texts.pop("refusal", None),
            **texts,
            **self._others,
        }
        if calls:
            message["tool_calls"] = calls
        return {
            "message": message,
            "finish_reason": self._reason or reason,
            "logprobs": self._logprobs,
        }

    def _call(self, calls: list[Member]) -> None:
        for position, call in enumerate(calls):
            if not isinstance(call, dict):
                continue
            call = cast("dict[str, Member]", call)
            told = call.get("index")
            index = told if isinstance(told, int) else position
            mine = self._calls.setdefault(index, {})
            for name, value in call.items():
                if name != "index":
                    _put(mine, name, value)


def _put(mine: dict[str, Member], name: str, value: Member) -> None:
    """Add a member to what there is: lists and texts grow, objects merge, the rest is replaced."""
    present = mine.get(name)
    if value is None:
        mine.setdefault(name, None)
    elif isinstance(present, list) and isinstance(value, list):
        cast("list[Member]", present).extend(cast("list[Member]", value))
    elif isinstance(present, dict) and isinstance(value, dict):
        for inner, piece in cast("dict[str, Member]", value).items():
            _put(cast("dict[str, Member]", present), inner, piece)
    elif isinstance(present, str) and isinstance(value, str) and name not in _CALLED_ONCE:
        mine[name] = present + value
    elif value != "" or present is None:
        mine[name] = value
