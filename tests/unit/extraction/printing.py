"""Pages as the reader would give them, written in a test: lines of words at places."""

from readstone.core.document import Box, Line, Page, Word
from readstone.core.extraction import Extraction, Field, Group, ListOf, Node, Schema
from readstone.extraction.extract import extract

HEIGHT = 20.0


def line(text: str, left: float, top: float) -> Line:
    """A line of words that are 10 pixels a letter wide, 8 apart."""
    words: list[Word] = []
    right = left
    for piece in text.split():
        width = 10.0 * len(piece)
        words.append(Word(piece, Box(right, top, right + width, top + HEIGHT), 0.99))
        right += width + 8.0
    box = Box(left, top, max(right - 8.0, left + 1.0), top + HEIGHT)
    corners = (
        (box.left, box.top),
        (box.right, box.top),
        (box.right, box.bottom),
        (box.left, box.bottom),
    )
    return Line(text, corners, box, int(top // 30), 0.99, tuple(words))


def page(*lines: tuple[str, float, float]) -> Page:
    """A page of lines: text, left, top."""
    return Page(1000, 1400, tuple(line(*each) for each in lines))


def listed(*texts: str) -> Page:
    """A page of lines one under the other."""
    return page(*((text, 50.0, 40.0 + 60.0 * number) for number, text in enumerate(texts)))


def schema(*fields: tuple[str, Node]) -> Schema:
    """A schema of these members."""
    return Schema(Group(fields))


def rows(*members: tuple[str, Field]) -> ListOf:
    """A list of groups of these fields."""
    return ListOf(Group(members))


def read(printed: Page, asked: Schema) -> Extraction:
    """What is found on one page."""
    return extract([printed], asked, "general")
