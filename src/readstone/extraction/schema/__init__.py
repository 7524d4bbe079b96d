"""What a client asks for: from the text of a prompt, or a `response_format`, to a schema."""

from typing import Final

from readstone.core.errors import InvalidRequest
from readstone.core.extraction import Group, ListOf, Schema
from readstone.extraction.schema.brackets import bracketed, is_listed, is_paired, loads
from readstone.extraction.schema.json_schema import root_of, unwrapped
from readstone.extraction.schema.key_lists import group_of_keys
from readstone.extraction.schema.limits import SLOPPY, TEXT, checked
from readstone.extraction.schema.templates import group_of

_CANDIDATES: Final = 16
"""Pieces in braces that are looked at before a text is taken to hold no schema."""

__all__ = ["parse_schema"]


def parse_schema(prompt: str, response_format: bytes | None = None) -> Schema | None:
    """The schema of a `response_format` of type `json_schema`, else the first that the prompt holds, else None.

    In a prompt it is the first balanced `{...}` that asks for something (a template of labels or types, or a JSON
    Schema), `[{...}]` for as many of these as are printed, or a list of names. Raises InvalidRequest where a key stands twice, where it is beyond the limits of
    `schema/limits.py`, or where it asks for what cannot be honoured.
    """
    root = _formatted(response_format) if response_format else None
    root = root or _in_braces(prompt[:TEXT]) or group_of_keys(prompt[:TEXT])
    return Schema(checked(root)) if root else None


def _formatted(response_format: bytes) -> Group | None:
    try:
        said = loads(response_format.decode())
    except UnicodeDecodeError:
        raise InvalidRequest("The response format is not UTF-8.", param="response_format") from None
    if not isinstance(said, dict) or said.get("type") != "json_schema":
        return None
    schema = unwrapped(said)
    root = root_of(schema) if schema else None
    if not isinstance(root, Group):
        raise InvalidRequest(
            "response_format.json_schema.schema must be an object with properties.",
            param="response_format",
        )
    return root


def _in_braces(prompt: str) -> Group | ListOf | None:
    looked = 0
    for number, (start, piece) in enumerate(bracketed(prompt, "{")):
        if number == _CANDIDATES:
            return None
        if not is_paired(piece):
            continue
        parsed = loads(piece, SLOPPY - looked)
        looked += len(piece)
        if isinstance(parsed, dict):
            schema = unwrapped(parsed)
            root = root_of(schema) if schema else group_of(parsed)
            if root:
                return ListOf(root) if is_listed(prompt, start, start + len(piece)) else root
    return None
