"""Line items: the rows under a header whose columns have the names that a schema asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from readstone.core.document import Box
from readstone.extraction.candidates import Candidate
from readstone.extraction.cells import column_of, rows_of_text, texts_beside
from readstone.extraction.descriptions import descriptions
from readstone.extraction.geometry import Sheet, same_row
from readstone.extraction.headers import NUMERIC, Table
from readstone.extraction.labelling import Label
from readstone.extraction.products import makes, multiplied

SUMS: Final = frozenset(
    {"total", "amount_due", "subtotal", "tax_amount", "tax_summary", "paid", "payment_terms"}
)
"""Labels that end a list of items."""

_UNIT: Final = 2
"""Letters before a number in its line that may be its currency."""
_LARGEST_GAP: Final = 14.0
"""Heights of a line without a row after which a table is over."""


@dataclass(slots=True)
class Item:
    """A row as it is put together: by concept the candidates of its cells."""

    cells: dict[str, Candidate] = field(default_factory=dict[str, Candidate])

    @property
    def is_proven(self) -> bool:
        """Whether its quantity and its price make its amount."""
        given = [self.cells.get(column) for column in ("quantity", "unit_price", "line_amount")]
        quantity, price, amount = (each.meaning if each else "" for each in given)
        return makes(quantity, price, amount)


def items_under(
    sheet: Sheet,
    table: Table,
    numbers: Sequence[Candidate],
    sums: Sequence[Label],
    ends: Sequence[Table],
) -> list[Item]:
    """The rows under a header on its page, up to a sum, the next header or a wide gap."""
    bottom = _bottom(sheet, table, sums, ends)
    inside = [
        number
        for number in numbers
        if number.span.page == table.page
        and table.box.bottom - 2 < number.box.middle[1] < bottom
        and not _said_in_passing(number)
    ]
    cells = [(column_of(table, number.box), number) for number in inside]
    named = [(table.columns[column].concept, number) for column, number in cells]
    key = _key(named)
    anchors = sorted(
        (number.box for concept, number in named if concept == key), key=lambda box: box.top
    )
    if not anchors:
        return []
    anchors = _near(anchors, table)
    grid: list[dict[int, Candidate]] = [{} for _ in anchors]
    for column, number in cells:
        index = _nearest(number.box, anchors)
        if index is not None:
            grid[index].setdefault(column, number)
    meanings = multiplied([column.concept for column in table.columns], grid)
    rows = [
        Item(
            {
                meanings[column]: number
                for column, number in row.items()
                if meanings[column] in NUMERIC
            }
        )
        for row in grid
    ]
    others = [
        index
        for index, meaning in enumerate(meanings)
        if meaning not in NUMERIC and meaning != "item_description"
    ]
    beside = texts_beside(sheet, table, anchors, others, bottom)
    for row, texts in zip(rows, beside, strict=True):
        row.cells.update({meanings[column]: text for column, text in texts.items()})
    for row, name in zip(rows, descriptions(sheet, table, anchors, bottom), strict=True):
        if name:
            row.cells["item_description"] = name
    return [row for row in rows if _is_item(row)]


def _is_item(row: Item) -> bool:
    """Whether a row has two cells that make an item; what stands in other columns may be of a line between two."""
    return len(row.cells.keys() & {*NUMERIC, "item_description"}) > 1


def items_of_text(
    sheet: Sheet, table: Table, sums: Sequence[Label], ends: Sequence[Table]
) -> list[Item]:
    """The rows under a header that names no numbers."""
    bottom = _bottom(sheet, table, sums, ends)
    return [
        Item({table.columns[column].concept: text for column, text in row.items()})
        for row in rows_of_text(sheet, table, bottom)
    ]


def _said_in_passing(number: Candidate) -> bool:
    """Whether a number ends a line of text: "gross price: 4.00" is no cell of its own."""
    before = number.span.run.words[: number.span.first]
    return sum(sum(map(str.isalpha, word.text)) for word in before) > _UNIT


def _bottom(sheet: Sheet, table: Table, sums: Sequence[Label], ends: Sequence[Table]) -> float:
    limits = [
        label.span.box.top
        for label in sums
        if label.concept in SUMS
        and label.span.page == table.page
        and label.span.box.top > table.box.bottom + 1.5 * label.span.box.height
        and label.span.first == 0
        and label.likeness > 0.8
    ]
    limits += [
        other.box.top
        for other in ends
        if other.page == table.page and other.box.top > table.box.bottom
    ]
    return min(limits, default=float(sheet.sizes[table.page][1]))


def _key(cells: Sequence[tuple[str, Candidate]]) -> str:
    """The column that says where rows are: amounts of lines before prices before quantities."""
    counts = {concept: sum(one == concept for one, _ in cells) for concept in NUMERIC}
    most = max(counts.values(), default=0)
    for concept in ("line_amount", "unit_price", "quantity"):
        if counts.get(concept, 0) and counts[concept] * 2 > most:
            return concept
    return max(counts, key=lambda concept: counts[concept])


def _near(anchors: Sequence[Box], table: Table) -> list[Box]:
    kept: list[Box] = []
    last = table.box
    for box in anchors:
        if kept and same_row(kept[-1], box):
            continue
        if box.top - last.bottom > _LARGEST_GAP * max(box.height, 1.0):
            break
        kept.append(box)
        last = box
    return kept


def _nearest(box: Box, anchors: Sequence[Box]) -> int | None:
    distances = [abs(anchor.middle[1] - box.middle[1]) for anchor in anchors]
    best = min(range(len(anchors)), key=lambda index: distances[index], default=None)
    if best is None or distances[best] > 1.4 * max(box.height, anchors[best].height):
        return None
    return best
