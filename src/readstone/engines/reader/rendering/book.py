"""Renderers make the text of a page from its lines: plain as they come, or whole in the other forms."""

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Protocol, assert_never

from readstone.core.document import Box, Line, Page
from readstone.engines.instruction.rendering import Rendering
from readstone.engines.reader.layout.rows import around, folded
from readstone.engines.reader.rendering.html import html
from readstone.engines.reader.rendering.markdown import markdown, markdown_with_html_tables
from readstone.engines.reader.rendering.monospace import monospace

_PARAGRAPH_GAP = 1.3
"""Row heights of white between two rows that part paragraphs while the page's usual step is unknown."""

_PARAGRAPH_STEP = 1.45
"""Usual line steps from one row to the next that part paragraphs."""

_STEPS_KNOWN = 3
"""Line steps seen before their median counts as usual."""

_STEPS_KEPT = 25
"""Line steps the median is taken over: the text near by, so that a page may change its type."""


class Renderer(Protocol):
    """Makes the text of one page; the same lines make the same text however it is taken.

    The text is every returned string in turn: it never begins or ends with a newline, and holds every word
    of every line. Every string but the first begins with the white space before it, so that tokens add up.
    """

    def feed(self, line: Line) -> str:
        """Take the next line in reading order and give the text that may go out now, possibly none."""
        ...

    def end(self) -> str:
        """Give the rest of the page's text, possibly none; nothing is fed after this."""
        ...


class PlainRenderer:
    """Lines as they come: a space within a row, a newline between rows, a blank line between paragraphs."""

    def __init__(self) -> None:
        self._row: int | None = None
        self._box = Box(0, 0, 0, 0)
        self._steps: list[float] = []

    def feed(self, line: Line) -> str:
        """Give the line with the white space that parts it from the line before."""
        text = folded(line.text)
        if not text:
            return ""
        if self._row is None:
            border = ""
        elif line.row == self._row:
            self._box = around((self._box, line.box))
            return f" {text}"
        else:
            border = "\n\n" if self._begins_paragraph(line.box) else "\n"
        self._row = line.row
        self._box = line.box
        return border + text

    def end(self) -> str:
        """Give nothing: all is out."""
        return ""

    def _begins_paragraph(self, box: Box) -> bool:
        step = box.middle[1] - self._box.middle[1]
        if step <= 0:
            return True
        if len(self._steps) >= _STEPS_KNOWN:
            begins = step > _PARAGRAPH_STEP * median(self._steps)
        else:
            gap = box.top - self._box.bottom
            begins = gap > _PARAGRAPH_GAP * min(box.height, self._box.height)
        self._steps = [*self._steps[1 - _STEPS_KEPT :], step]
        return begins


class PageRenderer:
    """Buffers a page and gives it whole: nothing goes out before its columns, headings and tables are known."""

    def __init__(self, page: Page, write: Callable[[Page], str]) -> None:
        self._page = page
        self._write = write
        self._lines: list[Line] = []

    def feed(self, line: Line) -> str:
        """Keep the line."""
        self._lines.append(line)
        return ""

    def end(self) -> str:
        """Give the page."""
        return self._write(replace(self._page, lines=tuple(self._lines)))


def renderer(rendering: Rendering, page: Page) -> Renderer:
    """A renderer for one page, whose lines are still to come."""
    match rendering:
        case "plain":
            return PlainRenderer()
        case "layout":
            return PageRenderer(page, monospace)
        case "markdown":
            return PageRenderer(page, markdown)
        case "markdown-html":
            return PageRenderer(page, markdown_with_html_tables)
        case "html":
            return PageRenderer(page, html)
        case _:
            assert_never(rendering)


def separator(rendering: Rendering) -> str:
    """What stands between the texts of two pages: a form feed on its line, or a rule in markdown or HTML."""
    match rendering:
        case "plain" | "layout":
            return "\n\f"
        case "markdown" | "markdown-html":
            return "\n\n---\n\n"
        case "html":
            return "\n<hr>\n"
        case _:
            assert_never(rendering)


class Book:
    """The text of page after page: each page's own, and what stands between two."""

    def __init__(self, rendering: Rendering) -> None:
        self._rendering: Rendering = rendering
        self._page: Renderer | None = None
        self._border = ""

    def turn(self, page: Page) -> str:
        """Begin a page, whose lines are still to come, and give the rest of the one before."""
        rest = self.end()
        if self._page is not None:
            self._border = separator(self._rendering)
        self._page = renderer(self._rendering, page)
        return rest

    def feed(self, line: Line) -> str:
        """Take the page's next line and give the text that may go out now, possibly none."""
        return self._bordered("" if self._page is None else self._page.feed(line))

    def end(self) -> str:
        """Give the rest of the last page, possibly none; a page without text still stands apart from its neighbours."""
        rest = "" if self._page is None else self._page.end()
        border, self._border = self._border, ""
        return border + rest

    def _bordered(self, text: str) -> str:
        if not text:
            return ""
        border, self._border = self._border, ""
        return border + text
