"""The HTML rendering: a page's headings, paragraphs, lists, tables with their spans, header and footer."""

from html import escape
from itertools import groupby
from typing import Final, assert_never

from readstone.core.document import Block, Page, Table, TableCell
from readstone.engines.reader.layout.blocks import blocks
from readstone.engines.reader.layout.paragraphs import LIST_ITEM

_BREAK: Final = "<br>\n"


def html(page: Page) -> str:
    """The page as a fragment of HTML: elements without attributes but the spans of cells and the numbers of items."""
    return "\n".join(_block(block) for block in blocks(page))


def table_html(table: Table) -> str:
    """A table as HTML, a row on each line; cells span what they span on the page."""
    at = {(cell.row, cell.column): cell for cell in table.cells}
    covered = {
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.rows)
        for column in range(cell.column, cell.column + cell.columns)
    }
    rows: list[str] = []
    for row in range(table.rows):
        cells = (
            _cell(at[place]) if place in at else "<td></td>"
            for place in ((row, column) for column in range(table.columns))
            if place in at or place not in covered
        )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join(("<table>", *rows, "</table>"))


def _cell(cell: TableCell) -> str:
    rows = f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
    columns = f' colspan="{cell.columns}"' if cell.columns > 1 else ""
    return f"<td{rows}{columns}>{escape(cell.text, quote=False)}</td>"


def _block(block: Block) -> str:
    text = _BREAK.join(escape(line, quote=False) for line in block.text.split("\n"))
    match block.kind:
        case "heading":
            return f"<h{block.level}>{text}</h{block.level}>"
        case "list":
            return _list(block.text)
        case "table":
            return "" if block.table is None else table_html(block.table)
        case "header" | "footer":
            return f"<{block.kind}>{text}</{block.kind}>"
        case "page_number":
            return f"<footer>{text}</footer>"
        case "text" | "key_values" | "caption":
            return f"<p>{text}</p>"
        case _:
            assert_never(block.kind)


def _list(text: str) -> str:
    """A list, or several where bulleted items and numbered ones follow each other."""
    items = [item for line in text.split("\n") if (item := LIST_ITEM.match(line))]
    return "\n".join(
        _ordered([(item["number"], item["text"]) for item in group])
        if numbered
        else _bulleted([item["text"] for item in group])
        for numbered, group in groupby(items, lambda item: item["number"] is not None)
    )


def _ordered(items: list[tuple[str, str]]) -> str:
    lines = (
        f'<li value="{number[:-1]}">{escape(text, quote=False)}</li>' for number, text in items
    )
    return "\n".join(("<ol>", *lines, "</ol>"))


def _bulleted(items: list[str]) -> str:
    return "\n".join(
        ("<ul>", *(f"<li>{escape(text, quote=False)}</li>" for text in items), "</ul>")
    )
