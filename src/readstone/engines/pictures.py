"""Pictures: the images and documents of a request as images that its engine takes."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, Protocol, assert_never

from readstone.core.chat import (
    ChatRequest,
    Document,
    DocumentPart,
    Image,
    ImageFormat,
    ImagePart,
    Message,
    Part,
    Source,
    TextPart,
)
from readstone.core.errors import ConfigurationError, InvalidImage, InvalidRequest, RequestError

DPI: Final = 150.0
"""Pixels an inch of a document's page: an A4 page becomes 1240 x 1754."""
LEAST_PIXELS: Final = 10_000
_WRITTEN: Final[frozenset[ImageFormat]] = frozenset({"jpeg", "png"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an engine wants its images to be.

    `formats` it decodes, of which jpeg or png must be one; most `pixels` of an image, None for no bound; `dpi` at
    which the pages of a document are drawn. Raises ConfigurationError for what cannot be given.
    """

    formats: frozenset[ImageFormat]
    pixels: int | None = None
    dpi: float = DPI

    def __post_init__(self) -> None:
        if not self.formats & _WRITTEN:
            raise ConfigurationError("The formats an engine takes must name jpeg or png.")
        if self.pixels is not None and self.pixels < LEAST_PIXELS:
            raise ConfigurationError(f"The pixels of an image must be at least {LEAST_PIXELS}.")
        if not self.dpi > 0:
            raise ConfigurationError("The resolution of a page must be more than 0.")

    def holds(self, image: Image) -> bool:
        """Whether an image is as it is wanted, by its header."""
        return (
            image.plain
            and image.format in self.formats
            and (self.pixels is None or image.width * image.height <= self.pixels)
        )


class Pictures(Protocol):
    """Makes images that an engine takes."""

    @property
    def wanted(self) -> Wanted:
        """What they are made to be."""
        ...

    def prepare(self, source: Source, key_id: str, most: int) -> AsyncGenerator[Image]:
        """The image as it is wanted, or those of a document's pages in their order; with the source's `param`.

        What is as wanted is passed on untouched. `most` is how many images a document may become; `key_id` is the
        key's public id. Closing the generator ends the work. Raises InvalidImage for a broken source,
        InvalidRequest for a document of more pages than `most`, and PictureFailed where it could not be done now.
        """
        ...


class Untouched:
    """Passes on what is as wanted and refuses the rest: for engines without a worker beside them."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    @property
    def wanted(self) -> Wanted:
        """What is passed on."""
        return self._wanted

    async def prepare(self, source: Source, key_id: str, most: int) -> AsyncGenerator[Image]:  # noqa: ARG002  (the protocol's)
        """The image itself; InvalidImage where something would have to be done."""
        if isinstance(source, Document):
            raise InvalidImage(
                f"This model takes no PDF: send the pages of {source.param} as images.",
                param=source.param,
            )
        if not self._wanted.holds(source):
            raise InvalidImage(
                f"The image in {source.param} must be {_listed(self._wanted.formats)}, upright, opaque and "
                "of 8 bits a colour for this model.",
                param=source.param,
            )
        yield source


async def pictured(request: ChatRequest, pictures: Pictures) -> ChatRequest:
    """The request with images as the engine wants them, each in its place; a document becomes its pages.

    The request itself, at no cost, where nothing is to be done. Images are made at the same time, documents one
    after the other; the first that fails ends the others. Raises what `Pictures.prepare` raises; images and pages
    together are no more than the model's `max_images`.
    """
    parts = request.attachments
    if not parts or all(_is_ready(part, pictures.wanted) for part in parts):
        return request
    try:
        async with asyncio.TaskGroup() as group:
            images = {
                id(part): group.create_task(_image(part, request, pictures))
                for part in parts
                if isinstance(part, ImagePart)
            }
            documents = group.create_task(_documents(parts, request, pictures))
    except ExceptionGroup as failures:  # `except*` wraps it again before Python 3.11.4
        first = failures.exceptions[0]
        if not isinstance(first, RequestError):
            raise
        raise first from None
    made = {key: task.result() for key, task in images.items()} | documents.result()
    return replace(request, messages=tuple(_with(message, made) for message in request.messages))


def _is_ready(part: Part, wanted: Wanted) -> bool:
    match part:
        case TextPart():
            return True
        case ImagePart(image=image):
            return wanted.holds(image)
        case DocumentPart():
            return False
        case _:
            assert_never(part)


async def _image(part: ImagePart, request: ChatRequest, pictures: Pictures) -> tuple[Part, ...]:
    async with aclosing(pictures.prepare(part.image, request.key_id, 1)) as images:
        return tuple([replace(part, image=image) async for image in images])


async def _documents(
    parts: Sequence[Part], request: ChatRequest, pictures: Pictures
) -> dict[int, tuple[Part, ...]]:
    """The pages of each document, by its part."""
    made: dict[int, tuple[Part, ...]] = {}
    room = request.model.max_images - sum(isinstance(part, ImagePart) for part in parts)
    for part in parts:
        if isinstance(part, DocumentPart):
            pages = pictures.prepare(part.document, request.key_id, room)
            async with aclosing(pages) as images:
                made[id(part)] = tuple([ImagePart(image) async for image in images])
            room -= len(made[id(part)])
    return made


def _with(message: Message, made: Mapping[int, tuple[Part, ...]]) -> Message:
    if all(isinstance(part, TextPart) for part in message.parts):
        return message
    parts = tuple(new for part in message.parts for new in made.get(id(part), (part,)))
    return replace(message, parts=parts)


def too_many_pages(document: Document, pages: int, most: int) -> InvalidRequest:
    """The refusal of a document of more pages than there is room for."""
    return InvalidRequest(
        f"The PDF in {document.param} has {pages} pages, each of which becomes an image; the model takes "
        f"at most {most} more in this request (models.<id>.max_images). Send fewer pages.",
        param=document.param,
        code="too_many_images",
    )


def _listed(formats: frozenset[ImageFormat]) -> str:
    return " or ".join(sorted(formats))
