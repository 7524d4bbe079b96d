"""JSON Schemas, as people and pydantic write them: types, formats, enumerations, references, what may be null."""

from dataclasses import dataclass
from typing import Final

from readstone.core.errors import InvalidRequest
from readstone.core.extraction import Field, Group, ListOf, Node, ValueKind
from readstone.extraction.schema.brackets import Parsed
from readstone.extraction.schema.limits import LEAVES, NESTING, require

_KINDS: Final[dict[str, ValueKind]] = {
    "string": "text",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
}
_DAYS: Final = frozenset({"date", "date-time"})
_UNREAD: Final = ("prefixItems", "patternProperties", "if", "not", "dependentSchemas")


def unwrapped(parsed: dict[str, Parsed]) -> dict[str, Parsed] | None:
    """The JSON Schema that an object is, or holds as OpenAI's `json_schema` and `response_format` do; None if it is none."""
    for name in ("json_schema", "schema"):
        inner = parsed.get(name)
        if isinstance(inner, dict):
            found = unwrapped(inner)
            if found is not None:
                return found
    declared = parsed.get("type") == "object" or "$schema" in parsed
    if isinstance(parsed.get("properties"), dict) and declared:
        return parsed
    items = parsed.get("items")
    if parsed.get("type") == "array" and isinstance(items, dict) and "properties" in items:
        return parsed
    return parsed if isinstance(parsed.get("$ref"), str) and _definitions(parsed) else None


def root_of(schema: dict[str, Parsed]) -> Group | ListOf:
    """What a JSON Schema asks for.

    Of alternatives the first that is not null counts. Raises InvalidRequest where the root is no object or list of objects, an object
    names no properties, a reference leads nowhere or into itself, or it says what cannot be honoured.
    """
    node = _Reader(schema).node("", schema, ())
    if isinstance(node, Field):
        raise InvalidRequest(
            "The root of the schema must be an object with properties.", param="schema"
        )
    return node


def _definitions(schema: dict[str, Parsed]) -> bool:
    return any(isinstance(schema.get(name), dict) for name in ("$defs", "definitions"))


@dataclass(slots=True)
class _Reader:
    """Reads the parts of one schema; `leaves` and `levels` are counted on the way, since references make much of little."""

    root: dict[str, Parsed]
    leaves: int = 0
    levels: int = 0

    def node(self, key: str, part: Parsed, within: tuple[str, ...]) -> Node:
        """What the part of that key asks for; `within` are the references that led here."""
        if part is True or part == {}:
            return self._leaf(Field(key))
        if not isinstance(part, dict):
            raise InvalidRequest(
                f"The schema of {key or 'the root'!r} is not an object.", param="schema"
            )
        part, within = self._resolved(key, part, within)
        for keyword in _UNREAD:
            if keyword in part:
                raise InvalidRequest(
                    f"The schema uses {keyword!r}, which is not supported.", param="schema"
                )
        name = _type(part)
        if name not in {"object", "array"}:
            return self._leaf(_field(key, part, name))
        self.levels += 1
        require(self.levels, NESTING, "levels")
        found = (
            self._group(key, part, within)
            if name == "object"
            else ListOf(self.node(key, part.get("items", True), within))
        )
        self.levels -= 1
        return found

    def _leaf(self, field: Field) -> Field:
        self.leaves += 1
        require(self.leaves, LEAVES, "leaves")
        return field

    def _group(self, key: str, part: dict[str, Parsed], within: tuple[str, ...]) -> Group:
        properties = part.get("properties")
        if not isinstance(properties, dict) or not properties:
            raise InvalidRequest(
                f"The schema's object {key or 'at the root'!r} names no properties.", param="schema"
            )
        return Group(
            tuple((name, self.node(name, inner, within)) for name, inner in properties.items())
        )

    def _resolved(
        self, key: str, part: dict[str, Parsed], within: tuple[str, ...]
    ) -> tuple[dict[str, Parsed], tuple[str, ...]]:
        """The part with what it refers to, and its first alternative, made its own; its own words win."""
        for _ in range(NESTING):
            reference = part.get("$ref")
            if isinstance(reference, str):
                # What is referred to is named for its class, not for what it is here.
                named = self._referred(reference)
                chosen = {
                    word: said
                    for word, said in named.items()
                    if word not in {"title", "description"}
                }
                if reference in within:
                    raise InvalidRequest(f"The schema refers to itself at {key!r}.", param="schema")
                within += (reference,)
            else:
                chosen = _alternative(part)
            if chosen is None:
                return part, within
            own = {
                name: said
                for name, said in part.items()
                if name not in {"$ref", "anyOf", "oneOf", "allOf"}
            }
            part = {**chosen, **own}
        raise InvalidRequest(
            f"The schema nests alternatives too deeply at {key!r}.", param="schema"
        )

    def _referred(self, reference: str) -> dict[str, Parsed]:
        part: Parsed = self.root
        for step in reference.removeprefix("#").strip("/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            part = part.get(name) if isinstance(part, dict) and step else part if not step else None
        if not reference.startswith("#") or not isinstance(part, dict):
            raise InvalidRequest(
                f"The schema refers to {reference[:100]!r}, which it does not hold.", param="schema"
            )
        return part


def _alternative(part: dict[str, Parsed]) -> dict[str, Parsed] | None:
    for name in ("anyOf", "oneOf", "allOf"):
        given = part.get(name)
        if isinstance(given, list):
            alternatives = [
                each for each in given if isinstance(each, dict) and each.get("type") != "null"
            ]
            if not alternatives:
                raise InvalidRequest(
                    f"The schema's {name!r} leaves nothing to find.", param="schema"
                )
            if name == "allOf" and len(alternatives) > 1:
                raise InvalidRequest(
                    "The schema uses 'allOf' of several, which is not supported.", param="schema"
                )
            return alternatives[0]
    return None


def _type(part: dict[str, Parsed]) -> str:
    said = part.get("type")
    if isinstance(said, list):
        said = next((each for each in said if each != "null"), "string")
    if isinstance(said, str):
        return said
    return "object" if "properties" in part else "array" if "items" in part else "string"


def _field(key: str, part: dict[str, Parsed], name: str) -> Field:
    kind = _KINDS.get(name)
    if kind is None:
        raise InvalidRequest(
            f"The schema's type {name[:40]!r} at {key!r} is none to find.", param="schema"
        )
    said = next(
        (each for each in (part.get("description"), part.get("title")) if isinstance(each, str)), ""
    )
    label = said.strip() or key
    given = part.get("enum", [part["const"]] if "const" in part else [])
    choices = (
        tuple(each for each in given if isinstance(each, str)) if isinstance(given, list) else ()
    )
    if kind == "text" and choices:
        return Field(label, "choice", choices)
    is_day = kind == "text" and str(part.get("format")) in _DAYS
    return Field(label, "date" if is_day else kind)
