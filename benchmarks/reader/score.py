"""Scores: how far a page's text is from the truth, in characters and in words."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import Levenshtein

from benchmarks.reader.pieces import edits_in_any_order

_FOLDED: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2013\u2014\u2212\u2010\u2011", "-"),
        "\u2026": "...",
        "\u2022": "*",
        "\u00b7": "*",
        **dict.fromkeys("\u00ad\u200b\ufeff"),
    }
)
_ALONE: Final = re.compile(
    r"([\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f])"
)
_RIM: Final = ".,;:!?\"'()[]{}<>*_-|~=/\\"


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one page, or their sums over many: character edits, true characters, words.

    `free_edits` are those with lines in any order, `spare` the characters read that are in none of them.
    """

    edits: int
    free_edits: int
    spare: int
    characters: int
    hits: int
    read: int
    true: int

    @property
    def cer(self) -> float:
        """Edits per true character; 0 is perfect, and there is no upper bound."""
        return self.edits / max(1, self.characters)

    @property
    def free_cer(self) -> float:
        """Edits per true character where lines may stand in any order, what is spare included; no upper bound."""
        return (self.free_edits + self.spare) / max(1, self.characters)

    @property
    def true_cer(self) -> float:
        """The same of the true lines alone, in 0..1: what the truth leaves out, such as logos, is no error."""
        return self.free_edits / max(1, self.characters)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall over the bag of words, in 0..1."""
        total = self.read + self.true
        return 2 * self.hits / total if total else 1.0


def score(truth: str, text: str) -> Score:
    """Score `text` against `truth`.

    Both are folded alike: NFKC, one form of quotes and dashes, lower case, single spaces. Words are
    matched as a bag, exactly, without the punctuation at their rims (ICDAR 2019 SROIE, task 2);
    Chinese, Japanese, Korean and Thai count by character.
    """
    wanted, got = _fold(truth), _fold(text)
    bag, read = Counter(_words(wanted)), Counter(_words(got))
    free_edits, spare = edits_in_any_order(_lines(truth), _lines(text), _is_alone)
    return Score(
        edits=Levenshtein.distance(wanted, got),
        free_edits=free_edits,
        spare=spare,
        characters=len(wanted),
        hits=(bag & read).total(),
        read=read.total(),
        true=bag.total(),
    )


def bag(text: str) -> list[str]:
    """The words of `text` as they are compared."""
    return _words(_fold(text))


def pooled(scores: Iterable[Score]) -> Score:
    """All pages as if they were one."""
    kept = list(scores)
    return Score(
        edits=sum(one.edits for one in kept),
        free_edits=sum(one.free_edits for one in kept),
        spare=sum(one.spare for one in kept),
        characters=sum(one.characters for one in kept),
        hits=sum(one.hits for one in kept),
        read=sum(one.read for one in kept),
        true=sum(one.true for one in kept),
    )


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_FOLDED).casefold().split())


def _lines(text: str) -> list[str]:
    return [_fold(line) for line in text.splitlines()]


def _is_alone(character: str) -> bool:
    return _ALONE.match(character) is not None


def _words(folded: str) -> list[str]:
    tokens = (token.strip(_RIM) for token in _ALONE.sub(r" \1 ", folded).split())
    return [token for token in tokens if token]
