"""The lines of a document as a language model sees them: each with a number, and pages in windows that fit."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from readstone.core.document import Line, Page
from readstone.core.errors import ContextTooLong

SCALE = 1000
"""Coordinates run from 0 to this over the width and over the height of a page."""

_AROUND_PAGES = 1_200
"""Tokens of a question beside its page text: the instructions and a schema of some twenty fields."""
_LEAST = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_AROUND = 14
"""Tokens that a line's number and coordinates are taken to need."""
_LETTERS = 3
"""ASCII characters that are taken to be one token; every other character is taken to be one."""


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A line of the page at that position (from 0); numbers run from 1 through the whole document."""

    number: int
    page: int
    line: Line
    place: tuple[int, int, int]
    """Left, right and vertical middle, from 0 to SCALE."""

    @property
    def written(self) -> str:
        """The line as the model reads it: `[12] (61-240,88) Invoice No: 7`."""
        left, right, middle = self.place
        return f"[{self.number}] ({left}-{right},{middle}) {_CONTROL.sub(' ', self.line.text)}"

    @property
    def tokens(self) -> int:
        """About how many tokens it is; more often too many than too few."""
        ascii_ = sum(character < "\x80" for character in self.line.text)
        return _AROUND + math.ceil(ascii_ / _LETTERS) + len(self.line.text) - ascii_


@dataclass(frozen=True, slots=True)
class Room:
    """How much page text a language model is given: tokens at once, and how many times for one document."""

    tokens: int = 12_000
    windows: int = 16


def room_within(context: int | None, answer: int) -> Room:
    """The room of a model with that many tokens of context, of which its answers take at most `answer` each.

    Room for page text is left by the instructions, the answer, and the repair's answer after it; never more than
    where the context is not known.
    """
    if context is None:
        return Room()
    return Room(tokens=max(_LEAST, min(Room().tokens, context - 2 * answer - _AROUND_PAGES)))


def numbered(pages: Sequence[Page]) -> tuple[NumberedLine, ...]:
    """Every line of the pages that says something, in reading order."""
    return tuple(
        NumberedLine(number, page, line, _place(line, pages[page]))
        for number, (page, line) in enumerate(_printed(pages), 1)
    )


def windows(lines: Sequence[NumberedLine], room: Room) -> tuple[tuple[NumberedLine, ...], ...]:
    """Consecutive whole pages, as many as fit at once; every line is in exactly one window.

    Nothing is left out: ContextTooLong where one page alone, or the whole document, does not fit.
    """
    found: list[list[NumberedLine]] = []
    filled = 0
    for page in _by_page(lines):
        need = sum(line.tokens for line in page)
        if need > room.tokens:
            raise ContextTooLong(
                f"Page {page[0].page + 1} holds about {need} tokens of text; the language model that finds the "
                f"values is given at most {room.tokens} at once.",
                context=room.tokens,
                prompt=need,
            )
        if not found or filled + need > room.tokens:
            found.append([])
            filled = 0
        found[-1] += page
        filled += need
    if len(found) > room.windows:
        raise ContextTooLong(
            f"The document is {len(found)} times what the language model that finds the values is given at once; "
            f"at most {room.windows} times are allowed: send fewer pages."
        )
    return tuple(map(tuple, found))


def _printed(pages: Sequence[Page]) -> Iterator[tuple[int, Line]]:
    for position, page in enumerate(pages):
        yield from ((position, line) for line in page.lines if line.words)


def _by_page(lines: Sequence[NumberedLine]) -> list[list[NumberedLine]]:
    pages: dict[int, list[NumberedLine]] = {}
    for line in lines:
        pages.setdefault(line.page, []).append(line)
    return list(pages.values())


def _place(line: Line, page: Page) -> tuple[int, int, int]:
    _, middle = line.box.middle
    return (
        _scaled(line.box.left, page.width),
        _scaled(line.box.right, page.width),
        _scaled(middle, page.height),
    )


def _scaled(pixels: float, size: int) -> int:
    return min(max(round(pixels / size * SCALE), 0), SCALE) if size else 0
