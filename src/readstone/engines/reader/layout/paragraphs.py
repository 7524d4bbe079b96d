"""Rows outside tables as blocks: headings, lists, captions, pairs of labels and values, and paragraphs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from readstone.core.document import Block
from readstone.engines.reader.layout.rows import Row, around, drop, usual_height, usual_step
from readstone.engines.reader.layout.wording import joint

_HEADINGS: Final = ((2.0, 1), (1.6, 2), (1.35, 3))
"""Heights in usual heights from which a short row is a heading, and its level."""

_HEADING_LENGTH: Final = 80
"""The most characters of a row of a heading."""

_HEADING_STEP: Final = 1.8
"""Row heights from one row of a heading to the next, at most."""

_ALIKE: Final = 1.2
"""Rows of a heading differ in height by this factor at most."""

_PARAGRAPH_STEP: Final = 1.45
"""Usual steps from one row to the next that part paragraphs."""

_INDENT: Final = 1.0
"""Usual heights that a row is set in from the left edge of its block to be indented."""

_RUNNING: Final = 30
"""Characters of a line from which it may be running text: shorter ones are addresses, labels and the like."""

LIST_ITEM: Final = re.compile(r"(?:[-*+•◦▪‣·●○■□\u2013]|(?P<number>\d{1,3}[.)]))\s+(?P<text>\S.*)")
"""A mark and the text of an item."""

CAPTION: Final = re.compile(
    r"(?:fig\.?|figure|tab(?:le|elle|leau|la|ela|\.)?|abb(?:ildung|\.)?|figura|chart|exhibit)\s*\d+[a-z]?\s*[.:|)\u2013-]"
    r"|[图圖表図]\s*\d+",
    re.IGNORECASE,
)
"""How the text under or over a figure or table begins."""

NUMBERED: Final = re.compile(
    r"(?P<number>(?:\d{1,2}|[A-Z])(?:\.(?:[1-9]|1\d)){1,3}\.?)\s+(?P<title>[^\W\d_].{2,70}[^\s.:;,])"
)
"""A numbered title alone on its line: "3.1 Definitions"."""

_Kind: TypeAlias = Literal["heading", "list", "caption", "text"]


@dataclass(frozen=True, slots=True)
class Type:
    """The page's running text: the height of a row and the step from row to row, in pixels."""

    height: float
    step: float


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows that stand together: those of one heading, of a list or of a piece of text."""

    kind: _Kind
    rows: list[Row]


def usual_type(rows: Sequence[Row]) -> Type:
    """The type of all rows of a page."""
    return Type(usual_height(rows), usual_step(rows))


def prose(rows: Sequence[Row], usual: Type) -> Iterator[Block]:
    """The blocks that the rows make, in their order."""
    for group in _groups(rows, usual):
        box = around(row.box for row in group.rows)
        numbered = NUMBERED.fullmatch(group.rows[0].text) if len(group.rows) == 1 else None
        if numbered is not None and numbered["title"][0].isupper():
            depth = numbered["number"].rstrip(".").count(".") + 1
            yield Block("heading", group.rows[0].text, box, min(depth, 3))
            continue
        match group.kind:
            case "heading":
                text = " ".join(row.text for row in group.rows)
                yield Block("heading", text, box, _level(group.rows[0], usual))
            case "list":
                yield Block("list", _list(group.rows), box)
            case "caption" | "text":
                yield from _paragraphs(group, usual)


def _groups(rows: Sequence[Row], usual: Type) -> list[_Group]:
    groups: list[_Group] = []
    for row in rows:
        kind = _kind(row, usual)
        last = groups[-1] if groups else None
        if last is not None and _joins(row, kind, last, usual):
            last.rows.append(row)
        else:
            groups.append(_Group(kind, [row]))
    return groups


def _kind(row: Row, usual: Type) -> _Kind:
    if _level(row, usual):
        return "heading"
    if CAPTION.match(row.text):
        return "caption"
    return "list" if LIST_ITEM.match(row.text) else "text"


def _joins(row: Row, kind: _Kind, group: _Group, usual: Type) -> bool:
    """Whether a row belongs to the group above it: more of a text, a list or a heading, or an item's next line."""
    above = group.rows[-1]
    step = drop(above, row)
    if kind == group.kind == "heading":
        heights = sorted((above.box.height, row.box.height))
        return 0 < step <= _HEADING_STEP * heights[1] and heights[1] <= _ALIKE * heights[0]
    if not 0 < step <= _PARAGRAPH_STEP * usual.step:
        return False
    if kind == "text" and group.kind == "list":
        return row.box.left > group.rows[0].box.left
    return (kind == "text" and group.kind in {"text", "caption"}) or kind == group.kind == "list"


def _level(row: Row, usual: Type) -> int:
    """The level of a heading, 0 of anything else; figures alone are no heading."""
    letters = sum(character.isalpha() for character in row.text)
    if len(row.text) > _HEADING_LENGTH or len(row.cells) > 1 or 2 * letters < len(row.text):
        return 0
    return next((level for times, level in _HEADINGS if row.box.height >= times * usual.height), 0)


def _list(rows: Sequence[Row]) -> str:
    text = ""
    for row in rows:
        item = LIST_ITEM.match(row.text)
        if item is None:
            text += f" {row.text}"
        else:
            text += f"\n{item['number'] or '-'} {item['text']}"
    return text[1:]


def _paragraphs(group: _Group, usual: Type) -> Iterator[Block]:
    """Rows as paragraphs: full lines run on, lines that end early keep their break."""
    rows = group.rows
    left = min(row.box.left for row in rows)
    right = max(row.box.right for row in rows)
    text = rows[0].text
    begin = 0
    flows = False
    kind = group.kind
    for index, (above, below) in enumerate(pairwise(rows), 1):
        flowed = flows
        indented = below.box.left > left + _INDENT * usual.height
        room = right - above.box.right
        flows = (
            not indented
            and len(above.text) >= _RUNNING
            and room < _first_word_width(below) + usual.height
        )
        if flows:
            text += joint(above.text, below.text) + below.text
        elif flowed and indented:
            yield Block(kind, text, around(row.box for row in rows[begin:index]))
            text, begin, kind = below.text, index, "text"
        else:
            text += f"\n{below.text}"
    yield Block(kind, text, around(row.box for row in rows[begin:]))


def _first_word_width(row: Row) -> float:
    """About how many pixels the first word of a row takes."""
    return row.box.width * len(row.text.split(" ", 1)[0]) / len(row.text)
