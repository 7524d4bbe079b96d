"""The elements of a schema's lists: line items by their columns, single values by their label."""

from collections.abc import Sequence

from readstone.core.extraction import Value
from readstone.extraction.candidates import Candidate
from readstone.extraction.geometry import Sheet
from readstone.extraction.grounding import Found, grounded
from readstone.extraction.items import (
    Item,
    item_names,
    items_under,
    items_without_header,
    tables_in,
)
from readstone.extraction.labelling import Label
from readstone.extraction.sought import SoughtList


def elements_of(
    sheet: Sheet, labels: Sequence[Label], numbers: Sequence[Candidate], wanted: SoughtList
) -> list[Value]:
    """The values of a list, their paths from the root."""
    if wanted.single:
        return []
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
    if not items:
        items = items_without_header(sheet, numbers, labels)
    values: list[Value] = []
    for index, item in enumerate(items):
        for member in wanted.members:
            candidate = item.cells.get(member.concept or member.label_concept)
            if candidate is None:
                continue
            path = (*wanted.path, index, *member.path)
            if value := grounded(Found(path, member.field, candidate, 0.8)):
                values.append(value)
    return values
