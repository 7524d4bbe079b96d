"""Fields → what is asked: a form becomes a checked order, in the contract's order of checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

from readstone.api.extract.schema import Include
from readstone.api.multipart import Field, FormLimits
from readstone.core.errors import InvalidRequest
from readstone.core.extraction import Scene

REQUIRED: Final = ("model", "image", "prompt")

_SMALL: Final = 1024
_PROMPT: Final = 64 * 1024
_OVERHEAD: Final = 256 * 1024
"""Bytes of a body beside its image: every other field, and what a form puts around them."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a form asks for; the image was not looked at, and its `content` is not there where it is too large."""

    model: str
    prompt: str
    scene: Scene
    include: frozenset[Include]
    keeps_ungrounded: bool
    image: Field


def form_limits(image_bytes: int) -> FormLimits:
    """What is kept of each field, and of a body with an image of so many bytes."""
    fields = {"model": _SMALL, "scene": _SMALL, "image": image_bytes, "prompt": _PROMPT}
    return FormLimits(image_bytes + _OVERHEAD, {**fields, "include": _SMALL, "ungrounded": _SMALL})


def read_order(fields: Sequence[Field]) -> Order:
    """The order of a form; InvalidRequest names the field: one that is missing first, then one that is wrong."""
    present = [field for field in fields if _is_there(field)]
    names = [field.name for field in present]
    for name in REQUIRED:
        if name not in names:
            raise InvalidRequest(
                f"The form field '{name}' is missing.", param=name, code="missing_parameter"
            )
    for name in names:
        if name != "include" and names.count(name) > 1:
            raise _wrong(name, "is there twice")
    by_name = {field.name: field for field in present}
    scene = _text(by_name["scene"]) if "scene" in by_name else "general"
    asked = [_text(field) for field in present if field.name == "include"]
    ungrounded = _text(by_name["ungrounded"]) if "ungrounded" in by_name else "null"
    keeps = _one_of("ungrounded", ungrounded, ("null", "keep")) == "keep"
    if keeps and "grounding" not in asked:
        raise _wrong(
            "ungrounded", "can only be 'keep' with include=grounding, which marks what no words say"
        )
    return Order(
        model=_text(by_name["model"]),
        prompt=_text(by_name["prompt"]),
        scene=cast("Scene", _one_of("scene", scene, get_args(Scene))),
        include=frozenset(
            cast("Include", _one_of("include", each, get_args(Include))) for each in asked
        ),
        keeps_ungrounded=keeps,
        image=by_name["image"],
    )


def _is_there(field: Field) -> bool:
    """Whether anything was sent; a text of white space is nothing."""
    if field.name == "image":
        return not field.is_empty
    return bool(field.size > len(field.content) or field.content.strip())


def _text(field: Field) -> str:
    if field.size > len(field.content):
        raise _wrong(field.name, f"has {field.size} bytes, which is too many")
    try:
        return field.content.decode().strip()
    except UnicodeDecodeError as error:
        raise _wrong(field.name, "is not UTF-8 text") from error


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise _wrong(name, f"cannot be '{value[:80]}'; it is one of: {', '.join(choices)}")
    return value


def _wrong(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"The form field '{name}' {why}.", param=name, code="invalid_value")
