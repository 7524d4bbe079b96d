"""What a schema found wrong with a JSON body, said in our own words with the field named."""

import re
from typing import TypeVar

import msgspec

from readstone.core.errors import InvalidRequest

T = TypeVar("T")

_TYPES = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_PLACED = re.compile(r"(.*) - at `(?:key in )?\$\.?(.*)`", re.DOTALL)
"""The last place is the true one: what stands before it may quote a value that looks like a place."""
_EXPECTED = re.compile(
    r"Expected `([^`]+)`(?:( of length)? (<=?|>=?) ([\d.-]+))?(?:, got `(\w+)`)?"
)
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_LONGEST = 80
_INVALID = re.compile(r"Invalid (?:enum )?value (.+)", re.DOTALL)
_COMPARISONS = {"<=": "at most", "<": "less than", ">=": "at least", ">": "more than"}


def decode_json(decoder: msgspec.json.Decoder[T], content: bytes | bytearray) -> T:
    """Decode a body; InvalidRequest names the field and what it should have been."""
    try:
        if not content.isascii():
            content.decode()  # msgspec does not look inside what a schema skips or keeps raw
        return decoder.decode(content)
    except msgspec.ValidationError as error:
        raise _violation(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("The body is not valid JSON.", code="invalid_json") from error
    except RecursionError as error:
        raise InvalidRequest("The body is nested too deeply.", code="invalid_json") from error


def _violation(found: str) -> InvalidRequest:
    """Translate msgspec's message; its forms are few and pinned by tests."""
    placed = _PLACED.fullmatch(found)
    found, path = placed.groups() if placed else (found, "")
    if missing := _MISSING.match(found):
        name = f"{path}.{missing[1]}".lstrip(".")
        return InvalidRequest(f"'{name}' is missing.", param=name, code="missing_parameter")
    if unknown := _UNKNOWN.fullmatch(found):
        name = f"{path}.{unknown[1][:_LONGEST]}".lstrip(".")
        return InvalidRequest(f"There is no property '{name}' here.", param=name)
    subject = f"'{path}'" if path else "The body"
    return InvalidRequest(
        f"{subject} {_complaint(found)}.", param=path or None, code="invalid_value"
    )


def _complaint(found: str) -> str:
    if expected := _EXPECTED.match(found):
        kinds, length, comparison, bound, got = expected.groups()
        wanted = " or ".join(_TYPES.get(kind, kind) for kind in kinds.split(" | "))
        if comparison:
            size = f"{_COMPARISONS[comparison]} {bound.removesuffix('.0')}"
            return f"must be {wanted} {'of length' if length else 'of'} {size}"
        if " matching " in found:
            return f"must be {wanted} of another form: it holds characters that it may not hold"
        return f"must be {wanted}, not {_TYPES.get(got, got)}" if got else f"must be {wanted}"
    if invalid := _INVALID.match(found):
        return f"cannot be {invalid[1][:_LONGEST]}"
    return "is out of range" if "out of range" in found else "is not valid"
