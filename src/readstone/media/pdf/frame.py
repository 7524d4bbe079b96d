"""The frame of a page: from the points of a PDF's page to the pixels it is drawn as."""

import math
from dataclasses import dataclass, replace
from typing import Final

from readstone.core.document import Point

DPI: Final = 150.0
"""Pixels per inch of a drawn page; measured by benchmarks/pdf."""
_POINTS_PER_INCH: Final = 72.0
_LONGEST_SIDE: Final = 30_000
"""Pixels; drawing libraries count the bytes of a row in 32 bits."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a page is seen, and how large: `left`..`top` are its visible box in points, y upwards.

    `turns` are quarter turns clockwise, 0..3; `width` and `height` are pixels of the turned page.
    """

    left: float
    bottom: float
    right: float
    top: float
    turns: int
    width: int
    height: int

    def turned(self, turns: int) -> "Frame":
        """The same page turned further, clockwise."""
        sides = (self.width, self.height)
        width, height = reversed(sides) if turns % 2 else sides
        return replace(self, turns=(self.turns + turns) % 4, width=width, height=height)

    @property
    def scale(self) -> float:
        """Pixels of a point, up to the rounding of a page's sides."""
        sides = (self.right - self.left, self.top - self.bottom)
        return self.width / sides[self.turns % 2]

    def place(self, x: float, y: float) -> Point:
        """Where a point of the page is drawn: pixels from the top left, y down."""
        across = (x - self.left) / (self.right - self.left)
        up = (y - self.bottom) / (self.top - self.bottom)
        u, v = ((across, 1 - up), (up, across), (1 - across, up), (1 - up, 1 - across))[self.turns]
        return u * self.width, v * self.height


def drawn_size(width: float, height: float, pixels: int, dpi: float = DPI) -> tuple[int, int]:
    """The size in pixels of a page of `width` x `height` points: at `dpi`, smaller where that is over `pixels`."""
    scale = min(
        dpi / _POINTS_PER_INCH,
        math.sqrt(pixels) / math.sqrt(width) / math.sqrt(height),
        _LONGEST_SIDE / max(width, height),
    )
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
