"""Pages read for the benchmark, and what the layout of them costs beside reading."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.layout.grid import Grid, from_rows
from readstone.core.chat import ImageFormat
from readstone.core.document import Corners, Page
from readstone.engines.reader.layout.order import arrange
from readstone.engines.reader.layout.rows import visual_rows
from readstone.engines.reader.layout.rules import rules
from readstone.engines.reader.page_reader import PageReader
from readstone.engines.reader.weights import find_weights
from readstone.media.decode import decode
from readstone.media.inspect import ImageLimits, inspect

IMAGES: Final = (".png", ".jpg")
FORMATS: Final = frozenset[ImageFormat]({"jpeg", "png"})


@dataclass(frozen=True, slots=True)
class Taken:
    """A page, the CPU seconds that reading it took, and those of them that finding its rules did."""

    page: Page
    seconds: float
    rules_seconds: float


def pictures(folder: Path, prefix: str = "") -> Iterator[Path]:
    """The images of a folder by name."""
    found = (path for path in folder.iterdir() if path.suffix in IMAGES)
    yield from sorted(path for path in found if path.name.startswith(prefix))


def pixels(path: Path) -> NDArray[np.uint8]:
    """An image's pixels as the server decodes them, RGB."""
    return decode(inspect(path.read_bytes(), ImageLimits(), FORMATS, path.name))


def turned(image: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """The image turned counter-clockwise, whole, on white."""
    page = Image.fromarray(image)
    return np.asarray(
        page.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white"), np.uint8
    )


class Reader:
    """The CPU reader in one thread, as one of the worker's threads runs it."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self._pages = PageReader(find_weights())

    def read(self, image: NDArray[np.uint8]) -> Taken:
        """A page with its lines and rules, from its pixels."""
        begun = time.process_time()
        prepared = self._pages.prepare(image)
        lines = tuple(line for crop in prepared.crops if (line := self._pages.recognise(crop)))
        seconds = time.process_time() - begun
        begun = time.process_time()
        rules(image, [line.corners for line in lines])
        alone = time.process_time() - begun
        page = Page(prepared.width, prepared.height, lines, prepared.turned, prepared.rules)
        return Taken(page, seconds, alone)


def by_rows(page: Page) -> Grid:
    """A page as its visual rows, a cell for each run of text: what anyone does who has lines with boxes."""
    return from_rows([[cell.text for cell in row.cells] for row in visual_rows(page.lines)])


class RapidOcr:
    """RapidOCR as its users call it, its lines put into rows."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR  # noqa: PLC0415 - loads its models

        self._engine = RapidOCR()

    def read(self, path: Path) -> Grid:
        """The page as its visual rows, a cell for each line that was found."""
        from rapidocr.utils.output import RapidOCROutput  # noqa: PLC0415

        output = self._engine(str(path))
        if not isinstance(output, RapidOCROutput) or output.txts is None or output.boxes is None:
            return Grid()
        texts = {_corners(box): text for box, text in zip(output.boxes, output.txts, strict=True)}
        rows: dict[int, list[str]] = {}
        for place in arrange(texts):
            rows.setdefault(place.row, []).append(texts[place.corners])
        return from_rows(list(rows.values()))


def _corners(box: NDArray[np.float32]) -> Corners:
    a, b, c, d = ((float(x), float(y)) for x, y in box)
    return a, b, c, d
