"""Text folded for comparison: no case, no accents, no marks, and one letter for those that readers confuse."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(r"[^\W_]+")
_CONFUSED: Final = str.maketrans({"0": "o", "1": "l", "|": "l", "i": "l", "!": "l", "ß": "s"})


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """Without case, accents and compatibility forms; marks stay."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in bare if not unicodedata.combining(character))


def tokens(text: str) -> list[str]:
    """Its words and numbers, folded."""
    return _TOKEN.findall(folded(text))


@lru_cache(maxsize=8192)
def compact(text: str) -> str:
    """Its letters and digits alone, with those made one that readers confuse (0 and o; 1, i and l)."""
    return "".join(_TOKEN.findall(folded(text))).translate(_CONFUSED)
