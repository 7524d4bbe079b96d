"""What is read from a page: Page, Line, Word, each with a box and a confidence."""

from dataclasses import dataclass
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
"""x to the right, y down, in pixels of the upright page image (EXIF orientation applied)."""

Corners: TypeAlias = tuple[Point, Point, Point, Point]
"""A quadrilateral in the text's own order: top left, top right, bottom right, bottom left."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels of the upright page image; left < right, top < bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    @property
    def middle(self) -> Point:
        """The centre."""
        return ((self.left + self.right) / 2, (self.top + self.bottom) / 2)


@dataclass(frozen=True, slots=True)
class Word:
    """A run of characters without white space; confidence in 0..1 is the mean over its characters."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Line:
    """One detected run of text on one base line.

    `row` counts the visual rows of the page from 0: lines that stand side by side share it. `text` is the
    words joined with single spaces where the page shows one. `confidence` in 0..1.
    """

    text: str
    corners: Corners
    box: Box
    row: int
    confidence: float
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was read: its size in pixels and its lines in reading order."""

    width: int
    height: int
    lines: tuple[Line, ...]
