"""Documents as values: what was found under each key of a schema, each with its words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from readstone.core.document import Box, Page, Word
from readstone.core.extraction import (
    Check,
    Evidence,
    Field,
    Group,
    ListOf,
    Node,
    Path,
    Scalar,
    Scene,
    Schema,
    Value,
)
from readstone.extraction.checks import run_checks

Paper: TypeAlias = Mapping[str, Any]
"""Keys with printed text, lists of papers, or papers."""


def checked(
    paper: Paper, scene: Scene = "general", pages: Sequence[Page] = ()
) -> tuple[Check, ...]:
    """What comes of the rules where the schema asks for just what the paper has; None is asked for and not printed."""
    return run_checks(scene, Schema(_group(paper)), tuple(_values(paper, ())), pages)


def statuses(checks: tuple[Check, ...]) -> dict[str, list[str]]:
    """The statuses of each rule, in order."""
    found: dict[str, list[str]] = {}
    for check in checks:
        found.setdefault(check.name, []).append(check.status)
    return found


def failed(checks: tuple[Check, ...]) -> set[str]:
    """The rules that fail."""
    return {check.name for check in checks if check.status == "fail"}


def value(path: Path, said: Scalar) -> Value:
    """A value of one line of words."""
    words = tuple(
        Word(text, Box(place * 50, 0, place * 50 + 40, 10), 0.9)
        for place, text in enumerate(str(said).split())
    )
    return Value(path, said, Evidence(0, Box(0, 0, 50 * len(words), 10), words), "exact", 0.9, 0.9)


def _group(paper: Paper) -> Group:
    return Group(tuple((key, _node(key, said)) for key, said in paper.items()))


def _node(key: str, said: Any) -> Node:
    if isinstance(said, list):
        keys: dict[str, Any] = {}
        for item in cast("list[Paper]", said):
            keys.update(item)
        return ListOf(_group(keys))
    if isinstance(said, dict):
        return _group(cast("Paper", said))
    return Field(key.replace("_", " "))


def _values(said: Any, path: Path) -> Iterator[Value]:
    if isinstance(said, list):
        for position, item in enumerate(cast("list[Any]", said)):
            yield from _values(item, (*path, position))
    elif isinstance(said, dict):
        for key, below in cast("Paper", said).items():
            yield from _values(below, (*path, key))
    elif said is not None:
        yield value(path, said)
