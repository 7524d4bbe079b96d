"""Line items: the rows under a header whose columns have the names that a schema asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from itertools import combinations, pairwise
from typing import Final

from readstone.core.document import Box
from readstone.extraction.candidates import Candidate, Meaning
from readstone.extraction.concepts import HEADINGS
from readstone.extraction.geometry import Run, Sheet, Span, around, same_row, shared
from readstone.extraction.labelling import Label, Names, labels_in
from readstone.extraction.labels.lexicon import lexicon

_HEADER_ROWS: Final = 1.9
"""Heights of a line within which the lines of one header stand."""
_NUMERIC: Final = frozenset({"quantity", "unit_price", "line_amount"})
_SUMS: Final = frozenset({"total", "amount_due", "subtotal", "tax_amount", "paid", "deposit"})
_UNIT: Final = 2
"""Letters before a number in its line that may be its currency."""
_CENT: Final = Decimal("0.011")
_LARGEST_GAP: Final = 9.0
"""Heights of a line without a row after which a table is over."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what it holds, and from where to where its header stands."""

    concept: str
    box: Box


@dataclass(frozen=True, slots=True)
class Table:
    """A header: its columns from left to right, and where it ends."""

    page: int
    columns: tuple[Column, ...]
    box: Box


@dataclass(slots=True)
class Item:
    """A row as it is put together: by concept the candidates of its cells."""

    cells: dict[str, Candidate] = field(default_factory=dict[str, Candidate])


def item_names(own: Iterable[tuple[str, str]]) -> Names:
    """What columns are called: the known names, and the client's own (name, concept)."""
    return _known_names().with_own((name, concept, 1.0) for name, concept in own)


@cache
def _known_names() -> Names:
    named = [
        (name.lstrip("*"), concept, 1.0 if name.startswith("*") else 0.88)
        for concept, names in HEADINGS.items()
        for name in names.split("|")
    ]
    for concept in lexicon().concepts.values():
        if concept.column:
            named += [(phrase, concept.name, 0.96) for phrase in lexicon().phrases[concept.name]]
    return Names.of(named)


def tables_in(sheet: Sheet, names: Names) -> tuple[Table, ...]:
    """The headers of line items: rows that name an item's columns, at least one of them numeric."""
    labels = labels_in(sheet, names)
    found: list[Table] = []
    for label in labels:
        row = [
            other
            for other in labels
            if other.span.page == label.span.page
            and abs(other.span.box.middle[1] - label.span.box.middle[1])
            < _HEADER_ROWS * label.span.box.height
        ]
        if table := _table(row):
            found.append(table)
    kept: list[Table] = []
    for table in sorted(found, key=lambda each: (-len(each.columns), each.page, each.box.top)):
        if not any(table.page == other.page and _overlap(table.box, other.box) for other in kept):
            kept.append(table)
    return tuple(sorted(kept, key=lambda each: (each.page, each.box.top)))


def _overlap(one: Box, other: Box) -> bool:
    return one.top < other.bottom and other.top < one.bottom


def _table(row: Sequence[Label]) -> Table | None:
    columns = _columns(row)
    concepts = {column.concept for column in columns}
    wanted = concepts & (_NUMERIC | {"item_description"})
    if len(wanted) < 2 or not concepts & _NUMERIC or len(columns) < 2:
        return None
    box = around([column.box for column in columns])
    # Words of a sentence are no header: its columns stand apart.
    if any(right.box.left < left.box.right for left, right in pairwise(columns)):
        return None
    return Table(row[0].span.page, tuple(columns), box)


