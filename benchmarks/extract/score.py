"""Scores of answers against the truth: numbers and dates by value, text by its letters, items by the best pairing."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from rapidfuzz import fuzz

from readstone.extraction.values.amounts import amounts
from readstone.extraction.values.dates import dates

_ALIKE = 85.0
_NUMBERS = re.compile(r"total|amount|price|tax|untaxed|net|gross|quantity|qty|sum", re.IGNORECASE)
_DATES = re.compile(r"date", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value: whether the truth has it, whether it was given, and whether it is right."""

    field: str
    true: bool
    given: bool
    exact: bool = False
    fuzzy: bool = False


def score(truth: Mapping[str, object], answer: Mapping[str, object]) -> list[Leaf]:
    """A leaf for each value of the truth, and for each item too many; fields the truth lacks are not counted."""
    leaves: list[Leaf] = []
    for field, wanted in truth.items():
        given = answer.get(field)
        if isinstance(wanted, list):
            rows = cast("list[object]", wanted)
            leaves += _items(field, _rows(rows), _rows(given))
        elif not field.startswith("_"):
            leaves.append(_leaf(field, field, wanted, given))
    return leaves


def _rows(value: object) -> list[Mapping[str, object]]:
    rows = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, object]", row) for row in rows if isinstance(row, dict)]


def _leaf(name: str, key: str, wanted: object, given: object) -> Leaf:
    exact, fuzzy = same(key, wanted, given)
    return Leaf(name, true=True, given=given is not None, exact=exact, fuzzy=fuzzy)


def _items(
    field: str, wanted: Sequence[Mapping[str, object]], given: Sequence[Mapping[str, object]]
) -> list[Leaf]:
    partner = paired(wanted, given)
    leaves: list[Leaf] = []
    for left, row in enumerate(wanted):
        nothing: Mapping[str, object] = {}
        other = given[partner[left]] if left in partner else nothing
        leaves += [
            _leaf(f"{field}.{key}", key, value, other.get(key)) for key, value in row.items()
        ]
    keys = sorted({key for row in wanted for key in row})
    for right, row in enumerate(given):
        if right not in partner.values():
            leaves += [
                Leaf(f"{field}.{key}", true=False, given=True)
                for key in keys
                if row.get(key) is not None
            ]
    return leaves


def paired(
    wanted: Sequence[Mapping[str, object]], given: Sequence[Mapping[str, object]]
) -> dict[int, int]:
    """For the items of the truth the given ones they are likest to, no one twice."""
    pairs = sorted(
        (-_likeness(one, two), abs(left - right), left, right)
        for left, one in enumerate(wanted)
        for right, two in enumerate(given)
    )
    partner: dict[int, int] = {}
    for unlike, _, left, right in pairs:
        if unlike < 0 and left not in partner and right not in partner.values():
            partner[left] = right
    return partner


def _likeness(one: Mapping[str, object], two: Mapping[str, object]) -> float:
    total = 0.0
    for key, value in one.items():
        exact, fuzzy = same(key, value, two.get(key))
        total += (2.0 if key == "name" else 1.0) * (1.0 if exact else 0.8 if fuzzy else 0.0)
    return total


def same(key: str, wanted: object, given: object) -> tuple[bool, bool]:
    """Whether a value is right, strictly and but for a few letters; numbers and dates have no middle way."""
    if given is None:
        return False, False
    left, right = str(wanted), str(given)
    if _NUMBERS.search(key):
        equal = _number(left) is not None and _number(left) == _number(right)
        return equal, equal
    if _DATES.search(key) and _days(left):
        equal = bool(_days(left) & _days(right))
        return equal, equal
    if _letters(left) == _letters(right):
        return True, True
    one, two = left.casefold(), right.casefold()
    return False, max(fuzz.ratio(one, two), fuzz.token_sort_ratio(one, two)) >= _ALIKE


def _number(text: str) -> float | None:
    found = amounts(text)
    return round(float(found[0].value), 2) if found else None


def _days(text: str) -> set[date]:
    return {day for found in dates(text) for day in (found.value, found.other) if day}


def _letters(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in bare if character.isalnum())


def f1(leaves: Sequence[Leaf], *, strict: bool) -> float:
    """The harmonic mean of precision and recall over leaves."""
    right = sum(leaf.exact if strict else leaf.fuzzy for leaf in leaves)
    total = sum(leaf.true for leaf in leaves) + sum(leaf.given for leaf in leaves)
    return 2 * right / total if total else 0.0
