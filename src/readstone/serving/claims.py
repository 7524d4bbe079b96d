"""What others say of who may come in, in tokens or answers, as our own types."""

import hashlib
import math
import re
from collections.abc import Collection
from dataclasses import fields
from typing import Final, TypeVar, cast

from readstone.core.limit import Limits
from readstone.core.scope import SCOPES, WHOLES, allows

LONGEST: Final = 200
"""Characters of an id, a name or an owner."""

_PLAIN: Final = re.compile(rf"[A-Za-z0-9._@+:/|=-]{{1,{LONGEST}}}")
_MOST: Final = 10_000
_MICROS: Final = 1_000_000
_HIGHEST: Final = 2**53
_NO_MODEL: Final = ("",)
"""No model at all: an empty list in a grant means all of them."""

K = TypeVar("K")
V = TypeVar("V")


def id_of(kind: str, subject: str) -> str:
    """The id that stands in log, ledger and limits, such as `jwt:user-1`; a hash where the subject is long or odd.

    So no subject can look like what others put beside an id, in the name of a counter for one.
    """
    if _PLAIN.fullmatch(subject):
        return f"{kind}:{subject}"
    return f"{kind}:{hashlib.sha256(subject.encode(errors='replace')).hexdigest()}"


def names_in(value: object) -> tuple[str, ...]:
    """A list of texts, or one text of words (RFC 8693, 4.2). ValueError where it is neither."""
    if isinstance(value, str):
        return tuple(value.split())
    found = cast("list[object]", value) if isinstance(value, list) else [None]
    texts = tuple(text for text in found if isinstance(text, str))
    if len(texts) != len(found):
        raise ValueError("is no list of names")
    return texts


def scopes_in(value: object, most: Collection[str]) -> tuple[str, ...]:
    """The scopes that are named and lie within the most there may be; other names are somebody else's."""
    named = [name for name in names_in(value) if name in SCOPES or name in WHOLES]
    return tuple(dict.fromkeys(name for name in named if allows(most, name)))


def models_in(value: object) -> tuple[str, ...]:
    """The models that are named, for a grant; none of them where none is."""
    return names_in(value) or _NO_MODEL


def limits_in(value: object) -> Limits:
    """The limits of an object with their names. ValueError where it holds anything else."""
    known = {item.name for item in fields(Limits)}
    said = cast("dict[str, object]", value) if isinstance(value, dict) else {"": None}
    found: dict[str, int] = {}
    for name, most in said.items():
        if name not in known or not isinstance(most, int | float) or isinstance(most, bool):
            raise ValueError("holds no limits")
        if not (math.isfinite(most) and 0 <= most < _HIGHEST):
            raise ValueError("holds no limits")
        found[name] = round(most * _MICROS) if name == "budget_per_month" else int(most)
    return Limits(**found)


def remember(kept: dict[K, V], name: K, value: V) -> None:
    """Keep a value as the newest; the oldest goes where there are many."""
    kept.pop(name, None)
    if len(kept) >= _MOST:
        del kept[next(iter(kept))]
    kept[name] = value
