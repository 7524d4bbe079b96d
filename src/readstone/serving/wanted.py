"""What a request asks to be extracted: its schema and scene, as its words and properties say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from readstone.core.chat import ChatRequest
from readstone.core.errors import InvalidRequest, UnsupportedParameter
from readstone.core.extraction import Scene, Schema
from readstone.engines.reader.assignment import instruction
from readstone.engines.reader.instruction import understand
from readstone.extraction.schema import parse_schema

_FREE: Final = frozenset({b"null", b'{"type":"text"}'})
_LONGEST_FORMAT: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found on the pages of a request."""

    schema: Schema
    scene: Scene = "general"


def asked(request: ChatRequest) -> Wanted | None:
    """What a request to a model that is read asks to be extracted, by its words; None where its engine answers it.

    Models of kind `extract` do nothing else: InvalidRequest where there is no schema; others extract where `response_format`
    or the prompt holds one.
    """
    extras = request.extras
    said = instruction(request.messages)
    form = _response_format(extras)
    schema = parse_schema(said, form)
    if request.model.kind == "extract":
        if schema is None:
            raise no_schema("messages")
        return Wanted(schema, _scene(extras))
    if schema is None or (form is None and _is_plain(said)):
        return None
    return Wanted(schema, _scene(extras))


def no_schema(param: str) -> InvalidRequest:
    """Says how a schema is written; `param` is where there was none."""
    return InvalidRequest(
        "There is no schema: say in the prompt which fields to extract, e.g. "
        '{"invoice_no": "Invoice number", "items": [{"name": "Item", "total": "Amount"}]}.',
        param=param,
        code="missing_schema",
    )


def _response_format(extras: Mapping[str, bytes]) -> bytes | None:
    """The property as it was sent, where it asks for anything but free text."""
    raw = extras.get("response_format", b"null")
    if len(raw) > _LONGEST_FORMAT:
        raise InvalidRequest(
            f"'response_format' has {len(raw)} bytes; at most {_LONGEST_FORMAT} are taken.",
            param="response_format",
            code="invalid_value",
        )
    return None if b"".join(raw.split()) in _FREE else raw


def _scene(extras: Mapping[str, bytes]) -> Scene:
    """The scene that a chat request names; contract: extract."""
    raw = extras.get("scene", b"null").strip()
    if raw == b"null":
        return "general"
    for scene in get_args(Scene):
        if raw == b'"%b"' % scene.encode():
            return scene
    raise UnsupportedParameter(f"'scene' is one of {', '.join(get_args(Scene))}.", param="scene")


def _is_plain(said: str) -> bool:
    """Whether an instruction asks for the text of a page and nothing else."""
    try:
        understand(said)
    except InvalidRequest:
        return False
    return True
