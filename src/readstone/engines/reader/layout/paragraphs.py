"""Makes the markdown of rows outside tables: headings, lists and paragraphs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from readstone.engines.reader.layout.rows import Row, drop, usual_height, usual_step

_HEADINGS = ((2.0, "# "), (1.6, "## "), (1.35, "### "))
"""Heights in usual heights from which a short row is a heading, and its mark."""

_HEADING_LENGTH = 80
"""The most characters of a heading."""

_PARAGRAPH_STEP = 1.45
"""Usual steps from one row to the next that part paragraphs."""

_INDENT = 1.0
"""Usual heights that a row is set in from the left edge of its block to be indented."""

_RUNNING = 30
"""Characters of a line from which it may be running text: shorter ones are addresses, labels and the like."""

_BREAK = "  \n"
"""A line break within a paragraph."""

_LIST_ITEM = re.compile(r"(?:[-*+•◦▪‣·●○■□\u2013]|(?P<number>\d{1,3}[.)]))\s+(?P<text>\S.*)")
_LINE_START = re.compile(r"(?P<number>\d{1,9})(?=[.)](?:\s|$))|(?=[#>|<*_`]|[-+](?:\s|$)|[-=~]{3})")
_UNSPACED = re.compile(r"[\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uffef]")

_Kind: TypeAlias = Literal["heading", "list", "text"]


@dataclass(frozen=True, slots=True)
class Type:
    """The page's running text: the height of a row and the step from row to row, in pixels."""

    height: float
    step: float


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows that stand together: one heading, or the rows of a list or of a piece of text."""

    kind: _Kind
    rows: list[Row]


def usual_type(rows: Sequence[Row]) -> Type:
    """The type of all rows of a page."""
    return Type(usual_height(rows), usual_step(rows))


def prose(rows: Sequence[Row], usual: Type) -> Iterator[str]:
    """The blocks of markdown the rows make, in their order, to be parted by blank lines."""
    for group in _groups(rows, usual):
        match group.kind:
            case "heading":
                yield _heading_mark(group.rows[0], usual) + group.rows[0].text
            case "list":
                yield _list(group.rows)
            case "text":
                yield _text(group.rows, usual)


def escaped(text: str) -> str:
    """The text of a line with what would be markdown syntax at its start made plain."""
    start = _LINE_START.match(text)
    return text if start is None else f"{start[0]}\\{text[start.end() :]}"


def _groups(rows: Sequence[Row], usual: Type) -> list[_Group]:
    groups: list[_Group] = []
    for row in rows:
        kind = _kind(row, usual)
        last = groups[-1] if groups else None
        near = last is not None and 0 < drop(last.rows[-1], row) <= _PARAGRAPH_STEP * usual.step
        if last is not None and near and _joins(row, kind, last):
            last.rows.append(row)
        else:
            groups.append(_Group(kind, [row]))
    return groups


def _kind(row: Row, usual: Type) -> _Kind:
    if _heading_mark(row, usual):
        return "heading"
    return "list" if _LIST_ITEM.match(row.text) else "text"


def _joins(row: Row, kind: _Kind, group: _Group) -> bool:
    """Whether a row near the group belongs to it: more of a text or a list, or a list item's next line."""
    if kind == "text" and group.kind == "list":
        return row.box.left > group.rows[0].box.left
    return kind == group.kind != "heading"


def _heading_mark(row: Row, usual: Type) -> str:
    """The mark of a heading, "" of anything else; figures alone are no heading."""
    letters = sum(character.isalpha() for character in row.text)
    if len(row.text) > _HEADING_LENGTH or len(row.cells) > 1 or 2 * letters < len(row.text):
        return ""
    return next((mark for times, mark in _HEADINGS if row.box.height >= times * usual.height), "")


def _list(rows: Sequence[Row]) -> str:
    text = ""
    for row in rows:
        item = _LIST_ITEM.match(row.text)
        if item is None:
            text += f" {row.text}"
        else:
            text += f"\n{item['number'] or '-'} {item['text']}"
    return text[1:]


def _text(rows: Sequence[Row], usual: Type) -> str:
    """Rows as paragraphs: full lines run on, lines that end early keep their break."""
    left = min(row.box.left for row in rows)
    right = max(row.box.right for row in rows)
    text = escaped(rows[0].text)
    flows = False
    for above, below in pairwise(rows):
        flowed = flows
        indented = below.box.left > left + _INDENT * usual.height
        room = right - above.box.right
        flows = (
            not indented
            and len(above.text) >= _RUNNING
            and room < _first_word_width(below) + usual.height
        )
        if flows:
            text += _joint(above.text, below.text) + below.text
        else:
            text += ("\n\n" if flowed and indented else _BREAK) + escaped(below.text)
    return text


def _first_word_width(row: Row) -> float:
    """About how many pixels the first word of a row takes."""
    return row.box.width * len(row.text.split(" ", 1)[0]) / len(row.text)


def _joint(above: str, below: str) -> str:
    """What stands between two lines of a paragraph: nothing in scripts written without spaces."""
    return "" if _UNSPACED.match(above[-1]) and _UNSPACED.match(below[0]) else " "
