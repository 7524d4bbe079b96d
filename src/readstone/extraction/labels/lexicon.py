"""Lexicon: the phrases of every concept in every language, read once from the files beside this one."""

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, cast

from readstone.extraction.labels.concept import Concept, ValueSort
from readstone.extraction.labels.folding import confusable, folded

LANGUAGES: Final = ("en", "zh", "de", "fr", "es", "it", "pt", "ja")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Concepts by name, their phrases as written, and the other way round by folded phrase, in the files' order.

    `read` knows the phrases with what readers confuse made one (see `confusable`).
    """

    concepts: dict[str, Concept]
    phrases: dict[str, tuple[str, ...]]
    said: dict[str, tuple[Concept, ...]]
    read: dict[str, tuple[Concept, ...]]


@cache
def lexicon() -> Lexicon:
    """The lexicon; the first call reads it."""
    concepts = {name: Concept(name, *entry) for name, entry in _concepts()}
    phrases: defaultdict[str, list[str]] = defaultdict(list)
    for language in LANGUAGES:
        for name, written in _table(language).items():
            phrases[concepts[name].name].extend(cast("list[str]", written))
    said: defaultdict[str, dict[str, Concept]] = defaultdict(dict)
    read: defaultdict[str, dict[str, Concept]] = defaultdict(dict)
    for name, concept in concepts.items():
        for phrase in (name.replace("_", " "), *phrases[name]):
            said[folded(phrase)][name] = concept
            read[confusable(phrase)][name] = concept
    return Lexicon(
        concepts,
        {name: tuple(dict.fromkeys(written)) for name, written in phrases.items()},
        {phrase: tuple(known.values()) for phrase, known in said.items()},
        {phrase: tuple(known.values()) for phrase, known in read.items()},
    )


def _concepts() -> list[tuple[str, tuple[tuple[ValueSort, ...], bool]]]:
    entries = cast("dict[str, dict[str, object]]", _table("concepts"))
    return [
        (name, (tuple(cast("list[ValueSort]", entry["kinds"])), bool(entry.get("column"))))
        for name, entry in entries.items()
    ]


def _table(name: str) -> dict[str, object]:
    return tomllib.loads(
        files("readstone.extraction.labels").joinpath(f"{name}.toml").read_text("utf-8")
    )
