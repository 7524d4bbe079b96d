"""How lines of text become one: with a space between them, or nothing in scripts written without."""

import re
from collections.abc import Iterable
from typing import Final

_UNSPACED: Final = re.compile(r"[\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uffef]")


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
