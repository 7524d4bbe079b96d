"""What stands in a page's margins: its header, its footer and its number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from readstone.core.document import Block, BlockKind
from readstone.engines.reader.layout.paragraphs import Type
from readstone.engines.reader.layout.rows import Row, drop

_MARGIN: Final = 0.08
"""The share of a page's height that may be margin, at the top and at the bottom."""
_APART: Final = 1.6
"""Usual steps from a margin to the text of the page, at least."""
_ROWS: Final = 2
"""Rows of a margin at most."""
_FULL: Final = 15
"""Rows from which a page is one of text, on which a margin without a number is told from a title."""
_SMALL: Final = 1.15
"""Usual heights up to which a row is no title."""
_NUMBER: Final = re.compile(
    r"\W*(?:(?:page|seite|p(?:ag)?\.|pagina|página|blatt|стр\.?|第)\s*)?(?:[A-Z]{1,2}[-.]?)?(?:\d{1,4}|[ivxl]{1,6})"
    r"(?:\s*(?:/|of|von|de|sur|di|van|-)\s*\d{1,4})?\s*[页頁]?\W*",
    re.IGNORECASE,
)
"""A page's number, alone in its row."""
_HOLDS_NUMBER: Final = re.compile(r"(?:^|\s)\d{1,4}(?:\s|$)")
_SHEET: Final = (0.55, 1.8)
"""Width by height of a sheet: what is longer is a receipt or a web page, which have no margins."""


@dataclass(frozen=True, slots=True)
class Margins:
    """The rows in a page's margins; the same objects as in the page's rows."""

    header: tuple[Row, ...]
    footer: tuple[Row, ...]


def margins(rows: Sequence[Row], width: float, height: float, usual: Type) -> Margins:
    """The header and the footer of a page of `width` x `height` pixels.

    A margin stands in the first or last twelfth of a sheet, apart from its text, in letters that are not
    large. Where the page has little text, only a number in it tells it from a title.
    """
    if not (rows and _SHEET[0] <= width / height <= _SHEET[1]):
        return Margins((), ())
    ordered = sorted(rows, key=lambda row: row.box.top)
    header = _margin(ordered, usual, _MARGIN * height)
    footer = _margin(ordered[: len(header) - 1 : -1], usual, _MARGIN * height, foot=height)
    return Margins(header, footer)


def _margin(
    rows: Sequence[Row], usual: Type, depth: float, foot: float | None = None
) -> tuple[Row, ...]:
    """The first of the rows from an edge of the page inwards that are its margin."""
    for count in range(min(_ROWS, len(rows) - 1), 0, -1):
        margin = rows[:count]
        reach = margin[-1].box.bottom if foot is None else foot - margin[-1].box.top
        apart = abs(drop(margin[-1], rows[count]))
        if (
            reach <= depth
            and apart >= _APART * usual.step
            and all(row.box.height <= _SMALL * usual.height for row in margin)
            and (len(rows) >= _FULL or any(_HOLDS_NUMBER.search(row.text) for row in margin))
        ):
            return tuple(margin)
    return ()


def kind_of(row: Row, *, head: bool) -> BlockKind:
    """What a row in a margin is."""
    if _NUMBER.fullmatch(row.text):
        return "page_number"
    return "header" if head else "footer"


def marginal(row: Row, kind: BlockKind) -> Block:
    """A row in a margin as a block of its own."""
    return Block(kind, row.text, row.box)
