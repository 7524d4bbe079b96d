"""What the reader's tests share: a pen that draws small pages of text, and a desk where they are read."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from readstone.core.document import Line
from readstone.engines.reader.certainty import Curve
from readstone.engines.reader.page_reader import PageReader
from readstone.engines.reader.weights import Weights

Picture: TypeAlias = NDArray[np.uint8]


class Pen:
    """Writes black text in Pillow's own font on a white page and gives the page as RGB pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.page = Image.new("RGB", (width, height), "white")
        self._draw = ImageDraw.Draw(self.page)

    def write(self, left: float, top: float, text: str, size: float = 20) -> "Pen":
        font = ImageFont.load_default(size=size)
        self._draw.text((left, top), text, font=font, fill="black")
        return self

    def room(self, text: str, size: float) -> tuple[int, int, int, int]:
        """What a text takes where it is written at (0, 0): left, top, right, bottom."""
        left, top, right, bottom = self._draw.textbbox(
            (0, 0), text, font=ImageFont.load_default(size=size)
        )
        return round(left), round(top), round(right), round(bottom)

    def picture(self, turned: int = 0) -> Picture:
        """The page's pixels, turned counter-clockwise by `turned` degrees."""
        turn = self.page.rotate(turned, expand=True, fillcolor="white")
        return np.asarray(turn, dtype=np.uint8)


class Desk:
    """One reader for all tests: loading the models is the expensive part."""

    def __init__(self, weights: Weights, curve: Curve | None = None) -> None:
        self.reader = PageReader(weights, curve=curve)

    def read(self, picture: Picture) -> list[Line]:
        prepared = self.reader.prepare(picture)
        lines = (self.reader.recognise(crop) for crop in prepared.crops)
        return [line for line in lines if line is not None]

    def texts(self, picture: Picture) -> list[str]:
        return [line.text for line in self.read(picture)]

    @staticmethod
    def rows(lines: Iterable[Line]) -> list[str]:
        rows: dict[int, list[str]] = {}
        for line in lines:
            rows.setdefault(line.row, []).append(line.text)
        return [" ".join(texts) for texts in rows.values()]
