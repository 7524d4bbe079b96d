"""The text layer of a PDF's page as lines: whether it is trusted, and what of the page it leaves to be read.

The rule and how it was found are in docs/reader.md.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

import numpy as np
from numpy.typing import NDArray

from readstone.core.document import Box, Corners, Line, Point, Word
from readstone.media.pdf.file import DrawnPage
from readstone.media.pdf.text import Run

FEWEST: Final = 10
"""Characters of a layer; one of fewer is a stamp on a scan more often than a page."""
MOST_LINES: Final = 2000
"""Lines of a layer; the densest page has half as many, and ordering them takes time that grows faster than they do."""
UNMAPPED: Final = 0.02
INVISIBLE: Final = 0.1
HIDDEN: Final = 0.1
"""Shares of the characters without a letter, of those not to be drawn, and of the words that show no ink."""
COVERED: Final = 0.5
"""Share of the page under images from which it is a scan, whatever text lies over or under them."""
CONTRAST: Final = 24
"""Levels of 255 between the darkest and the brightest pixel of a word that shows."""
GAP: Final = 1.0
OVERLAP: Final = -0.5
LEVEL: Final = 0.25
"""Heights between two words of one line: along it, at most and at least, and across it."""
TURN: Final = 0.02
"""Radians between the directions of two words of one line."""
KNOWN: Final = 0.2
"""Share of a detected line that lies under the layer's lines, from which it needs no reading."""
FONTS: Final = 3
USED: Final = 0.1
LETTERS: Final = range(12, 200)
"""The layer is held against the page for this many fonts at most, by a line of so many letters and digits,
where the font has set this share of the layer."""
ALIKE: Final = 0.6
"""Likeness of a line to what is read in its place, from which the layer says what the page shows."""


