"""How large a schema may be: what is beyond is refused, not cut."""

from typing import Final

from readstone.core.errors import InvalidRequest
from readstone.core.extraction import Field, Group, ListOf, Node

LEAVES: Final = 512
"""Values that a schema may ask for, one of each list."""
DEPTH: Final = 8
"""Levels of groups and lists."""
LABEL: Final = 2_000
"""Characters of a label or a key."""
TEXT: Final = 262_144
"""Characters of the text of one schema."""
SLOPPY: Final = 8_192
"""Characters of a schema that is no JSON as it is: putting it right takes time that grows with their square."""
NESTING: Final = 64
"""Brackets within brackets in the text of one schema."""
CHOICES: Final = 500
"""Choices of one field."""


def require(size: int, limit: int, what: str) -> None:
    """Raises InvalidRequest, naming the limit and the size, where the size is beyond the limit."""
    if size > limit:
        raise InvalidRequest(
            f"The schema has {size:,} {what}, more than {limit:,}.", param="schema"
        )


def checked(root: Group | ListOf) -> Group | ListOf:
    """The root, as it is; raises InvalidRequest where it asks for too much."""
    require(_leaves(root), LEAVES, "leaves")
    require(_depth(root), DEPTH, "levels")
    return root


def _leaves(node: Node) -> int:
    match node:
        case Field():
            require(max(map(len, (node.label, *node.choices))), LABEL, "characters in a label")
            require(len(node.choices), CHOICES, "choices for a field")
            return 1
        case Group():
            require(
                max((len(key) for key, _ in node.members), default=0), LABEL, "characters in a key"
            )
            return sum(_leaves(member) for _, member in node.members)
        case ListOf():
            return _leaves(node.item)


def _depth(node: Node) -> int:
    match node:
        case Field():
            return 0
        case Group():
            return 1 + max((_depth(member) for _, member in node.members), default=0)
        case ListOf():
            return 1 + _depth(node.item)
