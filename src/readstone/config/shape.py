"""The shape of a section: its settings with their types, read from its class."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeAlias, cast, get_args, get_origin, get_type_hints

from msgspec import Meta

Hints: TypeAlias = dict[str, Any]
"""A section's settings in their order, each with its type and, for a leaf, its `Meta`."""

ONLY: Literal[""] = ""
"""The key of `variants` where sections of one class have a name of the user's own."""


def hints(section: type) -> Hints:
    """The settings of a section's class."""
    found = get_type_hints(section, include_extras=True)
    return {item.name: found[item.name] for item in fields(section)}


def defaults(section: type) -> dict[str, object]:
    """What the settings are that need not be set."""
    return {
        item.name: item.default if item.default_factory is MISSING else item.default_factory()
        for item in fields(section)
        if item.default is not MISSING or item.default_factory is not MISSING
    }


def section_of(hint: object) -> type[object] | None:
    """The class of a section within a section; None for anything else."""
    return cast("type[object]", hint) if is_dataclass(hint) else None


def variants(hint: object) -> dict[str, type[object]] | None:
    """The classes of sections that users name, by the `type` they are told apart by; None for anything else."""
    if get_origin(hint) is not dict:
        return None
    kind = get_args(hint)[1]
    if is_dataclass(kind):
        return {ONLY: cast("type[object]", kind)}
    return {_type_of(each): each for each in get_args(kind)}


def leaf(hint: object) -> tuple[object, Meta]:
    """The type of a setting that is no section, and what is said of it."""
    kind, meta = get_args(hint)
    return kind, cast("Meta", meta)


def is_list(kind: object) -> bool:
    """Whether a leaf's type is several texts."""
    return get_origin(kind) is tuple


def _type_of(section: type) -> str:
    kind, _ = leaf(hints(section)["type"])
    return str(get_args(kind)[0])
