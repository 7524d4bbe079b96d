"""Where the images and documents of a request stand, and what stands there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from readstone.api.openai import schema
from readstone.api.openai.lifting import referred
from readstone.core.errors import InvalidRequest, UnsupportedParameter
from readstone.core.model import Model
from readstone.media.attachments import Place


def places_of(
    messages: Sequence[schema.RequestMessage], payloads: tuple[bytes, ...], *, documents: bool
) -> Iterator[Place]:
    """The places in their order, each with the payload that was lifted out of its URL; `documents` where PDFs may be images.

    Raises InvalidRequest or UnsupportedParameter, which name the field, for a part that cannot be taken.
    """
    return _put_back(_places(messages, documents=documents), payloads)


def refuse_images(places: Sequence[Place], model: Model) -> None:
    """Raise InvalidRequest where the model takes no images, or not so many."""
    if places and model.kind == "chat":
        raise InvalidRequest(
            f"'{model.id}' is a text model (kind 'chat') and takes no images; ask a model of kind 'vision' or "
            "'ocr' (GET /v1/models lists them).",
            param=places[0].param,
            code="images_unsupported",
        )
    if len(places) > model.max_images:
        raise InvalidRequest(
            f"The request has {len(places)} images; '{model.id}' takes at most {model.max_images} "
            "(models.<id>.max_images).",
            param="messages",
            code="too_many_images",
        )


def _places(messages: Iterable[schema.RequestMessage], *, documents: bool) -> Iterator[Place]:
    for index, message in enumerate(messages):
        if message.content is None or isinstance(message.content, str):
            continue
        for position, part in enumerate(message.content):
            name = f"messages[{index}].content[{position}]"
            place = _place(part, name, documents=documents)
            if place is not None:
                yield place


def _place(part: schema.ContentPart, param: str, *, documents: bool) -> Place | None:
    """The attachment of a part; a `file` may be a PDF for every kind of model."""
    match part:
        case schema.ImageURL(image_url=address):
            return Place(f"{param}.image_url.url", address.url, documents)
        case schema.File(file=schema.FileContent(file_id=None, file_data=str(data))):
            return Place(f"{param}.file.file_data", data, documents=True)
        case schema.File(file=schema.FileContent(file_id=None)):
            name = f"{param}.file.file_data"
            raise InvalidRequest(f"'{name}' is missing.", param=name, code="missing_parameter")
        case schema.File():
            raise UnsupportedParameter(
                "This server keeps no files: send 'file_data'.", param=f"{param}.file.file_id"
            )
        case schema.InputAudio():
            raise UnsupportedParameter("Audio is not served here.", param=param)
        case schema.Text() | schema.Refusal():
            return None
        case _:
            assert_never(part)


def _put_back(places: Iterable[Place], payloads: tuple[bytes, ...]) -> Iterator[Place]:
    """The places, each with the payload that was lifted out of its URL."""
    for place in places:
        number = referred(place.url) if payloads else None
        if number is None or number >= len(payloads):
            yield place
        else:
            head = place.url[: place.url.rfind(",") + 1]
            yield replace(place, url=head, digits=payloads[number])
