"""Notices that a model repeats itself without end, which vision models do on pages they cannot read.

Two things are looked for in the tail of the text: one block over and over, and a long stretch of words that is made of a
few n-grams in any order. Blocks that count up are neither; `max_tokens` ends those. A page may repeat itself too (dotted
leaders, rules of tables, empty cells, sheets of labels), so much text is asked of a loop. Measured on the transcripts
the reader is tuned with, see docs/engines.md.
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

BABBLE: Final = 8_000
"""Characters that are held against their number of different n-grams."""

GRAM: Final = 16
"""Characters of an n-gram: two or three words."""

_STEP: Final = 4
"""Every fourth n-gram is taken: enough to tell, for a quarter of the work."""

FEWEST: Final = BABBLE // _STEP // TIMES
"""Least different n-grams: with fewer, each comes `TIMES` times on average. Real pages have 1,590 of 2,000, lists that count 800."""

WORDED: Final = 0.2
"""Least share of letters, outside of markup, for few n-grams to count: a form's blanks are few n-grams too."""

STRIDE: Final = 512
"""Characters between two looks at the tail: what a look costs is shared by so many."""

BABBLE_STRIDE: Final = 4 * STRIDE
"""Characters between two counts of n-grams, which cost more."""

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
        self._uncounted = 0
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
        self._uncounted += self._unseen
        self._unseen = 0
        if len(self._recent) >= SPEAKING:
            self._looping = any(_loops(self._recent, probe) for probe in _PROBES)
        if len(self._recent) >= BABBLE and self._uncounted >= BABBLE_STRIDE and not self._looping:
            self._uncounted = 0
            self._looping = _babbles(self._recent[:BABBLE])


def _loops(recent: str, probe: int) -> bool:
    """Whether a text, last character first, begins by repeating one block of at most `probe` characters.

    Where it does, its first `probe` characters are found again exactly one block further on: were they found nearer, that
    shorter distance would be a period of the text too, and so the block not the shortest (Fine and Wilf, 1965).
    """
    block = recent.find(recent[:probe], 1, 2 * probe)
    if block < 0 or not _repeats(recent, block, length := max(block * TIMES, SPEAKING)):
        return False
    return _speaks(recent[:block][::-1]) or _repeats(recent, block, max(length, HOLLOW))


def _babbles(recent: str) -> bool:
    """Whether a text of many words is made of few n-grams."""
    # The begin of nearly every text has enough of them already: the rest need not be counted.
    if _grams(recent[: BABBLE // 4]) >= FEWEST or _grams(recent) >= FEWEST:
        return False
    words = _MARKUP.sub("", recent[::-1])
    return sum(map(str.isalpha, words)) >= WORDED * BABBLE


def _grams(text: str) -> int:
    return len({text[begin : begin + GRAM] for begin in range(0, len(text) - GRAM + 1, _STEP)})


def _repeats(recent: str, block: int, length: int) -> bool:
    """Whether the first `length` characters are their first `block` over and over."""
    return len(recent) >= length and recent[block:length] == recent[: length - block]


def _speaks(block: str) -> bool:
    """Whether a block has letters outside of markup; it may begin and end inside of a tag."""
    return any(character.isalpha() for character in _MARKUP.sub("", block * 2))
