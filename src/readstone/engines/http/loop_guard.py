"""Notices that a model repeats itself without end, which vision models do on pages they cannot read.

What is looked for is exact: the tail of the text is one block over and over. Blocks that count up, or change a word
each time, are not found; `max_tokens` ends those. A page may repeat itself too (dotted leaders, rules of tables,
empty cells, sheets of labels), so two things are asked of a loop: many repetitions and much text. Measured on the
transcripts the reader is tuned with, see docs/engines.md.
"""

import re
from typing import Final

LONGEST_BLOCK: Final = 2_000
"""Characters of the longest block that is found: about a paragraph, the longest that loops were seen to have."""

TIMES: Final = 8
"""Least repetitions. Forms in five or six copies exist; HunyuanOCR's own client stops at eight as well."""

SPEAKING: Final = 4_000
"""Least characters of a loop whose block has letters: more than a sheet of thirty equal address labels."""

HOLLOW: Final = 8_000
"""Least characters where it has none outside of markup: more than an empty grid of 60 rows by 12 cells in HTML."""

STRIDE: Final = 512
"""Characters between two looks at the tail: what a look costs is shared by so many."""

BOUND: Final = max(LONGEST_BLOCK * TIMES, HOLLOW) + LONGEST_BLOCK + STRIDE
"""Characters of a loop after which it has been found, whatever its block."""

_KEPT: Final = max(LONGEST_BLOCK * TIMES, HOLLOW) + LONGEST_BLOCK
"""Characters of the tail that a decision needs."""

_PROBES: Final = (16, 64, 256, 1_024, LONGEST_BLOCK)
"""Lengths of the ends that are looked for further up; each finds blocks of up to its own length."""

_MARKUP: Final = re.compile(r"<[^<>]{0,200}>|^[^<>]{0,200}>|<[^<>]{0,200}$")


class LoopGuard:
    """Follows one text as it is generated.

    A look at the tail costs a search in a few thousand characters by the interpreter, shared by `STRIDE` of them: a
    constant per character, however long the text grows.
    """

    def __init__(self) -> None:
        self._recent = ""
        """The tail, last character first: searched forwards, which the interpreter does in linear time."""
        self._new: list[str] = []
        self._unseen = 0
        self._looping = False

    def feed(self, text: str) -> bool:
        """Take the next piece; whether the text has run into a loop, which it does not leave again."""
        for begin in range(0, len(text), STRIDE):
            if self._looping:
                break
            piece = text[begin : begin + STRIDE]
            self._new.append(piece)
            self._unseen += len(piece)
            if self._unseen >= STRIDE:
                self._look()
        return self._looping

    def _look(self) -> None:
        self._recent = ("".join(self._new)[::-1] + self._recent)[:_KEPT]
        self._new.clear()
        self._unseen = 0
        if len(self._recent) >= SPEAKING:
            self._looping = any(_loops(self._recent, probe) for probe in _PROBES)


def _loops(recent: str, probe: int) -> bool:
    """Whether a text, last character first, begins by repeating one block of at most `probe` characters.

    Where it does, its first `probe` characters are found again exactly one block further on: were they found nearer, that
    shorter distance would be a period of the text too, and so the block not the shortest (Fine and Wilf, 1965).
    """
    block = recent.find(recent[:probe], 1, 2 * probe)
    if block < 0 or not _repeats(recent, block, length := max(block * TIMES, SPEAKING)):
        return False
    return _speaks(recent[:block][::-1]) or _repeats(recent, block, max(length, HOLLOW))


def _repeats(recent: str, block: int, length: int) -> bool:
    """Whether the first `length` characters are their first `block` over and over."""
    return len(recent) >= length and recent[block:length] == recent[: length - block]


def _speaks(block: str) -> bool:
    """Whether a block has letters outside of markup; it may begin and end inside of a tag."""
    return any(character.isalpha() for character in _MARKUP.sub("", block * 2))
