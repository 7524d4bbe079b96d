"""What is read from a page: Page, Line, Word, each with a box and a confidence."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

Point: TypeAlias = tuple[float, float]
"""x to the right, y down, in pixels of the page image (EXIF orientation applied), turned until its text stands upright."""

Corners: TypeAlias = tuple[Point, Point, Point, Point]
"""A quadrilateral in the text's own order: top left, top right, bottom right, bottom left."""


Turn: TypeAlias = Literal[0, 90, 180, 270]
"""Degrees clockwise."""


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
    """A run of characters without white space; confidence in 0..1 is how often such words are right."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Line:
    """One detected run of text on one base line.

    `row` counts the visual rows of the page from 0: lines that stand side by side share it. `text` is the
    words joined with single spaces where the page shows one. `confidence` in 0..1, its words' mean by letters.
    """

    text: str
    corners: Corners
    box: Box
    row: int
    confidence: float
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """A straight line drawn on a page, from one end to the other: across from the left, or down from the top."""

    x: float
    y: float
    end_x: float
    end_y: float


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table: the row and column it begins in, from 0, how many of each it spans, and its text in one line."""

    row: int
    column: int
    text: str
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """A table of `rows` x `columns`; its cells from the top down and from the left, without those that are empty.

    Cells never overlap.
    """

    rows: int
    columns: int
    cells: tuple[TableCell, ...]


BlockKind: TypeAlias = Literal[
    "heading", "text", "list", "key_values", "table", "caption", "header", "footer", "page_number"
]


@dataclass(frozen=True, slots=True)
class Block:
    """What stands together on a page: a heading, a paragraph, a list, a table, what is printed on every page.

    `text` has a line for each line break that is kept, item of a list (after its mark and a space) or pair of a label
    and its value; of a table, a line for each row with tabs between its columns. `level` is 1 to 3 for a
    heading, else 0.
    """

    kind: BlockKind
    text: str
    box: Box
    level: int = 0
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was read: its size in pixels, its lines in reading order and the rules drawn on it.

    `turned` is how far the image was turned, EXIF orientation applied, until its text stood upright.
    """

    width: int
    height: int
    lines: tuple[Line, ...]
    turned: Turn = 0
    rules: tuple[Rule, ...] = ()

    def as_sent(self, box: Box) -> Box:
        """The box in pixels of the image as it was sent, EXIF orientation applied: before it was turned."""
        match self.turned:
            case 0:
                return box
            case 90:
                return Box(box.top, self.width - box.right, box.bottom, self.width - box.left)
            case 180:
                right, bottom = self.width - box.left, self.height - box.top
                return Box(self.width - box.right, self.height - box.bottom, right, bottom)
            case 270:
                return Box(self.height - box.bottom, box.left, self.height - box.top, box.right)
            case _:
                assert_never(self.turned)
