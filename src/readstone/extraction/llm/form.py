"""The form a language model answers in: a JSON Schema whose leaves are a value and the lines it was read from."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, assert_never

from readstone.core.errors import InvalidRequest
from readstone.core.extraction import Field, Group, ListOf, Node, Schema

Form: TypeAlias = Mapping[str, Any]
"""A JSON Schema, or a piece of one."""

MOST_FIELDS = 400
"""Leaves of a schema that a language model is asked for at once; engines compile a grammar from each of them."""
MOST_CITED = 24
"""Lines that one value may be read from."""
LONGEST = 500
"""Characters of a value; so a model that repeats itself comes to an end."""
LONGEST_FIGURES = 60
"""Characters of a date or a number."""
_TEXT = "text"
_FIGURES = "figures"
VALUE = "value"
LINES = "lines"
ITEMS = "items"
"""What the list is called that a schema is as a whole."""


def response_format(schema: Schema) -> bytes:
    """What a chat request asks for as `response_format`, as JSON.

    Every key is required and none may be added; every value is text or null: a model that writes numbers changes
    their digits. InvalidRequest where the schema has more fields than MOST_FIELDS.
    """
    count = sum(1 for _ in fields(schema.root))
    if count > MOST_FIELDS:
        raise InvalidRequest(
            f"The schema has {count} fields; a language model is asked for at most {MOST_FIELDS}."
        )
    # The root of an answer is always an object: engines' grammars know no other.
    listed = isinstance(schema.root, ListOf)
    return _wrapped(_object([(ITEMS, _form(schema.root))]) if listed else _form(schema.root))


def flat_format(asked: Iterable[tuple[str, Field]]) -> bytes:
    """The `response_format` of an answer that has one leaf under each name."""
    return _wrapped(_object((name, _form(field)) for name, field in asked))


def _wrapped(form: Form) -> bytes:
    """A JSON Schema as `response_format`, as JSON; the leaves that most fields are, are defined once."""
    leaves = {
        name: _leaf({"type": ["string", "null"], "maxLength": longest})
        for name, longest in ((_TEXT, LONGEST), (_FIGURES, LONGEST_FIGURES))
    }
    named = {"name": "extraction", "strict": True, "schema": {**form, "$defs": leaves}}
    return json.dumps({"type": "json_schema", "json_schema": named}, ensure_ascii=False).encode()


def template(schema: Schema) -> str:
    """The schema as the model is told it: the client's keys, with what each value is."""
    root = _told(schema.root)
    return json.dumps({ITEMS: root} if isinstance(root, list) else root, ensure_ascii=False)


def told(field: Field) -> str:
    """What a value is, in the client's words and ours."""
    match field.kind:
        case "date":
            return f"{field.label} (a date, as printed)"
        case "number" | "integer":
            return f"{field.label} (a number, digits as printed)"
        case "boolean":
            return f'{field.label} ("true" or "false")'
        case "choice":
            return f"{field.label} (one of: {', '.join(field.choices)})"
        case "verbatim" | "text":
            return f"{field.label} (text, as printed)"


def fields(node: Node) -> Iterator[Field]:
    """Every leaf of a schema, in order."""
    match node:
        case Field():
            yield node
        case Group(members=members):
            for _, member in members:
                yield from fields(member)
        case ListOf(item=item):
            yield from fields(item)
        case _:
            assert_never(node)


def _form(node: Node) -> Form:
    match node:
        case Field(kind="boolean"):
            return _leaf({"enum": ["true", "false", None]})
        case Field(kind="choice", choices=choices):
            return _leaf({"enum": [*choices, None]})
        case Field(kind="text" | "verbatim"):
            return {"$ref": f"#/$defs/{_TEXT}"}
        case Field():
            return {"$ref": f"#/$defs/{_FIGURES}"}
        case Group(members=members):
            return _object((key, _form(member)) for key, member in members)
        case ListOf(item=item):
            return {"type": "array", "items": _form(item)}
        case _:
            assert_never(node)


def _leaf(value: Form) -> Form:
    cited = {"type": "array", "items": {"type": "integer"}, "maxItems": MOST_CITED}
    return _object([(VALUE, value), (LINES, cited)])


def _object(members: Iterable[tuple[str, Form]]) -> Form:
    properties = dict(members)
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _told(node: Node) -> object:
    match node:
        case Field():
            return told(node)
        case Group(members=members):
            return {key: _told(member) for key, member in members}
        case ListOf(item=item):
            return [_told(item)]
        case _:
            assert_never(node)
