"""Tables as grids, read from HTML, and how near one is to another (ICDAR 2013 table competition)."""

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final, TypeAlias, TypeVar

_LOOKALIKES: Final = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | dict.fromkeys("\u2018\u2019`", "'")
)
_RULE: Final = re.compile(r"\|(?: -{3,} \|)+")
_MOST: Final = 200
"""A span is this at most: it is somebody's typing."""

T = TypeVar("T", bound=Hashable)

Relation: TypeAlias = tuple[str, str, str]
"""A cell's text, that of the next cell with text, and the direction: right or down."""


@dataclass(slots=True)
class Cell:
    """A cell; the same object in every place that it spans."""

    text: str = ""


@dataclass(slots=True)
class Grid:
    """A table's cells by row and column."""

    cells: dict[tuple[int, int], Cell] = field(default_factory=dict[tuple[int, int], Cell])

    def texts(self) -> Counter[str]:
        """The bag of its texts, each cell once; white space does not count."""
        once = {id(cell): _folded(cell.text) for cell in self.cells.values()}
        return Counter(text for text in once.values() if text)

    def relations(self) -> Counter[Relation]:
        """Which cells stand next to each other, empty ones passed over."""
        rows = max((row for row, _ in self.cells), default=-1) + 1
        columns = max((column for _, column in self.cells), default=-1) + 1
        found: dict[tuple[int, int, str], Relation] = {}
        for (row, column), cell in self.cells.items():
            if not _folded(cell.text):
                continue
            right = [(row, other) for other in range(column + 1, columns)]
            below = [(other, column) for other in range(row + 1, rows)]
            for direction, places in (("right", right), ("down", below)):
                other = self._next(cell, places)
                if other is not None:
                    relation = (_folded(cell.text), _folded(other.text), direction)
                    found[id(cell), id(other), direction] = relation
        return Counter(found.values())

    def _next(self, cell: Cell, places: list[tuple[int, int]]) -> Cell | None:
        others = (self.cells.get(place) for place in places)
        return next(
            (o for o in others if o is not None and o is not cell and _folded(o.text)), None
        )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.grids: list[Grid] = []
        self._row = -1
        self._cell: Cell | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        match tag:
            case "table":
                self.grids.append(Grid())
                self._row = -1
            case "tr" if self.grids:
                self._row += 1
            case "td" | "th" if self.grids:
                self._cell = Cell()
                self._place(self._cell, dict(attrs))
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.text += data

    def _place(self, cell: Cell, attributes: dict[str, str | None]) -> None:
        cells = self.grids[-1].cells
        column = 0
        while (self._row, column) in cells:
            column += 1
        for row in range(self._row, self._row + _span(attributes, "rowspan")):
            for other in range(column, column + _span(attributes, "colspan")):
                cells[row, other] = cell


def from_html(text: str) -> list[Grid]:
    """The tables of an HTML text, in their order."""
    reader = _Reader()
    reader.feed(text if "<table" in text else f"<table>{text}</table>")
    reader.close()
    return reader.grids


def from_markdown(text: str) -> list[Grid]:
    """The tables of a markdown text, in their order: runs of lines between pipes."""
    grids: list[Grid] = []
    rows: list[list[str]] = []
    for line in [*text.split("\n"), ""]:
        if line.startswith("| ") and line.endswith(" |"):
            if not _RULE.fullmatch(line):
                rows.append(line[2:-2].split(" | "))
        elif rows:
            grids.append(from_rows(rows))
            rows = []
    return grids


def from_rows(rows: Sequence[Sequence[str]]) -> Grid:
    """Rows of texts as a grid."""
    places = ((r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row))
    return Grid({(row, column): Cell(_unescaped(text)) for row, column, text in places})


def f1(true: Counter[T], read: Counter[T]) -> float:
    """The harmonic mean of precision and recall, in percent; of nothing and nothing 100."""
    total = true.total() + read.total()
    return 200 * (true & read).total() / total if total else 100.0


def _unescaped(text: str) -> str:
    return text.replace("\\|", "|").replace("\\\\", "\\")


def _span(attributes: dict[str, str | None], name: str) -> int:
    value = attributes.get(name) or "1"
    return min(int(value), _MOST) if value.isdigit() else 1


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).translate(_LOOKALIKES).casefold().split())
