"""Finding the fields of a schema in pages that were read: labels, places, types and sums, and no language model."""

from collections.abc import Mapping, Sequence

from readstone.core.document import Page
from readstone.core.extraction import JSON, Extraction, Group, ListOf, Node, Path, Scene, Schema
from readstone.extraction.confidence import calibrated
from readstone.extraction.finding import chosen
from readstone.extraction.grounding import Found, grounded
from readstone.extraction.listing import elements_of
from readstone.extraction.prints import Print
from readstone.extraction.sought import lists_of, names_for, scalars_of


def extract(pages: Sequence[Page], schema: Schema, scene: Scene) -> Extraction:
    """The values of a schema's leaves as the pages print them, each with the words it was read from.

    Nothing is said that is not printed: what is not found is null. Deterministic; CPU only, about a twentieth of the
    time that reading takes. `scene` decides which checks are made of it, which is its caller's to do.
    """
    del scene  # The fields of both scenes are found alike.
    sought, lists = scalars_of(schema), lists_of(schema)
    single = [member for wanted in lists if wanted.single for member in wanted.members]
    said = Print(pages, names_for((*sought, *single)))
    values = [
        value
        for leaf, candidate, strength in chosen(said, sought)
        if (
            value := grounded(
                Found(leaf.path, leaf.field, candidate, calibrated(leaf.kind, strength))
            )
        )
    ]
    for wanted in lists:
        values += elements_of(said, wanted)
    by_path = {value.path: value.value for value in values}
    return Extraction(_content(schema.root, (), by_path), tuple(values), ())


def _content(node: Node, path: Path, values: Mapping[Path, object]) -> JSON:
    """The schema's shape with its values; lists hold as many elements as were found."""
    match node:
        case Group(members=members):
            return {key: _content(member, (*path, key), values) for key, member in members}
        case ListOf(item=item):
            count = _count(path, values)
            return [_content(item, (*path, index), values) for index in range(count)]
        case _:
            value = values.get(path)
            return value if isinstance(value, (str, int, float, bool)) else None


def _count(path: Path, values: Mapping[Path, object]) -> int:
    positions = [
        found[len(path)]
        for found in values
        if len(found) > len(path) and found[: len(path)] == path
    ]
    return max((step + 1 for step in positions if isinstance(step, int)), default=0)
