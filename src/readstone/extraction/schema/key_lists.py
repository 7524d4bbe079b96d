"""Schemas that are no more than the names of what is wanted: in brackets and quotes, after "fields:", or alone."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, TypeAlias

from readstone.core.errors import InvalidRequest
from readstone.core.extraction import Field, Group
from readstone.extraction.labels import understand
from readstone.extraction.schema.brackets import bracketed, loads
from readstone.extraction.schema.limits import SLOPPY
from readstone.extraction.schema.templates import field_of

_Names: TypeAlias = list[tuple[str, str]]
_LONGEST: Final = 60
"""Characters of a name."""
_WORDIEST: Final = 6
"""Words of a name."""
_LOOKED_AT: Final = 8_000
"""Characters of a text without brackets that are looked at."""
_MOST: Final = 100
"""Names of a list that does not stand in brackets."""
_PLAIN_WORD: Final = 3
"""Characters of a word, not in Latin letters, that leaves no doubt alone."""
_PIECES: Final = 64
"""Pieces in brackets that are looked at."""
_REACH: Final = 200
"""Characters before a piece in which a word for fields may stand."""
_QUOTED: Final = re.compile(r"[\"'\u2018\u201c]")
_FIELDS: Final = r"\bfields?\b|\bkeys?\b|\battributes?\b|\bentities\b|\u5b57\u6bb5|\u8981\u7d20|\u6b04\u4f4d|\u9805\u76ee|\bFelder\b|\bchamps\b|\bcampos\b|\bcampi\b"
_BEFORE_LIST: Final = re.compile(rf"(?:{_FIELDS})[^\n\[]{{0,60}}$", re.IGNORECASE)
_INTRODUCED: Final = re.compile(
    rf"(?:{_FIELDS})[^\n:\uff1a]{{0,40}}[:\uff1a](.+)", re.IGNORECASE | re.DOTALL
)
_ASKED: Final = re.compile(
    r"(?:\b(?:extract|find|get|give me|return|list|extrahiere|extrahieren|extraire|extrais|extraer|extrae|estrai|extraia)\b"
    r"|\u63d0\u53d6|\u62bd\u53d6|\u62bd\u51fa)(?:[^:\uff1a\n,\uff0c\u3001]{0,40}[:\uff1a])?(.+)",
    re.IGNORECASE | re.DOTALL,
)
_ENDS: Final = re.compile(
    r"\n[ \t]*\n|(?<!\d)[.\u3002;\uff1b!](?:\s|$)|\b(?:from|in|as|and return|and output|aus|auf|de la|depuis|della|desde)\b"
    r"(?= (?:the|this|an?|json|der|dem|diesem|imagen?|immagine|image|l'))|\u5e76\u4ee5|\u5e76\u7528|\u4ee5json",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(
    r"[,\uff0c\u3001;\uff1b\n]|\s(?:and|und|et|y|e|ed)\s|(?<=[\u4e00-\u9fff])[\u548c\u53ca\u4e0e](?=[\u4e00-\u9fff])"
)
_COLON: Final = re.compile(r"\s*[:\uff1a]\s*")
_BULLET: Final = re.compile(
    r"^(?:[-*\u2022\u00b7]\s*|\d{1,2}[.)\u3001]\s*)|^(?:and|und|et|y|e)\s|^(?:the|an?|der|die|das|le|la|les|el|il)\s|^l'",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[\w\u00b0#%&/().' -]+")
_KEYLIKE: Final = re.compile(r"[A-Za-z]\w*_\w+|[a-z]+(?:[A-Z][a-z0-9]+)+")
_ORDERS: Final = re.compile(
    r"(?:extract|read|transcribe|preserve|keep|output|return|give|do|please|ocr|convert|format|use|ignore|include|make|be|what|"
    r"how|who|is|are|then|no|not|only|all|every|text|tables?|layout|markdown|json|html|\u8bf7|\u4e0d|\u4fdd\u7559|\u8f93\u51fa|\u8bc6\u522b)\b",
    re.IGNORECASE,
)


def group_of_keys(text: str) -> Group | None:
    """The named fields, each its own label, in their order; None where the text is no list of names.

    Raises InvalidRequest where a name stands twice in a list that can be nothing else.
    """
    listed = (
        _in_brackets(text)
        or _introduced(text[:_LOOKED_AT])
        or _asked(text[:_LOOKED_AT])
        or _alone(text)
    )
    # A name alone says nothing of its kind: "date" is not the type here.
    fields = (
        (name, Field(name) if label == name else field_of(name, label)) for name, label in listed
    )
    return Group(tuple(fields)) if listed else None


def _in_brackets(text: str) -> _Names:
    """`['invoice_no', 'date']` after a word for fields, or on its own, as HunyuanOCR is asked."""
    whole, room = text.strip(), SLOPPY
    for start, piece in islice(_quoting(text), _PIECES):
        if piece == whole or _BEFORE_LIST.search(text[max(0, start - _REACH) : start]):
            keys = loads(piece, room)
            room -= len(piece)
            if isinstance(keys, list) and all(isinstance(key, str) and key.strip() for key in keys):
                return _once([(str(key), str(key)) for key in keys])
    return []


def _quoting(text: str) -> Iterator[tuple[int, str]]:
    """The pieces in brackets that have something in quotes, with where they begin."""
    for start, piece in bracketed(text, "["):
        if _QUOTED.search(piece):
            yield start, piece


def _introduced(text: str) -> _Names:
    match = _INTRODUCED.search(text)
    names = _names(match[1]) if match else []
    return _once(names) if names and all(_is_name(name) for name, _ in names) else []


def _asked(text: str) -> _Names:
    match = _ASKED.search(text)
    names = _names(match[1]) if match else []
    return _once(names) if len(names) > 1 and all(map(_is_known, names)) else []


def _alone(text: str) -> _Names:
    if len(text) > _LOOKED_AT:
        return []
    names = _names(text)
    if not names or not all(_is_name(name) for name, _ in names):
        return []
    known = sum(map(_is_known, names))
    return (
        _once(names)
        if 2 * known >= len(names) and (len(names) > 1 or _is_plain(names[0][0]))
        else []
    )


def _names(text: str) -> _Names:
    """The names of a list with their labels: what follows a colon on a line of its own, else the names themselves."""
    end = _ENDS.search(text.strip())
    body = text.strip()[: end.start() if end else None]
    lines = [line for line in body.split("\n") if line.strip()]
    labelled = len(lines) > 1 and all(re.search(r"\w\s*[:\uff1a]\s*\w", line) for line in lines)
    parts = [_bare(part) for part in (lines if labelled else _BETWEEN.split(body))]
    if len(parts) > _MOST:
        return []
    if labelled:
        return [(key, label) for key, label in (_COLON.split(part, maxsplit=1) for part in parts)]
    return [(name, name) for name in parts if name]


def _bare(part: str) -> str:
    name = part.strip()
    while match := _BULLET.match(name):
        name = name[match.end() :].strip()
    return name.strip("\"'`\u2018\u2019\u201c\u201d ").rstrip(".:\u3002\uff1a")


def _is_name(name: str) -> bool:
    short = len(name) <= _LONGEST and len(name.split()) <= _WORDIEST
    return short and _NAME.fullmatch(name) is not None and not _ORDERS.match(name)


def _is_known(named: tuple[str, str]) -> bool:
    name = named[0]
    return _is_name(name) and (_KEYLIKE.fullmatch(name) is not None or understand(name) is not None)


def _is_plain(name: str) -> bool:
    """Whether a single name leaves no doubt: two words, a key, or a word of Chinese or Japanese."""
    return (
        len(name.split()) > 1
        or _KEYLIKE.fullmatch(name) is not None
        or (not name.isascii() and len(name) >= _PLAIN_WORD)
    )


def _once(names: _Names) -> _Names:
    seen: set[str] = set()
    for name, _ in names:
        if name in seen:
            raise InvalidRequest(f"The field {name[:80]!r} is asked for twice.", param="schema")
        seen.add(name)
    return names
