"""Items without a header: rows of receipts, a name and numbers of which two make the last."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

from readstone.extraction.candidates import Candidate, Meaning
from readstone.extraction.descriptions import words_only
from readstone.extraction.geometry import Run, Sheet, same_row
from readstone.extraction.items import SUMS, Item
from readstone.extraction.labelling import Label
from readstone.extraction.products import makes

_CLOSE: Final = 0.9
"""Heights of a line between a name and the numbers under it."""
_UNITS: Final = 3
"""Letters of a run of numbers: a sign of times, a unit, a currency."""


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
            item = _by_product(run, row) or _by_product(run, _beneath(run, page, numbers))
            if item:
                found.append(item)
    return found


def _beneath(run: Run, page: Sequence[Run], numbers: Sequence[Candidate]) -> list[Candidate]:
    """The numbers of the line right under a name, where that line is nothing but numbers: "2 x 3.50  7.00"."""
    beside = [other for other in page if other is not run and same_row(other.box, run.box)]
    below = [
        other
        for other in page
        if -0.3 * run.box.height < other.box.top - run.box.bottom < _CLOSE * run.box.height
        and other.box.middle[1] > run.box.bottom
    ]
    words = sum(sum(map(str.isalpha, other.text)) for other in below)
    if beside or not below or words > _UNITS * len(below):
        return []
    under = {other.index for other in below}
    line = [number for number in numbers if number.span.run.index in under]
    return sorted(line, key=lambda number: number.box.left)


def _begins_item(run: Run, sums: Sequence[Label]) -> bool:
    return sum(map(str.isalpha, run.text)) >= 3 and not any(
        label.span.run is run and label.concept in SUMS and label.span.first == 0 for label in sums
    )


def _by_product(run: Run, row: Sequence[Candidate]) -> Item | None:
    indices = range(len(row))
    for one, two in combinations(indices, 2):
        for product in range(len(row) - 1, two, -1):
            if not makes(row[one].meaning, row[two].meaning, row[product].meaning):
                continue
            # Of two factors the whole number is the quantity, else the first.
            swap = _is_whole(row[two].meaning) and not _is_whole(row[one].meaning)
            quantity, price = (two, one) if swap else (one, two)
            span = words_only(run)
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
