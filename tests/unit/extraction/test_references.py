"""JSON Schemas that make much of little: definitions that refer to each other."""

import json
from collections.abc import Mapping, Sequence

import pytest

from readstone.core.errors import InvalidRequest
from readstone.extraction.schema import parse_schema
from readstone.extraction.schema.limits import LEAVES


def referring(definitions: Sequence[Mapping[str, object]]) -> str:
    """A schema whose definitions are named d0, d1 and so on, and which asks for the first."""
    named = {f"d{number}": each for number, each in enumerate(definitions)}
    first: dict[str, object] = {"a": {"$ref": "#/$defs/d0"}}
    return json.dumps({"type": "object", "properties": first, "$defs": named})


@pytest.mark.parametrize("leaf", [{}, True, {"type": "string"}])
def test_definitions_that_double_each_other_are_refused_before_they_are_many(leaf: object) -> None:
    doubled: list[Mapping[str, object]] = [
        {"properties": {side: {"$ref": f"#/$defs/d{number + 1}"} for side in "ab"}}
        for number in range(40)
    ]
    with pytest.raises(InvalidRequest, match=f"{LEAVES + 1} leaves, more than {LEAVES}"):
        parse_schema(referring([*doubled, {"properties": {"x": leaf}}]))


@pytest.mark.parametrize("kind", ["properties", "items"])
def test_definitions_that_lead_to_each_other_without_end_are_refused(kind: str) -> None:
    def part(number: int) -> dict[str, object]:
        inner: dict[str, object] = {"$ref": f"#/$defs/d{number + 1}"}
        return {kind: {"x": inner} if kind == "properties" else inner}

    chain: list[Mapping[str, object]] = [*map(part, range(3000)), {"type": "string"}]
    with pytest.raises(InvalidRequest, match="levels, more than"):
        parse_schema(referring(chain))
