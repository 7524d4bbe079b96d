"""What a reader honours and refuses."""

import pytest

from readstone.core.errors import UnsupportedParameter
from readstone.engines.neutral import NEUTRAL
from readstone.engines.reader.parameters import WITHOUT_EFFECT, refuse_unsupported


@pytest.mark.parametrize("name", [*NEUTRAL, *WITHOUT_EFFECT, "verbosity", "anything"])
def test_null_means_left_out(name: str) -> None:
    refuse_unsupported({name: b" null "})


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in NEUTRAL.items() for value in values]
)
def test_a_neutral_value_is_honoured_however_it_is_spaced(name: str, value: bytes) -> None:
    refuse_unsupported({name: value.replace(b":", b" : ")})


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_what_has_no_effect_is_honoured_with_any_value(name: str) -> None:
    refuse_unsupported({name: b'{"any":["value"]}'})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", b"2"),
        ("stop", b'"END"'),
        ("logprobs", b"true"),
        ("tools", b'[{"type":"function"}]'),
        ("response_format", b'{"type":"json_object"}'),
        ("presence_penalty", b"0.5"),
        ("verbosity", b'"low"'),
        ("my_own_property", b"1"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(name: str, value: bytes) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        refuse_unsupported({"user": b'"me"', name: value})

    assert caught.value.param == name
    assert name in caught.value.message


def test_tools_are_named_before_what_goes_with_them() -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        refuse_unsupported({"tool_choice": b'"required"', "tools": b"[{}]"})
    assert caught.value.param == "tools"


def test_who_asks_for_json_without_a_schema_is_told_what_gives_json() -> None:
    with pytest.raises(UnsupportedParameter, match="json_schema"):
        refuse_unsupported({"response_format": b'{"type":"json_object"}'})
