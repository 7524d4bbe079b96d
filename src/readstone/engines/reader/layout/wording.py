"""How lines of text become one, with a space between them or nothing in scripts written without; what a lone dash is."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from readstone.core.document import Table

_UNSPACED: Final = re.compile(r"[\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uffef]")


_DASHES: Final = frozenset("一ー")
"""What a dash alone is read as, by a recogniser that knows Chinese and Japanese."""

_ASIAN: Final = re.compile(r"[\u3040-\u30fb\u3400-\u4dff\u4e01-\u9fff]")


def with_dashes(table: Table) -> Table:
    """The table with dashes where a cell holds nothing but what looks like one, unless it is in Chinese or Japanese."""
    if any(_ASIAN.search(cell.text) for cell in table.cells):
        return table
    return replace(
        table,
        cells=tuple(
            replace(cell, text="\u2014") if cell.text in _DASHES else cell for cell in table.cells
        ),
    )


def joint(above: str, below: str) -> str:
    """What stands between two lines that run on; neither is empty."""
    return "" if _UNSPACED.match(above[-1]) and _UNSPACED.match(below[0]) else " "


def joined(lines: Iterable[str]) -> str:
    """Lines as one; empty ones are left out."""
    text = ""
    for line in lines:
        if line:
            text += (joint(text, line) if text else "") + line
    return text
