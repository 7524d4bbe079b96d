"""What the tests of layout share: lines of type set at a place, and rules drawn between them."""

from readstone.core.document import Box, Line, Page, Rule, Word

PITCH = 10.0
"""Pixels of a letter; a line is 20 high."""


def typed(text: str, left: float, top: float, *, row: int = 0, height: float = 20) -> Line:
    """A line of words."""
    pitch = PITCH * height / 20
    words: list[Word] = []
    x = left
    for word in text.split():
        words.append(Word(word, Box(x, top, x + pitch * len(word), top + height), 1.0))
        x += pitch * (len(word) + 1)
    box = Box(left, top, x - pitch, top + height)
    corners = ((box.left, top), (box.right, top), (box.right, box.bottom), (box.left, box.bottom))
    return Line(text, corners, box, row, 1.0, tuple(words))


def across(y: float, left: float, right: float) -> Rule:
    return Rule(left, y, right, y)


def down(x: float, top: float, bottom: float) -> Rule:
    return Rule(x, top, x, bottom)


def frame(xs: tuple[float, ...], ys: tuple[float, ...]) -> tuple[Rule, ...]:
    """All the rules of a grid."""
    return (
        *(across(y, xs[0], xs[-1]) for y in ys),
        *(down(x, ys[0], ys[-1]) for x in xs),
    )


def page(*rows: dict[float, str], step: float = 30, rules: tuple[Rule, ...] = ()) -> Page:
    """A page of visual rows, each with its texts by the pixel they begin at, the first 10 pixels from the top."""
    lines = (
        typed(text, left, 10 + step * number, row=number)
        for number, row in enumerate(rows)
        for left, text in row.items()
    )
    return Page(1000, 1400, tuple(lines), 0, rules)
