"""Crops: one detected line cut out of its page, upright and at the recogniser's height."""

import math
from dataclasses import dataclass, replace
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from readstone.core.document import Corners

HEIGHT: Final = 48
"""Pixels: the height of the lines the recogniser was trained on."""
VERTICAL: Final = 2.0
"""Height by width from which on a line is taken for vertical text."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A line that is still to be read: it refers to its page, and costs nothing until it is cut.

    `corners` are in pixels of `image` (RGB, height x width x 3), the text's own top left first; `row`
    counts the page's visual rows from 0.
    """

    image: NDArray[np.uint8]
    corners: Corners
    row: int

    def ways(self) -> tuple[tuple[Self, ...], ...]:
        """The crop turned in every way its text may run, the likely ways first.

        A line as it stands, then upside down. A line taller than wide runs downwards or upwards, unless
        it is one character: the box of a lone digit is up to 1.8 times taller than wide, so a line is
        turned from twice its width on. A line that is not twice as wide as high has one way only: what is
        upside down on an upright page is a line, not a lone letter.
        """
        width, height = extent(self.corners)
        a, b, c, d = self.corners
        if height >= VERTICAL * width:
            return ((replace(self, corners=(b, c, d, a)), replace(self, corners=(d, a, b, c))),)
        if width < VERTICAL * height:
            return ((self,),)
        return (self,), (replace(self, corners=(c, d, a, b)),)

    def cut(self) -> NDArray[np.uint8]:
        """The line as an upright RGB strip, 48 pixels high and at least 1 pixel wide."""
        width, height = (max(1, round(length)) for length in extent(self.corners))
        target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        turn = cv2.getPerspectiveTransform(np.array(self.corners, np.float32), target)
        strip = cv2.warpPerspective(
            self.image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
        columns = max(1, math.ceil(width * HEIGHT / height))
        # Averaging keeps the thin strokes of large scans that a sparser kernel steps over.
        kernel = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(strip, (columns, HEIGHT), interpolation=kernel), np.uint8)


def extent(corners: Corners) -> tuple[float, float]:
    """Width along the text and height across it, in pixels."""
    top_left, top_right, bottom_right, bottom_left = corners
    width = max(math.dist(top_left, top_right), math.dist(bottom_left, bottom_right))
    height = max(math.dist(top_left, bottom_left), math.dist(top_right, bottom_right))
    return width, height
