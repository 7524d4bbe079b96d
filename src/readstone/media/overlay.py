"""Overlays: a page's picture with boxes and names drawn on it, to see where something was read."""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, assert_never

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from readstone.core.chat import Document, Image, Source
from readstone.core.document import Box
from readstone.media.decode import decode
from readstone.media.pdf.file import PdfFile

_COLOURS: Final = ("#0b6e4f", "#1f5fa8", "#a63d40", "#7a4fa3", "#b3691e", "#12737a")
_LETTER: Final = 70
"""A name is as high as the page is wide, divided by this."""
_LEAST_LETTER: Final = 11.0
_INK: Final = 70
"""Out of 255: how much a box is filled."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A box on a page, from 0, in pixels of the page as it was read, and the name at it."""

    page: int
    box: Box
    name: str


def overlays(source: Source, marks: Sequence[Mark]) -> Iterator[bytes]:
    """A PNG of each page with its marks drawn on it.

    Raises InvalidImage for a broken source; one that was read is not broken.
    """
    for number, pixels in enumerate(_pages(source)):
        yield _drawn(pixels, [mark for mark in marks if mark.page == number])


def _pages(source: Source) -> Iterator[NDArray[np.uint8]]:
    match source:
        case Image():
            yield decode(source)
        case Document():
            with closing(PdfFile(source)) as file:
                for number in range(file.open()):
                    yield file.draw(number).pixels
        case _:
            assert_never(source)


def _drawn(pixels: NDArray[np.uint8], marks: Sequence[Mark]) -> bytes:
    page = Pillow.fromarray(pixels).convert("RGBA")
    layer = Pillow.new("RGBA", page.size)
    draw = ImageDraw.Draw(layer)
    size = max(_LEAST_LETTER, page.width / _LETTER)
    font = ImageFont.load_default(size)
    for number, mark in enumerate(marks):
        _mark(draw, mark, _COLOURS[number % len(_COLOURS)], font)
    stream = io.BytesIO()
    Pillow.alpha_composite(page, layer).convert("RGB").save(stream, "png")
    return stream.getvalue()


def _mark(
    draw: ImageDraw.ImageDraw,
    mark: Mark,
    colour: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    box = mark.box
    corners = (box.left - 2, box.top - 2, box.right + 2, box.bottom + 2)
    draw.rectangle(corners, fill=f"{colour}{_INK // 2:02x}", outline=colour, width=2)
    left, top, right, bottom = draw.textbbox((0, 0), mark.name, font=font)
    width, height = right - left, bottom - top
    # Above the box; within it at the top of a page.
    at = box.left - 2, max(0.0, box.top - 2 - height - 4)
    draw.rectangle((at[0], at[1], at[0] + width + 6, at[1] + height + 4), fill=colour)
    draw.text((at[0] + 3 - left, at[1] + 2 - top), mark.name, fill="white", font=font)
