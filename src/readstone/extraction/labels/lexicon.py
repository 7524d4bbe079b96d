"""Lexicon: the names of every concept in every language, read once from the files beside this one."""

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias, cast

from readstone.extraction.labels.concept import Concept, ValueSort
from readstone.extraction.labels.folding import confusable, folded

LANGUAGES: Final = ("en", "zh", "de", "fr", "es", "it", "pt", "ja")
Named: TypeAlias = tuple[str, str, float]
"""A printed name, the concept it says, and how sure it says it (0..1)."""

_SURE: Final = 1.0
_PHRASE: Final = 0.96
_DOUBTFUL: Final = 0.88
_BOTH: Final = frozenset({"tax_amount", "tax_rate", "discount", "fund_payment", "self_payment"})
"""Columns that are also said once for the whole document."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Concepts by name, their phrases as written, and the other way round by folded phrase, in the files' order.

    `read` knows the phrases with what readers confuse made one (see `confusable`). `single` and `column` are the names
    as documents print them of what is said once, and of the columns of items.
    """

    concepts: dict[str, Concept]
    phrases: dict[str, tuple[str, ...]]
    said: dict[str, tuple[Concept, ...]]
    read: dict[str, tuple[Concept, ...]]
    single: tuple[Named, ...]
    column: tuple[Named, ...]


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
    once = [name for name, concept in concepts.items() if not concept.column or name in _BOTH]
    columns = [name for name, concept in concepts.items() if concept.column]
    return Lexicon(
        concepts,
        {name: tuple(dict.fromkeys(written)) for name, written in phrases.items()},
        {phrase: tuple(known.values()) for phrase, known in said.items()},
        {phrase: tuple(known.values()) for phrase, known in read.items()},
        (*_printed("single"), *((said, name, _PHRASE) for name in once for said in phrases[name])),
        (
            *_printed("column"),
            *((said, name, _PHRASE) for name in columns for said in phrases[name]),
        ),
    )


def _printed(section: str) -> list[Named]:
    """The names of one half of printed.toml."""
    table = cast("dict[str, dict[str, list[str]]]", _table("printed")[section])
    return [
        (written, concept, weight)
        for concept, names in table.items()
        for sort, weight in (("sure", _SURE), ("doubtful", _DOUBTFUL))
        for written in names.get(sort, ())
    ]


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
