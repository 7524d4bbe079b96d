"""The markdown rendering: headings, paragraphs, lists and tables of a page."""

import re
from collections.abc import Sequence
from statistics import median

from readstone.core.document import Line
from readstone.engines.reader.rows import Row, rows, usual_height
from readstone.engines.reader.tables import Table, tables

_HEADINGS = ((2.0, "# "), (1.6, "## "), (1.35, "### "))
"""Heights in usual heights from which a short row is a heading, and its mark."""

_HEADING_LENGTH = 80
"""The most characters of a heading."""

_PARAGRAPH_GAP = 0.8
"""Usual heights of white between two rows that part paragraphs."""

_LIST_ITEM = re.compile(r"(?:[-*+•◦▪‣·●○■□\u2013]|(?P<number>\d{1,3})[.)])\s+(?P<text>\S.*)")
_LINE_START = re.compile(r"(?P<number>\d{1,9})(?=[.)](?:\s|$))|(?=[#>|]|[-+*](?:\s|$)|[-=_*~`]{3})")


class MarkdownRenderer:
    """Buffers a page and gives it as GitHub-flavoured markdown."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._lines: list[Line] = []

    def feed(self, line: Line) -> str:
        """Keep the line: nothing goes out before the page's headings and tables are known."""
        self._lines.append(line)
        return ""

    def end(self) -> str:
        """Give the page."""
        found = rows(self._lines)
        usual = usual_height(found)
        blocks: list[str] = []
        begin = 0
        for table in tables(found):
            blocks += _prose(found[begin : table.begin], usual)
            blocks.append(_table(table))
            begin = table.end
        blocks += _prose(found[begin:], usual)
        return "\n\n".join(blocks)


def escaped(text: str) -> str:
    """The text of a line with what would be markdown syntax at its start made plain."""
    start = _LINE_START.match(text)
    return text if start is None else f"{start[0]}\\{text[start.end() :]}"


def _prose(rows: Sequence[Row], usual: float) -> list[str]:
    """Rows outside tables as blocks: headings, list items (a list is one block) and paragraphs."""
    blocks: list[str] = []
    before: Row | None = None
    kind = ""
    for row in rows:
        mark = _heading(row, usual)
        item = _LIST_ITEM.match(row.text)
        if mark:
            blocks.append(mark + row.text)
            kind = "heading"
        elif item:
            text = f"{item['number']}. {item['text']}" if item["number"] else f"- {item['text']}"
            if kind == "list":
                blocks[-1] += f"\n{text}"
            else:
                blocks.append(text)
            kind = "list"
        elif before is not None and kind in {"list", "text"} and not _apart(before, row, usual):
            blocks[-1] += f" {row.text}"
        else:
            blocks.append(escaped(row.text))
            kind = "text"
        before = row
    return blocks


def _heading(row: Row, usual: float) -> str:
    """The mark of a heading, "" of anything else."""
    if len(row.text) > _HEADING_LENGTH or len(row.cells) > 1:
        return ""
    height = median(cell.box.height for cell in row.cells)
    return next((mark for times, mark in _HEADINGS if height >= times * usual), "")


def _apart(above: Row, below: Row, usual: float) -> bool:
    white = below.box.top - above.box.bottom
    return white > _PARAGRAPH_GAP * usual or below.box.middle[1] <= above.box.middle[1]


def _table(table: Table) -> str:
    """A GitHub table; the first row is its head."""
    head, *body = ("| " + " | ".join(_cell(text) for text in row) + " |" for row in table.cells)
    return "\n".join((head, "|" + " --- |" * len(table.cells[0]), *body))


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
