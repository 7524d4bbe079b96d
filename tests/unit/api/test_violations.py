from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from readstone.api.violations import decode_json
from readstone.core.errors import InvalidRequest


class Item(msgspec.Struct, tag_field="type", tag="item"):
    name: str
    score: float | None = None


class Note(msgspec.Struct, tag_field="type", tag="note"):
    text: str


class Body(msgspec.Struct):
    id: Annotated[str, Meta(min_length=1, max_length=3)]
    count: Annotated[int, Meta(ge=1, le=9)] | None = None
    share: Annotated[float, Meta(gt=0, lt=2)] | None = None
    colour: Literal["red", "blue"] | None = None
    parts: Annotated[list[Item | Note], Meta(min_length=1, max_length=2)] | None = None
    flags: dict[str, bool] | None = None
    text: str | list[str] | None = None
    nothing: dict[str, Any] | None = None


DECODER = msgspec.json.Decoder(Body)


def complain(content: str | bytes) -> InvalidRequest:
    encoded = content.encode() if isinstance(content, str) else content
    with pytest.raises(InvalidRequest) as caught:
        decode_json(DECODER, encoded)
    return caught.value


@pytest.mark.parametrize(
    ("content", "param", "message"),
    [
        ("[]", None, "The body must be an object, not an array."),
        ("null", None, "The body must be an object, not null."),
        ("1", None, "The body must be an object, not an integer."),
        ("1.5", None, "The body must be an object, not a number."),
        ('"x"', None, "The body must be an object, not a string."),
        ("true", None, "The body must be an object, not true or false."),
        ('{"id": 1}', "id", "'id' must be a string, not an integer."),
        ('{"id": ""}', "id", "'id' must be a string of length at least 1."),
        ('{"id": "long"}', "id", "'id' must be a string of length at most 3."),
        ('{"id": "a", "count": 0}', "count", "'count' must be an integer of at least 1."),
        ('{"id": "a", "count": 10}', "count", "'count' must be an integer of at most 9."),
        ('{"id": "a", "count": 1e999}', "count", "'count' is out of range."),
        (
            '{"id": "a", "count": "1"}',
            "count",
            "'count' must be an integer or null, not a string.",
        ),
        ('{"id": "a", "share": 0}', "share", "'share' must be a number of more than 0."),
        ('{"id": "a", "share": 2}', "share", "'share' must be a number of less than 2."),
        (f'{{"id": "a", "count": {"9" * 5000}}}', "count", "'count' is out of range."),
        ('{"id": "a", "colour": "green"}', "colour", "'colour' cannot be 'green'."),
        ('{"id": "a", "parts": []}', "parts", "'parts' must be an array of length at least 1."),
        (
            '{"id": "a", "parts": [{"type": "note"}]}',
            "parts[0].text",
            "'parts[0].text' is missing.",
        ),
        (
            '{"id": "a", "parts": [{"type": "note", "text": "x"}, {"type": "song"}]}',
            "parts[1].type",
            "'parts[1].type' cannot be 'song'.",
        ),
        ('{"id": "a", "parts": [{}]}', "parts[0].type", "'parts[0].type' is missing."),
        (
            '{"id": "a", "parts": [7]}',
            "parts[0]",
            "'parts[0]' must be an object, not an integer.",
        ),
        (
            '{"id": "a", "parts": [{"type": 7}]}',
            "parts[0].type",
            "'parts[0].type' must be a string.",
        ),
        (
            '{"id": "a", "flags": {"x": 1}}',
            "flags[...]",
            "'flags[...]' must be true or false, not an integer.",
        ),
        (
            '{"id": "a", "text": 5}',
            "text",
            "'text' must be a string or an array or null, not an integer.",
        ),
        ('{"id": "a", "text": [5]}', "text[0]", "'text[0]' must be a string, not an integer."),
        (
            '{"id": "a", "nothing": 5}',
            "nothing",
            "'nothing' must be an object or null, not an integer.",
        ),
    ],
)
def test_a_complaint_names_the_field_and_what_it_should_have_been(
    content: str, param: str | None, message: str
) -> None:
    error = complain(content)
    assert (error.param, error.message) == (param, message)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{}", "missing_parameter"),
        ('{"id": "a", "parts": [{"type": "item"}]}', "missing_parameter"),
        ('{"id": 5}', "invalid_value"),
        ('{"id": "a", "colour": "green"}', "invalid_value"),
        ("[]", "invalid_value"),
    ],
)
def test_a_complaint_has_a_code_for_programs(content: str, code: str) -> None:
    assert complain(content).code == code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b'{"id": "a"} x',
        b'{"id": NaN}',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"id": "\xff"}',
        b'{"id": "\\ud800"}',
        b'{"id": "a", "unknown": "\xff"}',
        b'{"id": "a", "\xff": 1}',
        b'{"id": "a", "\xed\xa0\x80": 1}',
    ],
)
def test_what_is_not_json_in_utf_8_is_told_so(content: bytes) -> None:
    error = complain(content)
    assert (error.message, error.param) == ("The body is not valid JSON.", None)
    assert error.code == "invalid_json"


@pytest.mark.parametrize("name", ["nothing", "unknown"])
def test_a_body_nested_too_deeply_is_refused(name: str) -> None:
    content = f'{{"id": "a", "{name}": {{"x": {"[" * 100_000}{"]" * 100_000}}}}}'
    error = complain(content)
    assert (error.message, error.code) == ("The body is nested too deeply.", "invalid_json")


def test_a_value_that_looks_like_a_place_does_not_move_the_complaint() -> None:
    error = complain('{"id": "a", "colour": "x` - at `$.foo`"}')
    assert error.param == "colour"
    assert error.message == "'colour' cannot be 'x` - at `$.foo`'."


def test_a_long_value_is_quoted_in_part() -> None:
    assert len(complain(f'{{"id": "a", "colour": "{"x" * 10_000}"}}').message) < 120


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*Body.__struct_fields__, "type", "x"]), inner)
    ),
    max_leaves=12,
)


def complaint(content: bytes) -> str:
    """What is said of a body; nothing where it is fine."""
    try:
        decode_json(DECODER, content)
    except InvalidRequest as error:
        return error.message
    return ""


@given(JSON)
def test_a_complaint_is_never_in_the_words_of_the_library(value: object) -> None:
    said = complaint(msgspec.json.encode(value))
    assert not said or said.endswith(".")
    for word in ("`", "Expected", "Invalid", "$", "Object", "missing required"):
        assert word not in said or word in repr(value)


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    line: Annotated[str, Meta(pattern=r"^[a-z]*$")] = ""
    inner: "Closed | None" = None


@pytest.mark.parametrize(
    ("content", "param", "message"),
    [
        ('{"lime": 1}', "lime", "There is no property 'lime' here."),
        ('{"inner": {"a b": 1}}', "inner.a b", "There is no property 'inner.a b' here."),
        (
            '{"line": "A"}',
            "line",
            "'line' must be a string of another form: it holds characters that it may not hold.",
        ),
    ],
)
def test_a_closed_schema_names_what_it_does_not_have(
    content: str, param: str, message: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_json(msgspec.json.Decoder(Closed), content.encode())
    assert (caught.value.param, caught.value.message) == (param, message)
    assert caught.value.code == "invalid_value"
