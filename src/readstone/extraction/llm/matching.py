"""Finds a text among words: exactly, or but for what readers confuse; never with another digit."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from readstone.core.document import Word
from readstone.extraction.values.plain import plain

Likeness: TypeAlias = Literal["exact", "fuzzy"]

_PAIRS: Final = {"rn": "m", "vv": "w", "cl": "d"}
_ALIKE: Final = {
    character: group[0]
    for group in ("o0", "il1|!j", "s5$", "b8", "z2", "gq9", "uv", "ce")
    for character in group
}
"""What readers take for one another. A digit of the value is still only ever found in that digit."""
_BETWEEN_DIGITS: Final = frozenset(" .,:/-'")
"""What stands between two digits must stand there in both."""
_BETWEEN_WORDS: Final = -1
"""The offset of white space that parts digits of two words."""
_IDEOGRAPHS: Final = 0x2E80
"""The first character of the scripts that are written without spaces."""
_CONFUSED: Final = 4
"""One character in so many may be another than the page's."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a text stands: the words it is made of, and the text as they print it."""

    words: tuple[Word, ...]
    printed: str
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class _Mark:
    """A character, or two that look like one: what it is compared by, as it was, and where: its word and offset in it."""

    key: str
    text: str
    word: int
    offset: int


def find(value: str, lines: Sequence[Sequence[Word]]) -> Found | None:
    """Where the lines' words print the value, which may go on from one line into the next.

    Exact: but for white space, the case of letters, accents and punctuation. Fuzzy: one letter in four may be one
    that readers confuse it with. Every digit is that digit on the page, and what stands between two
    stands there too. A text that would end inside a word or a number is not found.
    """
    words = [word for line in lines for word in line if word.text]
    whole = _among(value, words)
    return whole or (_piecewise(value.split(), lines) if len(lines) > 1 else None)


def _among(value: str, words: Sequence[Word]) -> Found | None:
    sought = _exactly([value])
    page = _exactly([word.text for word in words])
    for start in _occurrences(page, sought):
        end = start + len(sought)
        if not (_cuts(page, start) or _cuts(page, end)):
            return _found(page[start:end], words, "exact")
    sought, page = _folded(sought), _folded(page)
    for start in _occurrences(page, sought):
        end = start + len(sought)
        confused = _confused(sought, page[start:end])
        if confused * _CONFUSED <= len(sought) and not (_cuts(page, start) or _cuts(page, end)):
            return _found(page[start:end], words, "fuzzy" if confused else "exact")
    return None


def _piecewise(pieces: Sequence[str], lines: Sequence[Sequence[Word]]) -> Found | None:
    """The value in parts, each the most that the next line prints of it: an address beside another column."""
    found: list[Found] = []
    rest = list(pieces)
    for line in lines:
        for count in range(len(rest), 0, -1):
            if part := _among(" ".join(rest[:count]), line):
                found.append(part)
                rest = rest[count:]
                break
    if rest or not found:
        return None
    likeness: Likeness = "exact" if all(part.likeness == "exact" for part in found) else "fuzzy"
    words = tuple(word for part in found for word in part.words)
    return Found(words, " ".join(part.printed for part in found), likeness)


def _exactly(texts: Sequence[str]) -> list[_Mark]:
    """The characters without white space, but for where it parts two digits; letters in lower case."""
    marks = [
        _Mark(character.lower(), text[offset], word, offset)
        for word, text in enumerate(texts)
        for offset, character in enumerate(plain(text))
        if not character.isspace() or _parts_digits(plain(text), offset)
    ]
    spaced = marks[:1]
    for before, after in pairwise(marks):
        if before.word != after.word and before.key.isdigit() and after.key.isdigit():
            spaced.append(_Mark(" ", " ", after.word, _BETWEEN_WORDS))
        spaced.append(after)
    return spaced


def _parts_digits(text: str, offset: int) -> bool:
    before, after = text[:offset].rstrip(), text[offset:].lstrip()
    last_of_run = not text[offset + 1 : offset + 2].isspace()
    return before[-1:].isdigit() and after[:1].isdigit() and last_of_run


def _folded(marks: Sequence[_Mark]) -> list[_Mark]:
    """The same without accents and punctuation, and with one letter for all that look alike."""
    folded: list[_Mark] = []
    position = 0
    while position < len(marks):
        mark = marks[position]
        two = "".join(each.key for each in marks[position : position + 2])
        if two in _PAIRS and marks[position + 1].word == mark.word:
            folded.append(_Mark(_PAIRS[two], two, mark.word, mark.offset))
            position += 2
            continue
        position += 1
        kept = _between_digits(marks, position - 1)
        folded += [
            _Mark(_ALIKE.get(key, key), mark.text, mark.word, mark.offset)
            for key in unicodedata.normalize("NFKD", mark.key)
            if kept or key.isalnum() or key in _ALIKE
        ]
    return folded


def _between_digits(marks: Sequence[_Mark], position: int) -> bool:
    return (
        marks[position].key in _BETWEEN_DIGITS
        and 0 < position < len(marks) - 1
        and marks[position - 1].key.isdigit()
        and marks[position + 1].key.isdigit()
    )


def _occurrences(page: Sequence[_Mark], sought: Sequence[_Mark]) -> Iterator[int]:
    keys = [mark.key for mark in sought]
    if any(key.isalnum() for key in keys):
        there = [mark.key for mark in page]
        for start in range(len(there) - len(keys) + 1):
            if there[start : start + len(keys)] == keys:
                yield start


def _confused(sought: Sequence[_Mark], page: Sequence[_Mark]) -> float:
    """How many letters are others than the page's; infinite where a digit of the value is."""
    confused = 0
    for wanted, printed in zip(sought, page, strict=True):
        if _bare(wanted.text) != _bare(printed.text):
            if wanted.text.isdigit():
                return math.inf
            confused += 1
    return confused


def _bare(text: str) -> str:
    """In lower case and without accents."""
    return unicodedata.normalize("NFKD", text.lower())[:1] if len(text) == 1 else text


def _cuts(page: Sequence[_Mark], position: int) -> bool:
    """Whether a text that ends or begins there would be part of a word or of a number."""
    if position in {0, len(page)}:
        return False
    before, after = page[position - 1], page[position]
    if before.word != after.word or _BETWEEN_WORDS in {before.offset, after.offset}:
        return False
    if before.text in _BETWEEN_DIGITS or after.text in _BETWEEN_DIGITS:
        sign = position - 1 if before.text in _BETWEEN_DIGITS else position
        return _between_digits(_plain(page), sign)
    both_digits = before.text[-1].isdigit() and after.text[0].isdigit()
    return both_digits or (_spelt(before.text[-1]) and _spelt(after.text[0]))


def _plain(page: Sequence[_Mark]) -> list[_Mark]:
    return [_Mark(mark.text, mark.text, mark.word, mark.offset) for mark in page]


def _spelt(character: str) -> bool:
    """Whether words of its script have spaces between them."""
    return character.isalpha() and ord(character) < _IDEOGRAPHS


def _found(marks: Sequence[_Mark], words: Sequence[Word], likeness: Likeness) -> Found:
    first, last = marks[0], marks[-1]
    texts = [word.text for word in words[first.word : last.word + 1]]
    texts[-1] = texts[-1][: last.offset + len(last.text)]
    texts[0] = texts[0][first.offset :]
    return Found(tuple(words[first.word : last.word + 1]), " ".join(texts), likeness)
