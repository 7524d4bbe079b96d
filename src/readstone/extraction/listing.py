"""The elements of a schema's lists: rows of tables by their columns, single values by their shape or label."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from readstone.core.extraction import Value
from readstone.extraction.confidence import CELL, PROVEN_CELL, calibrated
from readstone.extraction.grounding import Found, grounded
from readstone.extraction.headers import NUMERIC, Table, carried, item_names, tables_in
from readstone.extraction.items import Item, items_of_text, items_under
from readstone.extraction.labels.lexicon import lexicon
from readstone.extraction.prints import Print
from readstone.extraction.receipt_rows import items_without_header
from readstone.extraction.singles import singles_of
from readstone.extraction.sought import SoughtList

_SUMS: Final = frozenset({"total", "rounded_total", "subtotal", "amount_due"})
_WHOLE: Final = 2
"""Cells that a row without its header must be more than."""
_OF_ITEMS: Final = NUMERIC | {"item_description"}


def elements_of(said: Print, wanted: SoughtList) -> list[Value]:
    """The values of a list, their paths from the root."""
    if wanted.single:
        return _singles(said, wanted)
    values: list[Value] = []
    for index, item in enumerate(_items(said, wanted)):
        sure = PROVEN_CELL if item.is_proven else CELL
        for member in wanted.members:
            candidate = item.cells.get(member.concept or member.label_concept)
            path = (*wanted.path, index, *member.path)
            if candidate and (value := grounded(Found(path, member.field, candidate, sure))):
                values.append(value)
    return values


def _singles(said: Print, wanted: SoughtList) -> list[Value]:
    leaf = wanted.members[0]
    found = [
        (item.cells[leaf.concept], CELL)
        for item in _items(said, wanted)
        if leaf.concept in item.cells
    ]
    if not found:
        found = [
            (each, calibrated(leaf.kind, strength)) for each, strength in singles_of(said, leaf)
        ]
    values: list[Value] = []
    for candidate, sure in found:
        path = (*wanted.path, len(values))
        if value := grounded(Found(path, leaf.field, candidate, sure)):
            values.append(value)
    return values


def _items(said: Print, wanted: SoughtList) -> list[Item]:
    concepts = frozenset(member.concept or member.label_concept for member in wanted.members)
    if wanted.single and not concepts <= _columns():
        return []
    own = [
        (name, member.concept or member.label_concept)
        for member in wanted.members
        for name in member.own
    ]
    tables = tables_in(said.sheet, item_names(own), _columns() if wanted.single else concepts)
    items = _under(said, tables)
    if not items and concepts & _OF_ITEMS:
        items = items_without_header(said.sheet, said.pool("amount"), said.labels)
    sums = {
        label.span.run.index
        for label in said.labels
        if label.concept in _SUMS and label.span.end == len(label.span.run.words)
    }
    return [item for item in items if not _names_one_of(item, sums)]


@cache
def _columns() -> frozenset[str]:
    """The concepts that head columns."""
    return frozenset(each.name for each in lexicon().concepts.values() if each.column)


def _under(said: Print, tables: Sequence[Table]) -> list[Item]:
    numbers, labels = said.pool("amount"), said.labels
    items: list[Item] = []
    for table in tables:
        others = [other for other in tables if other is not table]
        if not table.is_of_numbers:
            items += items_of_text(said.sheet, table, labels, others)
            continue
        rows = items_under(said.sheet, table, numbers, labels, others)
        items += rows
        rest = carried(said.sheet, table) if rows else None
        while rest and rows:
            rows = items_under(said.sheet, rest, numbers, labels, others)
            rows = [row for row in rows if len(row.cells) > _WHOLE]
            items += rows
            rest = carried(said.sheet, rest)
    return items


def _names_one_of(item: Item, sums: set[int]) -> bool:
    """Whether a row's description is the label of a sum: "Takeaway total" is no item."""
    name = item.cells.get("item_description")
    return name is not None and name.span.run.index in sums
