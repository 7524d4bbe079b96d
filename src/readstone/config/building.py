"""Builds a section from a tree of settings, and says what is wrong with it."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from readstone.config.engines import REFUSED
from readstone.config.mistakes import mistake
from readstone.config.shape import ONLY, defaults, hints, section_of, variants
from readstone.core.errors import ConfigurationError

Tree: TypeAlias = dict[str, Any]
"""Settings as TOML gives them, before they are checked."""

Section = TypeVar("Section")


class Builder:
    """Builds sections from one source, named in errors; a strict one takes no number written as text.

    Every method raises ConfigurationError that names the setting and, for an unknown one, the nearest that is known.
    """

    def __init__(self, source: str, *, strict: bool) -> None:
        self._source = source
        self._strict = strict

    def section(self, tree: object, kind: type[Section], path: str = "") -> Section:
        """The section of that class; `path` is where it stands, with a dot at its end."""
        if not isinstance(tree, dict):
            raise self._wrong(path.removesuffix("."), "it is a section, with settings of its own")
        known = hints(kind)
        given = cast("Tree", tree)
        for name in given:
            if name not in known:
                raise _unknown(path, name, known)
        values = {
            name: self._value(given[name], hint, f"{path}{name}")
            for name, hint in known.items()
            if name in given
        }
        for name in known.keys() - values.keys() - defaults(kind).keys():
            raise ConfigurationError(f"{path}{name} is missing.")
        try:
            return kind(**values)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path.removesuffix('.')} {error}") from None

    def _value(self, value: object, hint: Any, name: str) -> object:
        if (inner := section_of(hint)) is not None:
            return self.section(value, inner, f"{name}.")
        if (named := variants(hint)) is not None:
            if not isinstance(value, dict):
                raise self._wrong(name, "it is a section of sections, each with a name")
            return {
                key: self.section(entry, _variant(entry, named, f"{name}.{key}"), f"{name}.{key}.")
                for key, entry in cast("Tree", value).items()
            }
        try:
            read = msgspec.convert(value, hint, strict=self._strict, dec_hook=_path)
        except msgspec.ValidationError as error:
            raise self._wrong(name, mistake(value, hint, str(error))) from error
        if isinstance(read, float) and not isfinite(read):
            raise self._wrong(name, f"it is {value}, and must be a number that ends somewhere")
        return read

    def _wrong(self, name: str, problem: str) -> ConfigurationError:
        return ConfigurationError(f"The setting '{name}' of {self._source} is wrong: {problem}.")


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    names = list(known)
    matches = get_close_matches(name, names, n=1, cutoff=0.5)
    if matches:
        return f"; did you mean '{matches[0]}'?"
    return f"; known are: {', '.join(names)}." if names else "; there is none."


def _variant(entry: object, named: dict[str, type[object]], path: str) -> type[object]:
    """The class that an entry's `type` asks for."""
    if ONLY in named:
        return named[ONLY]
    types = ", ".join(named)
    if not isinstance(entry, dict) or "type" not in entry:
        raise ConfigurationError(f"{path}.type is missing; it is one of: {types}.")
    asked = str(cast("Tree", entry)["type"])
    if asked not in named:
        matches = get_close_matches(asked, list(named), n=1, cutoff=0.5)
        hint = f"Did you mean '{matches[0]}'? " if matches else ""
        raise ConfigurationError(
            f"{path}.type is '{asked}', which is no type of engine. {hint}The types are: {types}."
        )
    return named[asked]


def _unknown(path: str, name: str, known: Iterable[str]) -> ConfigurationError:
    if path.startswith("engines.") and name in REFUSED:
        return ConfigurationError(f"'{path}{name}' is not taken: {REFUSED[name]}")
    return ConfigurationError(f"Unknown setting '{path}{name}'{nearest(name, known)}")


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError("expected 'str'")
