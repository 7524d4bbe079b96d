"""A configuration that is read again: what of it holds at once, and what waits for a restart."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, cast

from readstone.config.building import Tree
from readstone.config.engines import EngineConfig, HTTPConfig, PoolConfig
from readstone.config.loading import build_config
from readstone.config.root import Config

_LIVE: Final = ("limits.key", "limits.fail_open")
"""Settings that can change while a server runs, beside models and engines of servers elsewhere."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Settings by name: those that were `applied`, and those that need a `restart`; models and engines as a whole."""

    applied: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Renewal:
    """The settings a running server can have from now on, as a configuration too, and what is different in them."""

    settings: Tree
    config: Config
    changes: Changes


def renew(old: Tree, new: Tree) -> Renewal:
    """What a server of the old settings can have of the new ones without a restart.

    ConfigurationError where the new settings are wrong, or what can be had of them does not go together without the rest.
    """
    before, after = build_config(old), build_config(new)
    names = tuple(_different(before, after))
    applied = tuple(name for name in names if _is_live(name, before, after))
    settings = deepcopy(old)
    for name in applied:
        _copy(new, settings, name.split(".", 1))
    restart = tuple(name for name in names if name not in applied)
    return Renewal(settings, build_config(settings), Changes(applied, restart))


def _different(before: object, after: object, prefix: str = "") -> Iterator[str]:
    """The names of what differs; of models and engines, those of the whole section."""
    for item in fields(cast("Any", before)):
        name = f"{prefix}{item.name}"
        one, other = getattr(before, item.name), getattr(after, item.name)
        if isinstance(one, dict):
            sections = cast("dict[str, object]", one), cast("dict[str, object]", other)
            yield from (f"{name}.{each}" for each in _unlike(*sections))
        elif is_dataclass(one) and name not in _LIVE:
            yield from _different(one, other, f"{name}.")
        elif one != other:
            yield name


def _unlike(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def _is_live(name: str, before: Config, after: Config) -> bool:
    if name.startswith("engines."):
        engine = name.removeprefix("engines.")
        return all(_is_elsewhere(engine, config.engines) for config in (before, after))
    return name.startswith("models.") or name in _LIVE


def _is_elsewhere(name: str, engines: Mapping[str, EngineConfig]) -> bool:
    """Whether an engine is not there, or nothing of it runs on this machine for us."""
    match engines.get(name):
        case None | HTTPConfig():
            return True
        case PoolConfig(engines=members):
            return all(isinstance(engines.get(member), HTTPConfig) for member in members)
        case _:
            return False


def _copy(source: Tree, target: Tree, path: list[str]) -> None:
    """Have a setting in the target as it is in the source, where it may be missing."""
    head, *rest = path
    if rest:
        inner = source.get(head, {})
        _copy(inner, target.setdefault(head, {}), rest)
    elif head in source:
        target[head] = deepcopy(source[head])
    else:
        target.pop(head, None)
