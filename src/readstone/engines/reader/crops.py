"""Crops: one detected line cut out of its page, upright and at the recogniser's height."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from readstone.core.document import Corners

HEIGHT: Final = 48
VERTICAL: Final = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A line that is still to be read: it refers to its page, and costs nothing until it is cut.

    `corners` are in pixels of `image` (RGB, height x width x 3) in the text's own order, so that
    vertical text is turned by its corners; `row` counts the page's visual rows from 0.
    """

    image: NDArray[np.uint8]
    corners: Corners
    row: int

    def cut(self) -> NDArray[np.uint8]:
        """The line as an upright RGB strip, 48 pixels high and at least 1 pixel wide."""
        width, height = extent(self.corners)
        native = (max(1, round(width)), max(1, round(height)))
        target = np.array(
            [(0, 0), (native[0], 0), (native[0], native[1]), (0, native[1])], np.float32
        )
        turn = cv2.getPerspectiveTransform(np.array(self.corners, np.float32), target)
        strip = cv2.warpPerspective(
            self.image, turn, native, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        columns = max(1, math.ceil(native[0] * HEIGHT / native[1]))
        return np.asarray(cv2.resize(strip, (columns, HEIGHT)), np.uint8)


def extent(corners: Corners) -> tuple[float, float]:
    """Width along the text and height across it, in pixels."""
    top_left, top_right, bottom_right, bottom_left = corners
    width = max(math.dist(top_left, top_right), math.dist(bottom_left, bottom_right))
    height = max(math.dist(top_left, bottom_left), math.dist(top_right, bottom_right))
    return width, height


def in_text_order(corners: Corners) -> Corners:
    """Corners as seen on the page, turned to the text's own order where the text runs downwards."""
    width, height = extent(corners)
    if height < VERTICAL * width:
        return corners
    top_left, top_right, bottom_right, bottom_left = corners
    return top_right, bottom_right, bottom_left, top_left
