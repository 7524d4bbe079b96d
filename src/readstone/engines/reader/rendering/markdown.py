"""The markdown rendering: headings, paragraphs, lists and tables of a page."""

from readstone.core.document import Line
from readstone.engines.reader.layout.paragraphs import prose, usual_type
from readstone.engines.reader.layout.rows import rows
from readstone.engines.reader.layout.unruled import Table, tables


class MarkdownRenderer:
    """Buffers a page and gives it as GitHub-flavoured markdown; bullets of a list become `-`."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    def feed(self, line: Line) -> str:
        """Keep the line: nothing goes out before the page's headings and tables are known."""
        self._lines.append(line)
        return ""

    def end(self) -> str:
        """Give the page."""
        found = rows(self._lines)
        usual = usual_type(found)
        blocks: list[str] = []
        begin = 0
        for table in tables(found):
            blocks += prose(found[begin : table.begin], usual)
            blocks.append(_table(table))
            begin = table.end
        blocks += prose(found[begin:], usual)
        return "\n\n".join(blocks)


def _table(table: Table) -> str:
    """A GitHub table; the first row is its head."""
    head, *body = ("| " + " | ".join(_cell(text) for text in row) + " |" for row in table.cells)
    return "\n".join((head, "|" + " --- |" * len(table.cells[0]), *body))


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
