"""Puts values under a schema's keys: lists closed up, the same item never twice, null where nothing was found."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, assert_never

from readstone.core.extraction import (
    JSON,
    Evidence,
    Field,
    Group,
    ListOf,
    Node,
    Path,
    Schema,
    Value,
)

_Found: TypeAlias = Mapping[Path, Value]


def assembled(schema: Schema, values: Sequence[Value]) -> tuple[JSON, tuple[Value, ...]]:
    """The content, and the values with the paths they have in it.

    The first value of a path stands. An item of a list is left out where nothing of it was found, and where it has
    the very words of an earlier one: a model that goes round in circles reads the same line again.
    """
    found: dict[Path, Value] = {}
    for value in values:
        found.setdefault(value.path, value)
    content, placed = _node(schema.root, (), found)
    return content, tuple(placed)


def _node(node: Node, path: Path, found: _Found) -> tuple[JSON, list[Value]]:
    match node:
        case Field():
            value = found.get(path)
            return (value.value, [value]) if value else (None, [])
        case Group(members=members):
            content: dict[str, JSON] = {}
            placed: list[Value] = []
            for key, member in members:
                content[key], below = _node(member, (*path, key), found)
                placed += below
            return content, placed
        case ListOf(item=item):
            return _items(item, path, found)
        case _:
            assert_never(node)


def _items(item: Node, path: Path, found: _Found) -> tuple[list[JSON], list[Value]]:
    contents: list[JSON] = []
    placed: list[Value] = []
    seen: set[tuple[tuple[Path, Evidence], ...]] = set()
    for position in _positions(path, found):
        content, values = _node(item, (*path, position), found)
        words = tuple(
            (value.path[len(path) + 1 :], value.evidence) for value in values if value.evidence
        )
        if not values or (words and words in seen):
            continue
        seen.add(words)
        placed += [_moved(value, len(path), len(contents)) for value in values]
        contents.append(content)
    return contents, placed


def _positions(path: Path, found: _Found) -> list[int]:
    depth = len(path)
    steps = {other[depth] for other in found if len(other) > depth and other[:depth] == path}
    return sorted(step for step in steps if isinstance(step, int))


def _moved(value: Value, depth: int, position: int) -> Value:
    return replace(value, path=(*value.path[:depth], position, *value.path[depth + 1 :]))
