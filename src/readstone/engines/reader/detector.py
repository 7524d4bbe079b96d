"""Where the text is: an image to the rectangles around its lines (DBNet, arXiv:1911.08947)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import cv2.typing
import numpy as np
from numpy.typing import NDArray

from readstone.core.document import Corners, Point
from readstone.engines.reader.print_size import print_height
from readstone.engines.reader.recogniser import normalised
from readstone.engines.reader.session import Session

STRIDE: Final = 32
LONGER_SIDE: Final = 1280
SHORTER_SIDE: Final = 736
LEAST_SIDE: Final = 96
"""Pixels to which what is narrower or lower is enlarged: a word or a line that somebody cut out, whose letters touch the
rim. Of 46 such crops 7 were read right as they came, 41 enlarged to 64 and 42 to 96."""
MOST_PIXELS: Final = 3_000_000
"""What one look may cost: about 2 CPU seconds and 0.5 GiB while it lasts."""
LONGEST_SIDE: Final = 8192
"""Ends the growth of pages that are all length and no width."""

PRINT: Final = 6.0
"""The height that letters should have, in pixels of half the detector's picture."""
ENLARGED: Final = 1.25
"""Small print is looked at in up to so many times the usual pixels of a side, where the image has them."""

NEARLY: Final = 0.8
"""The share of its pixels down to which a page is shrunk by the cheaper kernel: each of its pixels still counts."""

MOST_WHOLE: Final = 600_000
"""Pixels from which on a page is searched in two halves, so that two cores can: that costs 4 % more than in one.

A half sees less of the page than the whole shows; on small pages it was seen to find a letter in the gap of a title."""
LEAST_PARTED: Final = 512
OVERLAP: Final = 64
"""Pixels that a half sees of the other one: it is the size of what the model looks at around a pixel."""

# The thresholds the model is published with (PaddleOCR). On the labelled pages 0.2 for INK, 0.4 or 0.6
# for MEAN_INK and 1.5 or 1.8 for UNCLIP move the word F1 by less than half a point, none for the better.
INK: Final = 0.3
MEAN_INK: Final = 0.5
UNCLIP: Final = 1.6
MIN_SIDE: Final = 3.0
"""Pixels of the detector's map. The map shows the cores of lines: smaller ones are specks."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A page as the detector sees it: the image it is of, and its parts, from top to bottom, which overlap."""

    image: NDArray[np.uint8]
    parts: tuple[cv2.typing.MatLike, ...]


