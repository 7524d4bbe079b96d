"""The text layer of a PDF's page: its visible words in their places, and figures that say what it is worth."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from readstone.core.document import Corners, Point
from readstone.media.pdf.binding import Character
from readstone.media.pdf.frame import Frame

MOST_CHARACTERS: Final = 50_000
"""Of one page: a dense newspaper page has 20,000. A longer layer is not looked at."""
_HYPHENS: Final = frozenset({0x02, 0xAD, 0xFFFE})
"""The soft hyphen, and what PDFium gives for a hyphen that ends a line."""
_NO_LETTER: Final = frozenset({"Cc", "Cn", "Co", "Cs"})
"""Control characters, unassigned ones, private ones and halves: nobody said which letter these are."""
_JUMP: Final = 0.6
"""Font sizes between two characters, along or across the line, from which they are not of one word."""
_TURN: Final = 0.05
"""Radians between the directions of two characters from which they are not of one word."""
_ASCENT: Final = 0.8
_DESCENT: Final = 0.2
"""Font sizes that a word stands above and below its base line."""
_CUT: Final = 0.2
"""Font sizes by which a character may reach over the edge of the page and still be read."""
_MOST: Final = 0.8
"""Share of the letters that run one way on a page that is turned this way."""
_HIGHEST: Final = 1.5
_LOWEST: Final = 0.3
"""Font sizes: ink that is higher or lower than this tells that the font's own size is not true."""


@dataclass(frozen=True, slots=True)
class Run:
    """A word of a text layer: `corners` in pixels of the drawn page, `font` tells fonts apart."""

    text: str
    corners: Corners
    font: int


@dataclass(frozen=True, slots=True)
class TextLayer:
    """The visible words of a page, in the order they are stored, and its characters with ink counted.

    `invisible` of the `characters` are not to be drawn, `unmapped` have no letter.
    """

    runs: tuple[Run, ...]
    characters: int
    invisible: int
    unmapped: int


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A character in its place, in pixels: `along` and `across` are its extents in the directions of its line.

    `across` counts upwards from `base`, the height of the base line; `angle` is the line's, in radians.
    """

    text: str
    font: int
    angle: float
    size: float
    base: float
    along: tuple[float, float]
    across: tuple[float, float]


def read_text(characters: Iterable[Character], frame: Frame) -> TextLayer:
    """The words of the characters that are drawn within the page's visible box."""
    glyphs: list[_Glyph | None] = []
    seen = invisible = unmapped = 0
    for character in characters:
        text = _text(character.code)
        glyph = None
        if not character.generated and not text.isspace():
            if (glyph := _glyph(character, frame)) is None:
                continue
            seen += 1
            unmapped += _is_unmapped(character, text)
            if character.invisible:
                invisible += 1
                continue
        glyphs.append(glyph)
    return TextLayer(tuple(_run(word) for word in _words(glyphs)), seen, invisible, unmapped)


def turns_upright(layer: TextLayer) -> int:
    """Quarter turns clockwise, 0..3, that make the page's text run from left to right; 0 where it runs many ways."""
    ways: Counter[int] = Counter()
    for run in layer.runs:
        (x0, y0), (x1, y1), _, _ = run.corners
        ways[round(math.atan2(y1 - y0, x1 - x0) / (math.pi / 2)) % 4] += len(run.text)
    way, letters = max(ways.items(), key=lambda item: item[1], default=(0, 0))
    return -way % 4 if letters >= _MOST * ways.total() else 0


def _is_unmapped(character: Character, text: str) -> bool:
    return character.unmapped or text == "\ufffd" or unicodedata.category(text) in _NO_LETTER


def _text(code: int) -> str:
    if code in _HYPHENS:
        return "-"
    return chr(code) if 0 < code < 0x110000 else "\ufffd"  # noqa: PLR2004 Unicode's end


def _words(glyphs: Iterable[_Glyph | None]) -> Iterator[list[_Glyph]]:
    """Characters that follow each other in one word; None stands for white space."""
    word: list[_Glyph] = []
    for glyph in glyphs:
        if word and (glyph is None or not _continues(word[-1], glyph)):
            yield word
            word = []
        if glyph is not None:
            word.append(glyph)
    if word:
        yield word


def _continues(one: _Glyph, other: _Glyph) -> bool:
    """Whether two characters that follow each other stand in one word, whichever way it is written."""
    size = max(one.size, other.size)
    gap = max(other.along[0] - one.along[1], one.along[0] - other.along[1])
    turn = abs(math.remainder(one.angle - other.angle, math.tau))
    return turn < _TURN and gap < _JUMP * size and abs(one.base - other.base) < _JUMP * size


def _glyph(character: Character, frame: Frame) -> _Glyph | None:
    """The character in its place; None where that is outside of the page, or nowhere."""
    left, bottom, right, top = character.bounds
    a, b, c, d, _, _ = character.matrix
    x, y = character.origin
    size = abs(character.size) * math.hypot(c, d) * frame.scale
    if not all(map(math.isfinite, (*character.bounds, a, b, x, y, size))) or not size:
        return None
    corners = [frame.place(across, up) for across in (left, right) for up in (bottom, top)]
    if not all(_is_on_page(corner, frame, _CUT * size) for corner in corners):
        return None
    start, end = frame.place(x, y), frame.place(x + a, y + b)
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    along, across = zip(*(_turned(corner, angle) for corner in corners), strict=True)
    base = _turned(start, angle)[1]
    return _Glyph(
        text=_text(character.code),
        font=character.font,
        angle=angle,
        size=size,
        base=base,
        along=(min(along), max(along)),
        across=(base - max(across), base - min(across)),
    )


def _is_on_page(point: Point, frame: Frame, slack: float) -> bool:
    x, y = point
    return -slack <= x <= frame.width + slack and -slack <= y <= frame.height + slack


def _turned(point: Point, angle: float) -> Point:
    """A point as seen along a line of that angle: how far along, and how far down across it."""
    x, y = point
    sine, cosine = math.sin(angle), math.cos(angle)
    return x * cosine + y * sine, y * cosine - x * sine


def _run(word: list[_Glyph]) -> Run:
    first = word[0]
    left, right = min(glyph.along[0] for glyph in word), max(glyph.along[1] for glyph in word)
    low, high = min(glyph.across[0] for glyph in word), max(glyph.across[1] for glyph in word)
    size = max(glyph.size for glyph in word)
    ink = high - low
    if ink > _HIGHEST * size or (ink < _LOWEST * size and any(g.text.isalnum() for g in word)):
        above, below = high, -low
    else:
        above, below = _ASCENT * size, _DESCENT * size
    corners = [
        _turned((along, first.base - up), -first.angle)
        for along, up in ((left, above), (right, above), (right, -below), (left, -below))
    ]
    a, b, c, d = corners
    return Run(_spelled(glyph.text for glyph in word), (a, b, c, d), first.font)


def _spelled(texts: Iterable[str]) -> str:
    """The letters put together: pairs of halves joined, accents on their letters, ligatures taken apart."""
    whole = "".join(texts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    composed = unicodedata.normalize("NFC", whole)
    return "".join(
        unicodedata.normalize("NFKC", letter) if "\ufb00" <= letter <= "\ufb06" else letter
        for letter in composed
        if unicodedata.category(letter) not in _NO_LETTER | {"Cf"}
    )
