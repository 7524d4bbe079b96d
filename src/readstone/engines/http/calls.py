"""The tool calls of a stream as clients put them together: numbered, their arguments a text."""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias, cast

import msgspec

JSON: TypeAlias = dict[str, Any]

_ENCODER: Final = msgspec.json.Encoder()


class Calls:
    """Numbers the calls of each choice over one stream, where a server numbers all of them 0 or none."""

    __slots__ = ("_ids", "_places")

    def __init__(self) -> None:
        self._places: dict[tuple[int, int], int] = {}
        """The number of the last call of a choice that was told under a number."""
        self._ids: dict[tuple[int, int], object] = {}

    def numbered(self, raw: bytes) -> bytes:
        """The choices of a chunk (JSON), as they came where nothing is to be done."""
        choices = msgspec.json.decode(raw, type=list[JSON])
        changes = [self._number(*found) for found in _calls(choices)]
        return _ENCODER.encode(choices) if any(changes) else raw

    def _number(self, choice: int, position: int, call: JSON) -> bool:
        """Give a piece of a call its number; whether that, or its arguments, had to be changed."""
        told = call.get("index")
        under = choice, told if isinstance(told, int) else position
        place = self._places.get(under)
        function = cast("JSON", call.get("function") or {})
        # Older versions of vLLM give every piece an id of its own, but a name to the first alone.
        begins = bool(call.get("id") and function.get("name"))
        if place is None or (begins and self._ids[choice, place] != call["id"]):
            taken = [number for of, number in self._ids if of == choice]
            place = max(taken) + 1 if under[1] in taken else under[1]
            self._places[under] = place
            self._ids[choice, place] = call.get("id")
        arguments = function.get("arguments")
        is_text = arguments is None or isinstance(arguments, str)
        if not is_text:
            function["arguments"] = _ENCODER.encode(arguments).decode()
        call["index"] = place
        return told != place or not is_text


def _calls(choices: list[JSON]) -> Iterator[tuple[int, int, JSON]]:
    """Each piece of a call, with the number of its choice and its place among the choice's."""
    for choice in choices:
        number, delta = choice.get("index"), choice.get("delta")
        pieces = cast("JSON", delta).get("tool_calls") if isinstance(delta, dict) else None
        for position, piece in enumerate(cast("list[object]", pieces or [])):
            call = cast("JSON", piece) if isinstance(piece, dict) else {"function": 0}
            if isinstance(call.get("function") or {}, dict):
                yield number if isinstance(number, int) else 0, position, call
