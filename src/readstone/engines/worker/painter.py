"""What the worker does to make pictures: any image, or a document's pages, become images as they are wanted."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Final, Literal, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from readstone.core.chat import Document, Image, Source
from readstone.engines.pictures import Wanted
from readstone.engines.worker.frames import Painted
from readstone.engines.worker.threads import Threads
from readstone.media.decode import decode
from readstone.media.encode import LONGEST_JPEG, encode, shrink
from readstone.media.header import read_header

_SMALL: Final = 1_000_000
"""Pixels up to which what came without loss goes on without loss: a screenshot, a crop, an icon."""

Pixels: TypeAlias = NDArray[np.uint8]
Made: TypeAlias = tuple[Literal["jpeg", "png"], int, int, bytes]
"""The format, width and height of an encoded picture, and its bytes."""


class Painter:
    """Makes pictures on the worker's threads, of a document one page at a time."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def paint(self, job: int, source: Source, wanted: Wanted) -> AsyncGenerator[Painted]:
        """The picture of an image, or of each page of a document in turn; InvalidImage for a broken source."""
        match source:
            case Image():
                made = await self._threads.run(partial(_of_image, source, wanted))
                yield Painted(job, 0, 1, *made)
            case Document():
                async with aclosing(self._of_document(job, source, wanted)) as pictures:
                    async for picture in pictures:
                        yield picture
            case _:
                assert_never(source)

    async def _of_document(
        self, job: int, document: Document, wanted: Wanted
    ) -> AsyncGenerator[Painted]:
        pixels = min(document.pixels, wanted.pixels or document.pixels)
        page = 0
        drawing = self._threads.pages(replace(document, pixels=pixels), wanted.dpi)
        async with aclosing(drawing) as pages:
            async for total, drawn in pages:
                encoding = partial(_encoded, drawn.pixels, wanted, lossless=False)
                made = await self._threads.run(encoding)
                del drawn, encoding
                yield Painted(job, page, total, *made)
                page += 1


def _of_image(image: Image, wanted: Wanted) -> Made:
    lossless = read_header(image.data, image.format).lossless
    return _encoded(decode(image), wanted, lossless=lossless)


def _encoded(pixels: Pixels, wanted: Wanted, *, lossless: bool) -> Made:
    pixels = shrink(pixels, wanted.pixels)
    kind = _format(pixels, wanted, lossless=lossless)
    if kind == "jpeg":
        pixels = shrink(pixels, None, LONGEST_JPEG)
    height, width = pixels.shape[:2]
    return kind, width, height, encode(pixels, kind)


def _format(pixels: Pixels, wanted: Wanted, *, lossless: bool) -> Literal["jpeg", "png"]:
    if "jpeg" not in wanted.formats:
        return "png"
    height, width = pixels.shape[:2]
    small = lossless and width * height <= _SMALL
    fits = "png" in wanted.formats and (small or max(width, height) > LONGEST_JPEG)
    return "png" if fits else "jpeg"
