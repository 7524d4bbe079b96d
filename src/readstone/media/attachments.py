"""Attachments: the images and documents of a request, from where they are sent or stand to checked bytes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from readstone.core.chat import DocumentPart, ImageFormat, ImagePart
from readstone.core.errors import InvalidImage, InvalidRequest, RequestError
from readstone.media.data_uri import decode_data_uri, decode_digits
from readstone.media.inspect import DocumentLimits, ImageLimits, inspect, inspect_document
from readstone.media.signature import describe, is_pdf, sniff

FORMATS: frozenset[ImageFormat] = frozenset({"jpeg", "png", "webp"})

_SMALL = 4 * 1024 * 1024
"""Letters of a data URI that are decoded in less time than a thread needs to begin."""


class Source(Protocol):
    """Gets what stands at an http(s) URL."""

    async def fetch(self, url: str, param: str) -> bytes:
        """The bytes; errors of the tree, each with `param`."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attachment stands in a request, its URL, and whether it may be a PDF.

    `digits` is the payload of a data URI that was taken out of the URL, of which the rest is left.
    """

    param: str
    url: str
    documents: bool
    digits: bytes = b""

    @property
    def is_inline(self) -> bool:
        """Whether the URL holds the bytes itself."""
        return self.url[:5].lower() == "data:"

    @property
    def is_remote(self) -> bool:
        """Whether it begins as one that can be fetched."""
        return self.url[:8].lower().startswith(("http://", "https://"))


class Attachments:
    """Loads the attachments of requests: `data:` URIs here, others from the source."""

    def __init__(
        self, images: ImageLimits, documents: DocumentLimits, source: Source, most_remote: int
    ) -> None:
        self._images = images
        self._sizes = range(1, images.bytes + 1)
        self._documents = documents
        self._source = source
        self._most_remote = most_remote

    async def load(self, places: Sequence[Place]) -> dict[str, ImagePart | DocumentPart]:
        """The attachment of each place, by its request field.

        Remote ones are fetched at once; the first that cannot be had ends the others. Raises InvalidRequest
        for too many remote ones, InvalidImage, TooLarge, and what the source raises; each with its field.
        """
        if not places:
            return {}
        self._refuse_too_many([place.param for place in places if not place.is_inline])
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._load(place)) for place in places]
        except ExceptionGroup as failures:  # `except*` wraps it again before Python 3.11.4
            first = failures.exceptions[0]
            if not isinstance(first, RequestError):
                raise
            raise first from None
        return {place.param: task.result() for place, task in zip(places, tasks, strict=True)}

    def _refuse_too_many(self, remote: Sequence[str]) -> None:
        if remote and not self._most_remote:
            raise InvalidImage(
                "This server does not fetch images: send them as data: URIs "
                "('data:image/png;base64,…').",
                param=remote[0],
                code="unsupported_image_url",
            )
        if len(remote) > self._most_remote:
            raise InvalidRequest(
                f"The request names {len(remote)} images by URL; at most {self._most_remote} are "
                "fetched (fetch.images_per_request). Send the others as data: URIs.",
                param=remote[self._most_remote],
                code="too_many_images",
            )

    async def _load(self, place: Place) -> ImagePart | DocumentPart:
        if not place.is_inline:
            # What is neither is base64 as it is, in most cases: to call it a URL would help nobody.
            if not place.is_remote:
                raise InvalidImage(
                    f"{place.param} must be a data URI, such as 'data:image/png;base64,…', or an "
                    "http(s) URL.",
                    param=place.param,
                    code="unsupported_image_url",
                )
            return self._part(await self._source.fetch(place.url, place.param), place)
        if len(place.url) + len(place.digits) <= _SMALL:
            return self._decode(place)
        return await asyncio.to_thread(self._decode, place)

    def _decode(self, place: Place) -> ImagePart | DocumentPart:
        limit = self._images.bytes
        if place.documents:
            limit = max(limit, self._documents.bytes)
        if place.digits and (data := decode_digits(place.digits, limit)):
            return _with_digits(self._part(data, place), place)
        url = place.url + place.digits.decode("latin-1")
        return self._part(decode_data_uri(url, limit, place.param), place)

    def _part(self, data: bytes, place: Place) -> ImagePart | DocumentPart:
        if place.documents and is_pdf(data):
            return DocumentPart(inspect_document(data, self._documents, place.param))
        if place.documents and len(data) in self._sizes and sniff(data) is None:
            raise InvalidImage(
                f"What was sent in {place.param} is {describe(data)}; send a PDF, or jpeg, png or webp.",
                param=place.param,
            )
        return ImagePart(inspect(data, self._images, FORMATS, place.param))


def _with_digits(part: ImagePart | DocumentPart, place: Place) -> ImagePart | DocumentPart:
    """The part with what it came as, where that can be sent on.

    Models that take documents are read for by the reader as a rule, which has no use for it: it would be held in vain.
    """
    if isinstance(part, DocumentPart) or place.documents or not part.image.plain:
        return part
    return ImagePart(replace(part.image, digits=place.digits))
