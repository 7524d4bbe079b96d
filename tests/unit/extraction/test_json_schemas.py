"""JSON Schemas whose words say what they never say: answered or refused, never a mistake of ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import InvalidRequest
from readstone.extraction.schema import parse_schema

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)
WORDS = st.sampled_from(
    [
        *("type", "format", "enum", "const", "items", "properties", "description", "title"),
        *("$ref", "anyOf", "oneOf", "allOf", "required", "additionalProperties", "$defs"),
    ]
)


@given(
    st.dictionaries(WORDS, ANYTHING | st.sampled_from(["string", "array", "object"]), max_size=4)
)
def test_any_words_of_a_field_are_answered_or_refused(field: dict[str, object]) -> None:
    schema = {"type": "object", "properties": {"a": field}}
    said = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    try:
        found = parse_schema("", json.dumps(said).encode())
    except InvalidRequest:
        return
    assert found is not None


@pytest.mark.parametrize("word", [["date"], {"a": 1}, 5, None])
def test_a_format_that_is_no_word_says_nothing(word: object) -> None:
    field = {"type": "string", "format": word}
    found = parse_schema(json.dumps({"type": "object", "properties": {"a": field}}))
    assert found is not None
