"""The choices of a whole answer, merged from the chunks of an engine's stream."""

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
_CALLED_ONCE = frozenset({"id", "type", "name"})
"""Members of a tool call that come whole; its other texts come in pieces."""


class Choices:
    """Gathers chunks; false while there was none."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}

    def __bool__(self) -> bool:
        return bool(self._choices)

    def add_text(self, text: str) -> None:
        """Take a further piece of the first choice's text."""
        mine = self._choices.get(0)
        if mine is None:
            mine = self._choices[0] = _Choice()
        mine.content.append(text)

    def add(self, chunks: Sequence[bytes]) -> None:
        """Take the JSON of the `choices` of further chunks; EngineFailed for what is not that."""
        try:
            read = _CHUNKS.decode(b"[" + b",".join(chunks) + b"]")
        except msgspec.DecodeError as error:
            raise EngineFailed("The engine sent a chunk that is not of the protocol.") from error
        for choice in chain.from_iterable(read):
            mine = self._choices.get(choice.index)
            if mine is None:
                mine = self._choices[choice.index] = _Choice()
            mine.add(choice)

    def whole(self, reason: FinishReason) -> list[dict[str, Member]]:
        """The choices by their index; `reason` where a chunk gave none."""
        return [
            {"index": index, **choice.whole(reason)}
            for index, choice in sorted(self._choices.items())
        ]


class _Choice:
    """One choice as far as it has come."""

    def __init__(self) -> None:
        self.content: list[str] = []
        """The pieces of its text, in their order."""
        self.reason: str | None = None
        self._texts: dict[str, list[str]] = {"content": self.content}
        self._others: dict[str, Member] = {}
        self._calls: dict[int, dict[str, Member]] = {}
        self._logprobs: dict[str, Member] | None = None

    def add(self, chunk: ChunkChoice) -> None:
        for name, value in (chunk.delta or {}).items():
            if value is None or name == "role":
                continue
            if isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif name == "tool_calls" and isinstance(value, list):
                self._call(cast("list[Member]", value))
            elif name == "content" and isinstance(value, list):
                self._parts(cast("list[Member]", value))
            else:
                _put(self._others, name, value)
        if chunk.logprobs is not None:
            self._logprobs = self._logprobs or {}
            for name, value in chunk.logprobs.items():
                _put(self._logprobs, name, value)
        self.reason = chunk.finish_reason or self.reason

    def whole(self, reason: FinishReason) -> dict[str, Member]:
        texts = {name: "".join(pieces) for name, pieces in self._texts.items() if pieces}
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
            "finish_reason": self.reason or reason,
            "logprobs": self._logprobs,
        }

    def _parts(self, parts: list[Member]) -> None:
        """Take content that is a list, as Mistral writes it: its texts, and under the name they have here its thoughts."""
        for part in parts:
            match part:
                case {"type": "text", "text": str(text)}:
                    self.content.append(text)
                case {"type": "thinking", "thinking": [{"text": str(text)}, *_]}:
                    self._texts.setdefault("reasoning_content", []).append(text)
                case _:
                    pass

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