@dataclass(frozen=True, slots=True)
class LayerLine:
    """A line of a text layer, confidence 1.0, its row not yet known, and the number of its font."""

    line: Line
    font: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A word seen along its line, in pixels: `angle` of the line, `left` to `right` along, `top` to `bottom` across."""

    run: Run
    angle: float
    left: float
    right: float
    top: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def trusted_lines(page: DrawnPage) -> tuple[LayerLine, ...]:
    """The layer's lines in no particular order; () where the page is to be read from its pixels alone.

    What the layer's words say is not looked at here: see `samples`.
    """
    layer = page.text
    if (
        layer.characters < FEWEST
        or layer.unmapped > UNMAPPED * layer.characters
        or layer.invisible > INVISIBLE * layer.characters
        or page.pictures.covered >= COVERED
        or page.annotated
    ):
        return ()
    runs = [run for run in layer.runs if run.text]
    shown = [run for run in runs if _shows(page.pixels, run)]
    if len(runs) - len(shown) > HIDDEN * len(runs):
        return ()
    lines = tuple(_line(words) for words in _grouped(shown))
    return lines if len(lines) <= MOST_LINES else ()


def samples(layer: Sequence[LayerLine], alphabet: frozenset[str]) -> list[Line]:
    """Lines to be read and compared: the longest of each font that is much used, in letters of `alphabet`."""
    letters: Counter[int] = Counter()
    longest: dict[int, Line] = {}
    for entry in layer:
        text = _letters(entry.line.text)
        letters[entry.font] += len(text)
        best = longest.get(entry.font)
        if len(text) in LETTERS and alphabet.issuperset(entry.line.text.replace(" ", "")):
            longest[entry.font] = max(
                filter(None, (best, entry.line)), key=lambda line: len(line.text)
            )
    used = [font for font, count in letters.most_common(FONTS) if count > USED * letters.total()]
    return [longest[font] for font in used if font in longest]


def agree(line: str, read: str) -> bool:
    """Whether a line of the layer says what was read in its place, letters and digits compared."""
    return SequenceMatcher(None, _letters(line), _letters(read), autojunk=False).ratio() >= ALIKE


def unknown(found: Iterable[Corners], layer: Sequence[LayerLine]) -> list[Corners]:
    """The lines that were detected where the layer has no text: in pictures, or drawn as paths."""
    known = np.array([_sides(entry.line.box) for entry in layer], np.float64).reshape(-1, 4)
    return [corners for corners in found if _covered(_around(corners), known) < KNOWN]


def _covered(box: Box, known: NDArray[np.float64]) -> float:
    left, top, right, bottom = _sides(box)
    across = np.minimum(known[:, 2], right) - np.maximum(known[:, 0], left)
    down = np.minimum(known[:, 3], bottom) - np.maximum(known[:, 1], top)
    common = across.clip(0) * down.clip(0)
    return float(common.sum()) / max(1.0, box.width * box.height)


def _shows(pixels: NDArray[np.uint8], run: Run) -> bool:
    """Whether a word has ink where its letters stand: not under a bar, not in the colour of the paper."""
    if not any(map(str.isalnum, run.text)):
        return True
    box = _around(run.corners)
    # A bar over a word is hardly higher than the word: its edges are no ink of the letters.
    inset = min(box.width, box.height) / 4
    top, bottom = round(max(box.top + inset, 0)), math.ceil(box.bottom - inset)
    left, right = round(max(box.left, 0)), math.ceil(box.right)
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    return part.size > 0 and int(np.ptp(part, axis=(0, 1)).max()) >= CONTRAST


def _grouped(runs: Iterable[Run]) -> Iterator[list[_Place]]:
    """Words of one line together, in the direction of the line."""
    rows: list[list[_Place]] = []
    for place in sorted(map(_place, runs), key=lambda place: (round(place.angle, 1), place.middle)):
        if rows and _is_level(rows[-1][0], place):
            rows[-1].append(place)
        else:
            rows.append([place])
    for row in rows:
        line: list[_Place] = []
        for place in sorted(row, key=lambda place: place.left):
            if line and not _is_next(line[-1], place):
                yield line
                line = []
            line.append(place)
        yield line


def _is_level(one: _Place, other: _Place) -> bool:
    turn = abs(math.remainder(one.angle - other.angle, math.tau))
    height = min(one.height, other.height)
    return turn < TURN and abs(one.middle - other.middle) < LEVEL * height


def _is_next(one: _Place, other: _Place) -> bool:
    height = max(one.height, other.height)
    return OVERLAP * height < other.left - one.right < GAP * height


def _line(places: list[_Place]) -> LayerLine:
    left, right = min(place.left for place in places), max(place.right for place in places)
    top, bottom = min(place.top for place in places), max(place.bottom for place in places)
    angle = places[0].angle
    a, b, c, d = (
        _turned(point, -angle)
        for point in ((left, top), (right, top), (right, bottom), (left, bottom))
    )
    corners = (a, b, c, d)
    fonts = Counter(place.run.font for place in places)
    runs = [place.run for place in places]
    if _runs_leftwards(runs):
        runs.reverse()
    words = tuple(Word(run.text, _around(run.corners), 1.0) for run in runs)
    text = " ".join(word.text for word in words)
    return LayerLine(
        Line(text, corners, _around(corners), 0, 1.0, words), fonts.most_common(1)[0][0]
    )


def _runs_leftwards(runs: Iterable[Run]) -> bool:
    ways = [unicodedata.bidirectional(letter) for run in runs for letter in run.text]
    return ways.count("R") + ways.count("AL") > ways.count("L")


def _place(run: Run) -> _Place:
    (x0, y0), (x1, y1), _, _ = run.corners
    angle = math.atan2(y1 - y0, x1 - x0)
    along, across = zip(*(_turned(corner, angle) for corner in run.corners), strict=True)
    return _Place(run, angle, min(along), max(along), min(across), max(across))


def _turned(point: Point, angle: float) -> Point:
    """A point seen along a line of that angle: how far along, and how far across."""
    x, y = point
    sine, cosine = math.sin(angle), math.cos(angle)
    return x * cosine + y * sine, y * cosine - x * sine


def _around(corners: Corners) -> Box:
    across, down = zip(*corners, strict=True)
    return Box(min(across), min(down), max(across), max(down))


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
