"""Finds what stands in brackets in free text, and reads it as JSON, however people wrote it."""

import json
import re
from collections.abc import Iterator
from typing import Final, TypeAlias, cast

from readstone.core.errors import InvalidRequest
from readstone.extraction.schema.limits import NESTING, SLOPPY, TEXT, require

Parsed: TypeAlias = "dict[str, Parsed] | list[Parsed] | str | int | float | bool | None"

_CLOSING: Final = {"{": "}", "[": "]"}
_QUOTES: Final = "\"'"
_FULL_WIDTH: Final = str.maketrans(
    {"\uff5b": "{", "\uff5d": "}", "\uff3b": "[", "\uff3d": "]", "\u3010": "[", "\u3011": "]", "\u201c": '"', "\u201d": '"',
     "\u201e": '"', "\u300c": '"', "\u300d": '"', "\u2018": "'", "\u2019": "'", "\uff1a": ":", "\uff0c": ",", "\u3001": ",",
     "\uff02": '"', "\u00a0": " ", "\u3000": " "}
)  # fmt: skip
_COMMENT: Final = re.compile(r"//[^\n]*|/\*[^*]{0,200}\*/|#[^\n]*")
_AGAIN: Final = re.compile(r"[ \t\r]+(?=[ \t\r\n])|,(?=,)")
"""What a mark of the same sort follows at once: it says nothing more."""
_CLOSED: Final = re.compile(r"\s{0,40}(?:[:,\]}\n]|//|/\*|#|$)")
_PAIR: Final = re.compile(r"[{,\[\s](?:\"[^\"\n]+\"|'[^'\n]+'|[^\s\"'{}\[\],:]+)\s*:(?!//)")
_KEY: Final = re.compile(
    r"\"((?:[^\"\\\n]|\\.)+)\"\s*:|'((?:[^'\\\n]|\\.)+)'\s*:|(?<=[{,\n])\s{0,40}([^\s\"'{}\[\],:]+)\s*:"
)


def bracketed(text: str, opening: str) -> Iterator[tuple[int, str]]:
    """The balanced pieces of the text that begin with `opening`, full-width brackets too, none inside another: where, what.

    One that is not closed ends with the text.
    """
    plain = text.translate(_FULL_WIDTH)
    strings = _Strings(plain)
    position = plain.find(opening)
    while position >= 0:
        end = _end(plain, position, strings)
        # Full-width marks inside of strings are the client's own words, where the whole is JSON already.
        yield position, text[position:end]
        position = plain.find(opening, end)


def loads(text: str, sloppy: int = SLOPPY) -> Parsed:
    """What the text says as JSON, repaired where need be; a plain string where it is nothing like it.

    Raises InvalidRequest where a key stands twice in one object, or where the text is beyond the limits: with more than
    `sloppy` characters it must be JSON.
    """
    require(len(text), TEXT, "characters")
    require(_nesting(text), NESTING, "brackets within brackets")
    try:
        return cast("Parsed", json.loads(text, object_pairs_hook=_object))
    except ValueError:
        return _repaired(text, sloppy)


def is_listed(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` stands in square brackets of its own."""
    around = text[:start].rstrip()[-1:] + text[end:].lstrip()[:1]
    return around.translate(_FULL_WIDTH) == "[]"


def is_paired(text: str) -> bool:
    """Whether a piece in braces has a key and a colon: `{x}` and `{"a", "b"}` have none."""
    return _PAIR.search(text.translate(_FULL_WIDTH)) is not None


def _repaired(text: str, most: int) -> Parsed:
    text = _AGAIN.sub("", text)
    require(len(text), max(0, most), "characters that are no JSON as they are")
    # Sloppy schemas are few: who sends none does not wait for the library.
    from json_repair import loads as repair  # noqa: PLC0415

    plain = text.translate(_FULL_WIDTH)
    _refuse_twice(plain)
    try:
        return cast("Parsed", repair(plain, skip_json_loads=True))
    except (ValueError, RecursionError):
        return text


def _refuse_twice(text: str) -> None:
    """Refuses a key that stands twice in one object: the library would keep the last and say nothing."""
    bare = _COMMENT.sub(lambda found: found[0] if "://" in found[0] else " ", text)
    opened: list[set[str]] = []
    strings = _Strings(bare)
    position = 0
    while position < len(bare):
        match = _KEY.match(bare, position)
        if match and opened:
            key = next(filter(None, match.groups()))
            _refuse_if(key in opened[-1], key)
            opened[-1].add(key)
            position = match.end()
            continue
        if bare[position] in _CLOSING:
            opened.append(set())
        elif bare[position] in _CLOSING.values() and opened:
            opened.pop()
        position = strings.behind(position) if bare[position] in _QUOTES else position + 1


def _object(pairs: list[tuple[str, Parsed]]) -> dict[str, Parsed]:
    seen: dict[str, Parsed] = {}
    for key, value in pairs:
        _refuse_if(key in seen, key)
        seen[key] = value
    return seen


def _refuse_if(twice: bool, key: str) -> None:  # noqa: FBT001  (what it asks is in its name)
    if twice:
        raise InvalidRequest(
            f"The schema has the key {json.dumps(key[:80], ensure_ascii=False)} twice.",
            param="schema",
        )


def _end(text: str, start: int, strings: "_Strings") -> int:
    """Behind the bracket that closes the one at `start`; the text's end where none does."""
    waiting: list[str] = []
    position = start
    while position < len(text):
        character = text[position]
        if character in _CLOSING:
            waiting.append(_CLOSING[character])
        elif character in waiting[-1:]:
            waiting.pop()
            if not waiting:
                return position + 1
        position = strings.behind(position) if character in _QUOTES else position + 1
    return len(text)


class _Strings:
    """Where the strings of a text end, in time linear in its length."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open_until = dict.fromkeys(_QUOTES, 0)
        # A quote that nothing closes on its line is closed by nothing that comes later on it.

    def behind(self, start: int) -> int:
        """Behind the string that begins at `start`; the next character where it is no string but an apostrophe."""
        text, quote = self._text, self._text[start]
        if start < self._open_until[quote] or (quote == "'" and text[start - 1 : start].isalnum()):
            return start + 1
        position = start + 1
        while position < len(text) and text[position] != "\n":
            if text[position] == "\\":
                position += 1
            elif text[position] == quote and _CLOSED.match(text, position + 1):
                return position + 1
            position += 1
        self._open_until[quote] = position
        return start + 1


def _nesting(text: str) -> int:
    deepest = depth = 0
    for character in text.translate(_FULL_WIDTH):
        depth += (character in _CLOSING) - (character in _CLOSING.values())
        deepest = max(deepest, depth)
    return deepest