class Detector:
    """Finds lines of text; holds no state but the loaded model, so threads may share it."""

    def __init__(self, session: Session, least: float = 1.0) -> None:
        """`least` is how far large print may be shrunk below the usual size, as a factor of the sides."""
        self._session = session
        self._least = least

    def find(self, image: NDArray[np.uint8]) -> tuple[Corners, ...]:
        """The quadrilaterals of the page's lines in no particular order; () on a page without text.

        `image` is RGB, height x width x 3. Corners are pixels of `image`, top left first as seen on
        the page, and may lie a little outside of it.
        """
        look = self.look(image)
        return self.lines(look, [self.heat(part) for part in look.parts])

    def look(self, image: NDArray[np.uint8]) -> Look:
        """The page at the size at which its print is legible, in parts that may be searched at the same time."""
        height, width = image.shape[:2]
        size = detection_size(width, height)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        # A small grey picture tells the same of the letters as one of the page's size, for a quarter of the time.
        half = max(1, size[0] // 2), max(1, size[1] // 2)
        letters = print_height(cv2.resize(grey, half, interpolation=cv2.INTER_AREA))
        factor = min(ENLARGED, max(self._least, PRINT / letters)) if letters else 1.0
        wanted = detection_size(width, height, factor)
        kernel = (
            cv2.INTER_LINEAR if wanted[0] * wanted[1] > NEARLY * width * height else cv2.INTER_AREA
        )
        return Look(image, _parts(cv2.resize(image, wanted, interpolation=kernel)))

    def heat(self, part: cv2.typing.MatLike) -> NDArray[np.float32]:
        """How much each pixel of a part looks like the core of a line, in 0..1."""
        return self._session.run(normalised(part))[0, 0]

    def lines(self, look: Look, heats: Sequence[NDArray[np.float32]]) -> tuple[Corners, ...]:
        """What `find` gives, from the heats of the look's parts in their order."""
        height, width = look.image.shape[:2]
        heat = _joined(heats)
        scale = (width / heat.shape[1], height / heat.shape[0])
        return tuple(_scaled(corners, scale) for corners in _rectangles(heat))


def _parts(picture: cv2.typing.MatLike) -> tuple[cv2.typing.MatLike, ...]:
    height, width = picture.shape[:2]
    if height < LEAST_PARTED or width * height < MOST_WHOLE:
        return (picture,)
    middle = height // STRIDE // 2 * STRIDE
    return picture[: middle + OVERLAP], picture[middle - OVERLAP :]


def _joined(heats: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    if len(heats) == 1:
        return heats[0]
    upper, lower = heats
    return np.concatenate((upper[:-OVERLAP], lower[OVERLAP:]))


def detection_size(width: int, height: int, factor: float = 1.0) -> tuple[int, int]:
    """The size (width, height) in pixels at which a page is looked at: multiples of 32.

    A page is shrunk until its longer side is 1280 or its shorter side 736, whichever comes first: a
    sheet is seen at about 110 dots per inch, a long receipt keeps its width. It is not enlarged, which
    costs more than it finds, unless it is less than 96 pixels wide or high, and never looked at in more than
    3 million pixels. Print that stands too large is as bad as too small: above some 35 pixels the cores of
    lone digits collapse. `factor` is what the print asks for beside that.
    """
    longer, shorter = max(width, height), min(width, height)
    legible = max(LONGER_SIDE / longer, SHORTER_SIDE / shorter)
    affordable = min(LONGEST_SIDE / longer, math.sqrt(MOST_PIXELS / (width * height)))
    scale = min(max(1.0, LEAST_SIDE / shorter), legible * factor, affordable)
    return _strides(width * scale), _strides(height * scale)


def _strides(length: float) -> int:
    return max(1, round(length / STRIDE)) * STRIDE


def _rectangles(heat: NDArray[np.float32]) -> list[Corners]:
    mask = (heat > INK).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found: list[Corners] = []
    for contour in contours:
        (x, y), (width, height), angle = cv2.minAreaRect(contour)
        # A contour runs through the middles of its pixels: half a pixel is missing on every side, and
        # a lone digit of small print would fall below the smallest size without it.
        width, height = width + 1, height + 1
        if min(width, height) < MIN_SIDE or _mean_ink(heat, contour) < MEAN_INK:
            continue
        grow = width * height * UNCLIP / (width + height)
        grown = cv2.boxPoints(((x + 0.5, y + 0.5), (width + grow, height + grow), angle))
        found.append(_ordered(grown))
    return found


def _mean_ink(heat: NDArray[np.float32], contour: cv2.typing.MatLike) -> float:
    left, top, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour - np.array([left, top], np.int32)], (1,))
    return cv2.mean(heat[top : top + height, left : left + width], mask)[0]


def _ordered(corners: cv2.typing.MatLike) -> Corners:
    points: list[Point] = sorted((float(x), float(y)) for x, y in corners)
    top_left, bottom_left = sorted(points[:2], key=lambda point: point[1])
    top_right, bottom_right = sorted(points[2:], key=lambda point: point[1])
    return top_left, top_right, bottom_right, bottom_left


def _scaled(corners: Corners, scale: tuple[float, float]) -> Corners:
    a, b, c, d = ((x * scale[0], y * scale[1]) for x, y in corners)
    return a, b, c, d
