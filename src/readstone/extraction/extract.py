"""Finding the fields of a schema in pages that were read: labels, places, types and sums, and no language model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from readstone.core.document import Page
from readstone.core.extraction import (
    JSON,
    Extraction,
    Group,
    ListOf,
    Node,
    Path,
    Scene,
    Schema,
)
from readstone.extraction.arithmetic import supported
from readstone.extraction.candidates import (
    Candidate,
    amounts_in,
    days_in,
    habits_of,
    ids_in,
    texts_in,
)
from readstone.extraction.confidence import calibrated
from readstone.extraction.currency import currency_in
from readstone.extraction.geometry import Sheet, sheet_of
from readstone.extraction.grounding import Found, grounded
from readstone.extraction.labelling import Label, labels_in
from readstone.extraction.listing import elements_of
from readstone.extraction.pairing import LEAST, assigned, claims
from readstone.extraction.places import party_claims
from readstone.extraction.sought import Sought, lists_of, names_for, scalars_of

Strengths = dict[str, list[tuple[Candidate, float]]]


@dataclass(frozen=True, slots=True)
class Print:
    """What a document prints: its runs, its labels, and its candidates by kind."""

    sheet: Sheet
    labels: tuple[Label, ...]
    amounts: tuple[Candidate, ...]
    days: tuple[Candidate, ...]
    ids: tuple[Candidate, ...]
    texts: tuple[Candidate, ...]


def extract(pages: Sequence[Page], schema: Schema, scene: Scene) -> Extraction:
    """The values of a schema's leaves as the pages print them, each with the words it was read from.

    Nothing is said that is not printed: what is not found is null. Deterministic; CPU only, about a twentieth of the
    time that reading takes. `scene` decides which checks are made of it, which is its caller's to do.
    """
    del scene  # The fields of both scenes are found alike.
    sought = scalars_of(schema)
    said = _print(pages, sought)
    values = [
        value
        for leaf, candidate, strength in _chosen(said, sought)
        if (
            value := grounded(
                Found(leaf.path, leaf.field, candidate, calibrated(leaf.kind, strength))
            )
        )
    ]
    for wanted in lists_of(schema):
        values += elements_of(said.sheet, said.labels, said.amounts, wanted)
    by_path = {value.path: value.value for value in values}
    return Extraction(_content(schema.root, (), by_path), tuple(values), ())


def _print(pages: Sequence[Page], sought: tuple[Sought, ...]) -> Print:
    sheet = sheet_of(pages)
    habits = habits_of(sheet)
    labels = labels_in(sheet, names_for(sought))
    amounts, days = amounts_in(sheet, habits), days_in(sheet, habits)
    starts = {span.place[:2] for day in days for span in day.spans}
    amounts = tuple(each for each in amounts if each.span.place[:2] not in starts)
    spans = [label.span for label in labels if label.likeness > 0.75]
    ids = ids_in(sheet, (*amounts, *days))
    return Print(sheet, labels, amounts, days, ids, texts_in(sheet, spans))


def _chosen(said: Print, sought: Sequence[Sought]) -> list[tuple[Sought, Candidate, float]]:
    strengths = _strengths(said, sought)
    columns: dict[tuple[tuple[int, int, int], ...], int] = {}
    by_cell: dict[tuple[int, int], tuple[Candidate, float]] = {}
    for row, leaf in enumerate(sought):
        for candidate, strength in strengths[row]:
            column = columns.setdefault(candidate.place, len(columns))
            if strength > by_cell.get((row, column), (None, 0.0))[1]:
                by_cell[row, column] = (candidate, strength)
        del leaf
    matrix = [
        [
            by_cell[row, column][1] if (row, column) in by_cell else 0.0
            for column in range(len(columns))
        ]
        for row in range(len(sought))
    ]
    chosen = assigned(matrix) if columns else [None] * len(sought)
    return [
        (sought[row], *by_cell[row, column])
        for row, column in enumerate(chosen)
        if column is not None and by_cell[row, column][1] >= LEAST
    ]


def _strengths(said: Print, sought: Sequence[Sought]) -> list[list[tuple[Candidate, float]]]:
    """For each leaf what may be it, and how strongly."""
    pools = {
        "amount": said.amounts,
        "number": said.amounts,
        "date": said.days,
        "id": said.ids,
        "text": said.texts,
    }
    claimed = {kind: claims(said.labels, pool) for kind, pool in pools.items() if kind != "number"}
    sums = supported(claimed["amount"], said.amounts)
    found: list[list[tuple[Candidate, float]]] = []
    for leaf in sought:
        pool = "amount" if leaf.kind == "number" else leaf.kind if leaf.kind in claimed else "text"
        of_label = sums if pool == "amount" else claimed[pool]
        own = [
            (claim.candidate, claim.strength * weight)
            for concept, weight in leaf.concepts
            for claim in of_label.get(concept, [])
        ]
        if leaf.kind == "date" and leaf.concept in {"date", "invoice_date", "issue_date", ""}:
            own += [(day, _lone_day(day, own)) for day in said.days]
        elif leaf.kind in {"name", "address"}:
            own = party_claims(said.sheet, said.labels, leaf, own)
        elif leaf.kind == "currency":
            own = currency_in(said.sheet)
        found.append(own)
    return found


def _lone_day(day: Candidate, labelled: Sequence[tuple[Candidate, float]]) -> float:
    """A day without a label may be the document's, the less so the more days have one."""
    return (0.26 if labelled else 0.5) * day.fit - 0.0002 * day.span.run.index


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