def _columns(row: Sequence[Label]) -> list[Column]:
    """One label for each place, and one place for each concept: the surest first."""
    columns: list[Column] = []
    for label in sorted(row, key=lambda each: (-each.likeness, -each.span.box.left)):
        box = label.span.box
        taken = any(shared(column.box, box) > 0.2 for column in columns)
        again = label.concept in _NUMERIC | {"item_description"} and any(
            column.concept == label.concept for column in columns
        )
        if not taken:
            columns.append(Column("other" if again else label.concept, box))
    return sorted(columns, key=lambda column: column.box.left)


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
    cells = [(_column_of(table, number.box), number) for number in inside]
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
                if meanings[column] in _NUMERIC
            }
        )
        for row in grid
    ]
    _name(sheet, table, anchors, rows, bottom)
    return [row for row in rows if len(row.cells) > 1]


def carried(sheet: Sheet, table: Table) -> Table | None:
    """The table as it goes on at the top of the next page, where there is one."""
    page = table.page + 1
    if page >= len(sheet.sizes):
        return None
    box = Box(table.box.left, 0.0, table.box.right, 0.0)
    return Table(page, table.columns, box)


def _said_in_passing(number: Candidate) -> bool:
    """Whether a number ends a line of text: "gross price: 4.00" is no cell of its own."""
    before = number.span.run.words[: number.span.first]
    return sum(sum(map(str.isalpha, word.text)) for word in before) > _UNIT


