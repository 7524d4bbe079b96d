"""What a token is for a local reader: the unit of its usage, its limits and its `max_tokens`.

A local reader has no tokenizer of its own, so tokens are counted by a rule that anyone can follow, close to
what the tokenizers of the field make of the same text. A text is cut into *pieces*, each one token:

* a character of a script written without spaces (Han, kana, hangul, bopomofo, Thai);
* up to four characters of a run of any other letters and digits (`invoice` is `invo` + `ice`);
* any other visible character: punctuation, symbols, combining marks, control characters;
* a newline.

All other white space is free: it belongs to the piece after it, or to the end of the text.
"""

import re

TILE = 28
"""Pixels of a side of the square that makes one image token, as the Qwen2.5-VL family counts them."""

_ALONE = (
    r"\u0e00-\u0e7f"  # Thai
    r"\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # hangul
    r"\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\uff66-\uffdc"  # kana and iteration marks
    r"\u3100-\u312f\u31a0-\u31bf"  # bopomofo
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_PIECE = re.compile(rf"[^\W_{_ALONE}]{{1,4}}|\S|\n")


def count(text: str) -> int:
    """The tokens a text is worth, 0 or more; linear in its length.

    Counts add up over any border that has white space on one side: the pieces of a stream that begin with
    the white space between them are worth as much as the whole.
    """
    return len(_PIECE.findall(text))


def cut(text: str, tokens: int) -> str:
    """The longest prefix that ends with a piece and is worth at most `tokens`; all of a text worth no more."""
    end = 0
    for index, piece in enumerate(_PIECE.finditer(text)):
        if index >= tokens:
            return text[:end]
        end = piece.end()
    return text


def image_tokens(width: int, height: int) -> int:
    """The tokens an image of `width` x `height` pixels is worth: its tiles of 28 x 28, begun ones included."""
    return -(-width // TILE) * -(-height // TILE)
