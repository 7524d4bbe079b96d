"""Words and marks that answer yes or no, in eight languages, ticked and empty boxes among them."""

import re
from typing import Final

YES: Final = frozenset(
    ["yes", "y", "true", "x", "ja", "oui", "si", "sí", "sim", "はい", "是", "有", "✓", "✔", "☑", "☒", "√", "checked"]
)  # fmt: skip
NO: Final = frozenset(
    ["no", "n", "false", "nein", "non", "não", "nao", "いいえ", "否", "无", "無", "☐", "□", "✗", "unchecked"]
)  # fmt: skip
_TICKED: Final = frozenset("✓✔☑☒√■")
_EMPTY: Final = frozenset("☐□")
_BOX: Final = re.compile(r"[\[(]\s?(?P<tick>[xXvV✓✔√*]?)\s?[\])]")
_MARKS: Final = " ,;-_"
_NUMBERING: Final = re.compile(r"(?:no?|nº|y)[.:#]")


def answer(text: str) -> bool | None:
    """What the text answers as a whole, a ticked or an empty box as one word; None where it is no answer.

    "No." and "N:" are headings of numbers.
    """
    bare = text.strip(_MARKS)
    if _NUMBERING.fullmatch(bare.casefold()):
        return None
    box = _BOX.fullmatch(bare)
    if box:
        return bool(box["tick"])
    said = bare.strip("()[].:").casefold()
    return True if said in YES or bare in _TICKED else False if said in NO else None


def is_box(text: str) -> bool:
    """Whether the text is a box, ticked or empty."""
    bare = text.strip(_MARKS)
    return bare in _TICKED | _EMPTY or _BOX.fullmatch(bare) is not None
