"""The rows of a page and the cells that stand in them side by side."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from readstone.core.document import Box, Line, Word

_WIDE_GAP = 1.6
"""Line heights between two words of one line from which they are two cells; a word space is about 0.3."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Text that stands together in a row; never empty, white space folded to single spaces.

    `words` are those the text is made of; empty where the line's words and text differ.
    """

    text: str
    box: Box
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Cells from left to right, at least one, and the box around them."""

    cells: tuple[Cell, ...]
    box: Box

    @property
    def text(self) -> str:
        """The cells' texts joined with single spaces."""
        return " ".join(cell.text for cell in self.cells)


def folded(text: str) -> str:
    """The text with every run of white space as one space, none at its ends."""
    return " ".join(text.split())


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of at least one box."""
    lefts, tops, rights, bottoms = zip(
        *((box.left, box.top, box.right, box.bottom) for box in boxes), strict=True
    )
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def rows(lines: Iterable[Line]) -> list[Row]:
    """Lines in reading order as rows in that order: neighbours of one visual row are one row."""
    return [
        _row(cell for line in group for cell in cells(line))
        for _, group in groupby(
            (line for line in lines if line.text.strip()), lambda line: line.row
        )
    ]


def visual_rows(lines: Iterable[Line]) -> list[Row]:
    """All lines of a page as its visual rows from top to bottom, whatever order they came in."""
    return rows(sorted(lines, key=lambda line: line.row))


def cells(line: Line) -> Iterator[Cell]:
    """The line in one piece, or in several where the page shows a gap much wider than a space."""
    parts = _parts(line)
    if len(parts) > 1:
        yield from (
            Cell(text, around(word.box for word in words), tuple(words)) for text, words in parts
        )
    else:
        yield Cell(folded(line.text), line.box, line.words if parts else ())


def usual_height(rows: Sequence[Row]) -> float:
    """The height in pixels of the rows' running text: the median over characters; 1.0 of no rows."""
    heights = [cell.box.height for row in rows for cell in row.cells for _ in range(len(cell.text))]
    return max(1.0, median(heights)) if heights else 1.0


def usual_step(rows: Sequence[Row]) -> float:
    """Pixels from one row to the next in running text, at least the usual height of a row."""
    height = usual_height(rows)
    steps = [
        step for above, below in pairwise(rows) if 0 < (step := drop(above, below)) < 2 * height
    ]
    return max(median(steps), height) if steps else 1.5 * height


def drop(above: Row, below: Row) -> float:
    """Pixels from the middle of one row down to the middle of another; negative where it stands higher."""
    return below.box.middle[1] - above.box.middle[1]


def _row(cells: Iterable[Cell]) -> Row:
    ordered = tuple(sorted(cells, key=lambda cell: cell.box.left))
    return Row(ordered, around(cell.box for cell in ordered))


def _parts(line: Line) -> list[tuple[str, list[Word]]]:
    """Runs of words without a wide gap, with their part of the line's text; none where words and text differ."""
    parts: list[tuple[str, list[Word]]] = []
    run: list[Word] = []
    begin = end = 0
    for word in line.words:
        at = line.text.find(word.text, end)
        if at < 0:
            return []
        if run and word.box.left - run[-1].box.right > _WIDE_GAP * line.box.height:
            parts.append((folded(line.text[begin:at]), run))
            run, begin = [], at
        run.append(word)
        end = at + len(word.text)
    return [*parts, (folded(line.text[begin:]), run)]
