"""The markdown rendering: headings, paragraphs, lists and tables of a page."""

import re
from collections.abc import Callable
from typing import Final, assert_never

from readstone.core.document import Block, Page, Table
from readstone.engines.reader.layout.blocks import blocks, matrix
from readstone.engines.reader.rendering.html import table_html

_BREAK: Final = "  \n"
"""A line break within a paragraph."""

_LINE_START: Final = re.compile(
    r"(?P<number>\d{1,9})(?=[.)](?:\s|$))|(?=[#>|<*_`]|[-+](?:\s|$)|[-=~]{3})"
)


def markdown(page: Page) -> str:
    """The page as GitHub-flavoured markdown; bullets of a list become `-`."""
    return _page(page, _pipes)


def markdown_with_html_tables(page: Page) -> str:
    """The same with its tables as HTML, which has cells that span several."""
    return _page(page, table_html)


def escaped(text: str) -> str:
    """The text of a line with what would be markdown syntax at its start made plain."""
    start = _LINE_START.match(text)
    return text if start is None else f"{start[0]}\\{text[start.end() :]}"


def _page(page: Page, table: Callable[[Table], str]) -> str:
    return "\n\n".join(_block(block, table) for block in blocks(page))


def _block(block: Block, table: Callable[[Table], str]) -> str:
    match block.kind:
        case "heading":
            return f"{'#' * block.level} {block.text}"
        case "list":
            return block.text
        case "table":
            return "" if block.table is None else table(block.table)
        case "text" | "key_values" | "caption" | "header" | "footer" | "page_number":
            return _BREAK.join(map(escaped, block.text.split("\n")))
        case _:
            assert_never(block.kind)


def _pipes(table: Table) -> str:
    """A GitHub table; the first row is its head."""
    head, *body = ("| " + " | ".join(map(_cell, row)) + " |" for row in matrix(table))
    return "\n".join((head, "|" + " --- |" * table.columns, *body))


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
