"""The layout rendering: a page's text with its columns and gaps kept, for a font of one width."""

import unicodedata
from statistics import median

from readstone.core.document import Page
from readstone.engines.reader.layout.level import levelled
from readstone.engines.reader.layout.rows import Cell, Row, drop, usual_step, visual_rows

COLUMNS = 240
"""The most columns the page's width is spread over: small print beside large does not make endless lines."""

BLANK_LINES = 2
"""The most blank lines that stand for a vertical gap."""

_TOGETHER = 1.2
"""Pitches of white between two cells up to which one space parts them; wider white is at least two."""


def monospace(page: Page) -> str:
    """The page with columns and spacing kept.

    No output line is wider than `COLUMNS` plus the widths of its own cells plus two for each of them
    (full-width characters count double): cells are moved right rather than overlap.
    """
    found = visual_rows(levelled(page.lines, ()).lines)
    if not found:
        return ""
    left = min(row.box.left for row in found)
    pitch = _pitch(found, max(page.width, *(row.box.right - left for row in found)))
    step = usual_step(found)
    output: list[str] = []
    before: Row | None = None
    for row in found:
        if before is not None:
            output += [""] * _blank_lines(before, row, step)
        output.append(_set(row, left, pitch))
        before = row
    return _without_margin(output)


def width(text: str) -> int:
    """The columns a text takes in a font of one width: full-width characters two, combining ones none."""
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def _pitch(rows: list[Row], page_width: float) -> float:
    """Pixels of a column: the median over characters of what they take, and at most COLUMNS in all."""
    pitches = [
        cell.box.width / max(1, width(cell.text))
        for row in rows
        for cell in row.cells
        for _ in range(len(cell.text))
    ]
    return max(median(pitches), page_width / COLUMNS, 0.001)


def _blank_lines(above: Row, below: Row, step: float) -> int:
    return min(BLANK_LINES, max(0, round(drop(above, below) / step) - 1))


def _set(row: Row, left: float, pitch: float) -> str:
    """The row with each cell at its column, or as near to it as what stands before allows."""
    output = ""
    taken = 0
    before: Cell | None = None
    for cell in row.cells:
        column = round((cell.box.left - left) / pitch)
        if before is not None:
            column = _column(cell, left, pitch)
            apart = (cell.box.left - before.box.right) / pitch
            column = max(column, taken + (1 if apart <= _TOGETHER else 2))
        output += " " * (column - taken) + cell.text
        taken = column + width(cell.text)
        before = cell
    return output


def _column(cell: Cell, left: float, pitch: float) -> int:
    """The column of a cell beside others: figures are set by their right end, as they are printed below each other."""
    if 2 * sum(map(str.isdigit, cell.text)) > len(cell.text):
        return round((cell.box.right - left) / pitch) - width(cell.text)
    return round((cell.box.left - left) / pitch)


def _without_margin(lines: list[str]) -> str:
    margin = min(len(line) - len(line.lstrip(" ")) for line in lines if line)
    return "\n".join(line[margin:] for line in lines)
