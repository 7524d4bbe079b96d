"""Overlays: a page's picture with boxes and names drawn on it, to see where something was read."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

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
_FILL: Final = 0x23
"""Out of 255: how much a box is filled."""
_INK: Final = 60
"""Out of 255: how much darker than the page's usual colour a pixel is that a name should leave free."""
_MARKED: Final = 8
"""So many times as bad as on ink is a name on another box or name."""
_NUMBER: Final = re.compile(r"\[\d+\]")
_PLANE: Final = 2
Corners: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A box on a page, from 0, in pixels of the page as it was read, and the name at it."""

    page: int
    box: Box
    name: str


def overlays(source: Source, marks: Sequence[Mark]) -> Iterator[bytes]:
    """A PNG of each page with its marks drawn on it; what differs in a number alone (`items[0].name`) has one colour.

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
    font = ImageFont.load_default(max(_LEAST_LETTER, page.width / _LETTER))
    fields = list(dict.fromkeys(_NUMBER.sub("[]", mark.name) for mark in marks))
    ground = _Ground(pixels)
    for mark in marks:
        ground.take(_frame(mark.box))
    for mark in marks:
        colour = _COLOURS[fields.index(_NUMBER.sub("[]", mark.name)) % len(_COLOURS)]
        draw.rectangle(_frame(mark.box), fill=f"{colour}{_FILL:02x}", outline=colour, width=2)
        left, top, right, bottom = draw.textbbox((0, 0), mark.name, font=font)
        tag = ground.beside(_frame(mark.box), int(right - left) + 6, int(bottom - top) + 4)
        ground.take(tag)
        draw.rectangle(tag, fill=colour)
        draw.text((tag[0] + 3 - left, tag[1] + 2 - top), mark.name, fill="white", font=font)
    stream = io.BytesIO()
    Pillow.alpha_composite(page, layer).convert("RGB").save(stream, "png")
    return stream.getvalue()


def _frame(box: Box) -> Corners:
    left, top, right, bottom = (round(edge) for edge in (box.left, box.top, box.right, box.bottom))
    return left - 2, top - 2, right + 2, bottom + 2


class _Ground:
    """What is on a page already, so that names are put where they hide the least."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        grey = pixels.mean(axis=2) if pixels.ndim > _PLANE else pixels
        self._taken = (np.abs(grey - np.median(grey)) > _INK).astype(np.uint8)

    def take(self, corners: Corners) -> None:
        """Something was drawn there."""
        self._part(corners)[:] = _MARKED

    def beside(self, frame: Corners, width: int, height: int) -> Corners:
        """Where a name of that size goes: above its frame, right of it, below or left, within the page."""
        left, top, right, bottom = frame
        middle = (top + bottom - height) // 2
        corners = ((left, top - height), (right, middle), (left, bottom), (left - width, middle))
        rows, columns = self._taken.shape
        places = [
            (max(0, min(x, columns - width - 1)), max(0, min(y, rows - height - 1)))
            for x, y in corners
        ]
        tags = [(x, y, x + width, y + height) for x, y in places]
        return min(tags, key=lambda tag: int(self._part(tag).sum()))

    def _part(self, corners: Corners) -> NDArray[np.uint8]:
        left, top, right, bottom = (max(0, edge) for edge in corners)
        return self._taken[top:bottom, left:right]
