"""Schemas by example: an object whose leaves are labels, types or lists of choices."""

import re
from typing import Final

from readstone.core.extraction import Field, Group, ListOf, Node, ValueKind
from readstone.extraction.schema.brackets import Parsed

_TYPES: Final[dict[str, ValueKind]] = {
    "string": "text", "str": "text", "text": "text", "verbatim-string": "verbatim", "verbatim": "verbatim",
    "number": "number", "float": "number", "decimal": "number", "double": "number", "integer": "integer", "int": "integer",
    "date": "date", "date-time": "date", "datetime": "date", "boolean": "boolean", "bool": "boolean",
}  # fmt: skip
"""The words of typed templates, as in NuExtract, TypeScript and Python; in lower case, for "Date" is a label."""
_NULLABLE: Final = re.compile(r"\s*(?:\|\s*(?:null|none|undefined)|\?|\[\])\s*$", re.IGNORECASE)
_CHOICES: Final = re.compile(r"^[^|]{1,60}(?:\|[^|]{1,60})+$")
_ISO: Final = re.compile(
    r"[,;(\s]*\b(?:in\s+)?(?:YYYY[-/.]MM[-/.]DD|ISO[ -]?8601)\b(?:\s+format)?\)?", re.IGNORECASE
)
_AS_PRINTED: Final = re.compile(
    r"\b(?:as printed|verbatim|exactly as (?:printed|written|shown))\b", re.IGNORECASE
)
_EMPTY: Final = re.compile(r"[\W_]*")


def group_of(template: dict[str, Parsed]) -> Group | None:
    """What an object asks for, or None where it asks for nothing: it or an object in it has no members."""
    members: list[tuple[str, Node]] = []
    for key, value in template.items():
        node = _node(key, value)
        if node is None or not key.strip():
            return None
        members.append((key, node))
    return Group(tuple(members)) if members else None


def field_of(key: str, said: str) -> Field:
    """The field of a leaf: its text is a type, choices (`cash|card`), or a label, which may ask for a form of the value."""
    bare = _NULLABLE.sub("", said)
    kind = _TYPES.get(bare.strip())
    if kind:
        return Field(key, kind)
    if _CHOICES.match(bare):
        return _choice(key, [part.strip().strip("'\"") for part in bare.split("|")])
    label = said.strip()
    kind = "date" if _ISO.search(label) else "verbatim" if _AS_PRINTED.search(label) else "text"
    label = " ".join(_ISO.sub("", label).split()) if kind == "date" else label
    return Field(key if _EMPTY.fullmatch(label) else label, kind)


def _node(key: str, value: Parsed) -> Node | None:
    match value:
        case dict():
            return group_of(value)
        case list():
            return _listed(key, value)
        case str():
            return field_of(key, value)
        case bool():
            return Field(key, "boolean")
        case int() | float():
            return Field(key, "number")
        case None:
            return Field(key)


def _listed(key: str, items: list[Parsed]) -> Node | None:
    """A list of one is as many of that; of several texts, a choice; of a list of texts, several of these choices."""
    texts = [item for item in items if isinstance(item, str)]
    if len(items) > 1 and len(texts) == len(items):
        return _choice(key, texts)
    if not items:
        return ListOf(Field(key))
    item = _node(key, items[0])
    return None if item is None else ListOf(item)


def _choice(key: str, choices: list[str]) -> Field:
    kept = tuple(dict.fromkeys(choice for choice in choices if choice))
    return Field(key, "choice", kept) if kept else Field(key)
