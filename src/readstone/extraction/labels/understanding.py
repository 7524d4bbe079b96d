"""Which concept a client's label or key means, and which a printed label names."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz, process

from readstone.extraction.labels.concept import Concept
from readstone.extraction.labels.folding import confusable, folded, spelt
from readstone.extraction.labels.lexicon import lexicon

_ALIKE: Final = 88.0
"""Out of 100, how alike a label and a known phrase must be to be taken for the same."""
_SHORTEST: Final = 5
"""Characters under which a phrase must be said as it is."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SMALL: Final = _words(
    "the a an of in on for and or as is to from by with without value field full printed shown "
    "de la le les du des un une d l der die das des dem den ein eine von vom zu im el los las del una y "
    "il lo gli i della dello dei di da do dos das o os e em"
)
_ASIDE: Final = re.compile(r"\(([^()]*)\)|\uff08([^\uff08\uff09]*)\uff09|\[([^\[\]]*)\]")
_CLAUSE: Final = re.compile(r"[,;:/|\n\uff0c\uff1b\uff1a\u3001]| - | e\.g\.| i\.e\.")
_LONGEST: Final = 160
"""Characters of a saying that are looked at: what a field is called stands at its beginning."""
_MOST: Final = 12
"""Sayings of a label."""
_TELLING: Final = 2
"""Words of a known phrase within a label that say more than the label's key."""
_MEANINGFUL: Final = 0.5
"""The part of a label's words that a known phrase in it must make up to be what it means."""


@lru_cache(maxsize=4096)
def understand(label: str, key: str = "", *, column: bool = False) -> Concept | None:
    """The concept that a client means by a label, in any of the languages, and the key it stands under; None if unknown.

    `column`: the field is one of an item's, where "Amount" is the line's and not the document's.
    """
    spoken = tuple(_sayings(label))
    named = (spelt(key),) if key else ()
    return (
        _said(spoken, column=column)
        or _within(spoken, _TELLING, column=column)
        or _said(named, column=column)
        or _alike(spoken, column=column)
        or _alike(named, column=column)
        or _within((*spoken, *named), 1, column=column)
    )


def printed(text: str) -> tuple[Concept, ...]:
    """The concepts that a printed label names as it is, but for what readers confuse; most labels name one, or none."""
    return lexicon().read.get(confusable(text), ())


def concept(name: str) -> Concept | None:
    """The concept of that name."""
    return lexicon().concepts.get(name)


def _sayings(label: str) -> Iterable[str]:
    """The label, what is left without what stands in brackets, and what stands in them."""
    asides: list[str] = [found.group()[1:-1] for found in _ASIDE.finditer(label)]
    bare = _ASIDE.sub(" ", label)
    said: list[str] = [label, bare, *_CLAUSE.split(bare)[:1], *asides]
    for each in asides:
        said += _CLAUSE.split(each)
    spoken = (folded(each[:_LONGEST]) for each in dict.fromkeys(said))
    return list(dict.fromkeys(each for each in spoken if each))[:_MOST]


def _said(sayings: Iterable[str], *, column: bool) -> Concept | None:
    for saying in sayings:
        known = (
            lexicon().said.get(saying)
            or lexicon().said.get(_without_small(saying))
            or lexicon().read.get(confusable(saying))
        )
        if known:
            return _fitting(known, column=column)
    return None


def _alike(sayings: Iterable[str], *, column: bool) -> Concept | None:
    for saying in sayings:
        if len(saying) >= _SHORTEST:
            best = process.extractOne(
                saying, lexicon().said.keys(), scorer=fuzz.ratio, score_cutoff=_ALIKE
            )
            if best:
                return _fitting(lexicon().said[best[0]], column=column)
    return None


def _within(sayings: Iterable[str], least: int, *, column: bool) -> Concept | None:
    """The concept of the longest known phrase of `least` words within a saying, where it makes up enough of it."""
    for saying in sayings:
        words = _without_small(saying).split()
        for length in range(len(words) - 1, least - 1, -1):
            if length < _MEANINGFUL * len(words):
                break
            for start in range(len(words) - length, -1, -1):
                known = lexicon().said.get(" ".join(words[start : start + length]))
                if known:
                    return _fitting(known, column=column)
    return None


def _without_small(saying: str) -> str:
    return " ".join(word for word in saying.split() if word not in _SMALL)


def _fitting(known: tuple[Concept, ...], *, column: bool) -> Concept:
    return next((each for each in known if each.column == column), known[0])
