"""How sure a value is to be right in the light of what was found without a language model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from readstone.core.extraction import Path, Value

_DOUBT: Final = 0.8
"""What is left of the confidence of a value where the other way found another."""


def weighed(values: Sequence[Value], others: Sequence[Value]) -> tuple[Value, ...]:
    """The values with their confidence raised where the other way found the same, and lowered where it found another.

    Two ways that agree are wrong only where both are; items of lists are compared by what they say, wherever in
    the list they stand.
    """
    by_leaf: dict[Path, list[Value]] = {}
    for other in others:
        by_leaf.setdefault(_leaf(other.path), []).append(other)
    return tuple(_weighed(value, by_leaf.get(_leaf(value.path), [])) for value in values)


def _weighed(value: Value, others: Sequence[Value]) -> Value:
    if value.match == "ungrounded" or not others:
        return value
    same = [other.extract_confidence for other in others if other.value == value.value]
    if same:
        sure = 1 - (1 - value.extract_confidence) * (1 - max(same))
        return replace(value, extract_confidence=sure)
    if any(isinstance(step, int) for step in value.path):
        return value
    return replace(value, extract_confidence=value.extract_confidence * _DOUBT)


def _leaf(path: Path) -> Path:
    return tuple(step for step in path if isinstance(step, str))
