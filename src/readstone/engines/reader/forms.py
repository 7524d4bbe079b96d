"""Full-width forms: the letters, digits and signs of Chinese and Japanese type, written plain in a Latin line."""

import re
from dataclasses import replace
from typing import Final

from readstone.engines.reader.recogniser import Character

FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""`！` to `～` and the ASCII characters they stand for (Unicode, Halfwidth and Fullwidth Forms)."""

_EAST_ASIAN = re.compile(r"[\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


def plain_forms(characters: tuple[Character, ...]) -> tuple[Character, ...]:
    """The same characters, full-width ones as their ASCII twins where the line has no East Asian character.

    The model writes widely set Latin capitals in full width ("ＭＥＳＳＡＧＥ"), which no search would find. In a
    Chinese or Japanese line such forms are how the text is set, and stay.
    """
    text = "".join(character.text for character in characters)
    if _EAST_ASIAN.search(text) or text.isascii():
        return characters
    return tuple(
        replace(character, text=character.text.translate(FULL_WIDTH)) for character in characters
    )