def multiplied(headings: Sequence[str], grid: Sequence[dict[int, Candidate]]) -> list[str]:
    """What the columns hold, corrected by their numbers: where two make a third in most rows, that is the amount."""
    best, most = None, max(1, len(grid) // 2)
    for one, two in combinations(range(len(headings)), 2):
        for product in range(len(headings)):
            if product in {one, two}:
                continue
            right = sum(_is_product(row, one, two, product) for row in grid)
            if right > most or (right == most and best is None):
                best, most = (one, two, product), right
    if best is None:
        return list(headings)
    one, two, product = best
    if headings[two] == "quantity" or headings[one] == "unit_price":
        one, two = two, one
    meanings = ["other" if heading in _NUMERIC else heading for heading in headings]
    meanings[one], meanings[two], meanings[product] = "quantity", "unit_price", "line_amount"
    return meanings


def _is_product(row: dict[int, Candidate], one: int, two: int, product: int) -> bool:
    if one not in row or two not in row or product not in row:
        return False
    left, right, whole = (row[column].meaning for column in (one, two, product))
    return 1 not in {left, right} and _makes(left, right, whole)


def _bottom(sheet: Sheet, table: Table, sums: Sequence[Label], ends: Sequence[Table]) -> float:
    limits = [
        label.span.box.top
        for label in sums
        if label.concept in _SUMS
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


def _column_of(table: Table, box: Box) -> int:
    """The column a cell stands in: whose header it shares most with, else the nearest."""
    best, least = 0, float("inf")
    for index, column in enumerate(table.columns):
        aside = min(
            abs(column.box.right - box.right),
            abs(column.box.left - box.left),
            abs(column.box.middle[0] - box.middle[0]),
        )
        distance = aside - 1000.0 * shared(column.box, box) * (box.left < column.box.right)
        if distance < least:
            best, least = index, distance
    return best


def _key(cells: Sequence[tuple[str, Candidate]]) -> str:
    """The column that says where rows are: amounts of lines before prices before quantities."""
    counts = {concept: sum(one == concept for one, _ in cells) for concept in _NUMERIC}
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


def _name(
    sheet: Sheet, table: Table, anchors: Sequence[Box], rows: Sequence[Item], bottom: float
) -> None:
    """Give each row the text of its description: the line nearest to its numbers, and what goes on under it."""
    column = next((one for one in table.columns if one.concept == "item_description"), None)
    right = min(
        (one.box.left for one in table.columns if column and one.box.left > column.box.right),
        default=float("inf"),
    )
    left = max(
        (one.box.right for one in table.columns if column and one.box.right < column.box.left),
        default=0.0,
    )
    texts = [
        run
        for run in sheet.pages[table.page]
        if table.box.bottom - 2 < run.box.middle[1] < bottom
        and run.box.left < right
        and run.box.right > left
        and sum(map(str.isalpha, run.text)) >= 2
        and (
            column is None
            or run.box.left < column.box.right + run.box.height
            or shared(run.box, column.box) > 0
        )
    ]
    for index, (anchor, row) in enumerate(zip(anchors, rows, strict=True)):
        floor = anchors[index + 1].top if index + 1 < len(anchors) else bottom
        spans = _description(anchor, [run for run in texts if run.box.middle[1] < floor], left)
        if spans:
            text = " ".join(span.text for span in spans)
            row.cells["item_description"] = Candidate("text", tuple(spans), text, 1.0, text)


def _description(anchor: Box, texts: Sequence[Run], left: float) -> list[Span]:
    beside = [
        run for run in texts if abs(run.box.middle[1] - anchor.middle[1]) < 1.1 * anchor.height
    ]
    if not beside:
        return []
    first = min(
        beside,
        key=lambda run: (
            abs(run.box.middle[1] - anchor.middle[1]) > 0.6 * anchor.height,
            run.box.left < left - run.box.height,
            run.box.left,
        ),
    )
    spans = [_words_only(first)]
    last = first
    for run in texts:
        drop = run.box.top - last.box.top
        if (
            run is first
            or not 0 < drop < 1.5 * last.box.height
            or abs(run.box.left - first.box.left) > 2 * first.box.height
        ):
            continue
        whole = " ".join(span.text for span in spans)
        if (
            whole.count("(") > whole.count(")")
            or run.text[:1].islower()
            or whole.endswith(("-", ",", "&", "/"))
        ):
            spans.append(Span(run, 0, len(run.words)))
            last = run
    return spans


def _words_only(run: Run) -> Span:
    """Without a position number before it."""
    first = (
        1
        if len(run.words) > 1
        and run.words[0].text.strip(".)#").isdecimal()
        and len(run.words[0].text) <= 2
        else 0
    )
    return Span(run, first, len(run.words))


def items_without_header(
    sheet: Sheet, numbers: Sequence[Candidate], sums: Sequence[Label]
) -> list[Item]:
    """Rows of a name and numbers of which two make the last: quantity times price is the amount."""
    found: list[Item] = []
    for page in sheet.pages:
        for run in page:
            if not _begins_item(run, sums):
                continue
            row = [
                number
                for number in numbers
                if number.span.page == run.page
                and number.span.run is not run
                and same_row(number.box, run.box)
                and number.box.left > run.box.left
            ]
            row.sort(key=lambda number: number.box.left)
            if item := _by_product(run, row):
                found.append(item)
    return found


def _begins_item(run: Run, sums: Sequence[Label]) -> bool:
    return sum(map(str.isalpha, run.text)) >= 3 and not any(
        label.span.run is run and label.concept in _SUMS and label.span.first == 0 for label in sums
    )


def _by_product(run: Run, row: Sequence[Candidate]) -> Item | None:
    indices = range(len(row))
    for one, two in combinations(indices, 2):
        for product in range(len(row) - 1, two, -1):
            if not _makes(row[one].meaning, row[two].meaning, row[product].meaning):
                continue
            # Of two factors the whole number is the quantity, else the first.
            swap = _is_whole(row[two].meaning) and not _is_whole(row[one].meaning)
            quantity, price = (two, one) if swap else (one, two)
            span = _words_only(run)
            cells = {
                "item_description": Candidate("text", (span,), span.text, 1.0, span.text),
                "quantity": row[quantity],
                "unit_price": row[price],
                "line_amount": row[product],
            }
            return Item(cells)
    return None


def _is_whole(value: Meaning) -> bool:
    return isinstance(value, Decimal) and value == value.to_integral_value()


def _makes(left: Meaning, right: Meaning, whole: Meaning) -> bool:
    """Whether a product comes out, to the cent."""
    return (
        isinstance(left, Decimal)
        and isinstance(right, Decimal)
        and isinstance(whole, Decimal)
        and whole != 0
        and abs(left * right - whole) <= _CENT
    )
