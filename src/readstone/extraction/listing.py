"""The elements of a schema's lists: line items by their columns, single values by their label."""

from collections.abc import Sequence
from typing import Final

from readstone.core.extraction import Value
from readstone.extraction.candidates import Candidate
from readstone.extraction.geometry import Sheet
from readstone.extraction.grounding import Found, grounded
from readstone.extraction.headers import carried, item_names, tables_in
from readstone.extraction.items import Item, items_under
from readstone.extraction.labelling import Label
from readstone.extraction.receipt_rows import items_without_header
from readstone.extraction.sought import SoughtList

_SUMS: Final = frozenset({"total", "rounded_total", "subtotal", "amount_due"})
_WHOLE: Final = 2
"""Cells that a row without its header must be more than."""


def elements_of(
    sheet: Sheet, labels: Sequence[Label], numbers: Sequence[Candidate], wanted: SoughtList
) -> list[Value]:
    """The values of a list, their paths from the root."""
    if wanted.single:
        return []
    values: list[Value] = []
    for index, item in enumerate(_items(sheet, labels, numbers, wanted)):
        for member in wanted.members:
            candidate = item.cells.get(member.concept or member.label_concept)
            path = (*wanted.path, index, *member.path)
            if candidate and (value := grounded(Found(path, member.field, candidate, 0.8))):
                values.append(value)
    return values


def _items(
    sheet: Sheet, labels: Sequence[Label], numbers: Sequence[Candidate], wanted: SoughtList
) -> list[Item]:
    own = [
        (name, member.concept or member.label_concept)
        for member in wanted.members
        for name in member.own
    ]
    tables = tables_in(sheet, item_names(own))
    items: list[Item] = []
    for table in tables:
        others = [other for other in tables if other is not table]
        items += items_under(sheet, table, numbers, labels, others)
    last = carried(sheet, tables[-1]) if tables and items else None
    if last:
        rows = items_under(sheet, last, numbers, labels, ())
        items += [row for row in rows if len(row.cells) > _WHOLE]
    found = items or items_without_header(sheet, numbers, labels)
    sums = {
        label.span.run.index
        for label in labels
        if label.concept in _SUMS and label.span.end == len(label.span.run.words)
    }
    return [item for item in found if not _names_one_of(item, sums)]


def _names_one_of(item: Item, sums: set[int]) -> bool:
    """Whether a row's description is the label of a sum: "Takeaway total" is no item."""
    name = item.cells.get("item_description")
    return name is not None and name.span.run.index in sums
