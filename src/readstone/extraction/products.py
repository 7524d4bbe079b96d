"""Products as evidence: of three columns of numbers, the one that the other two make is the amount."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

from readstone.extraction.candidates import Candidate, Meaning
from readstone.extraction.headers import NUMERIC

_CENT: Final = Decimal("0.011")


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
    meanings = ["other" if heading in NUMERIC else heading for heading in headings]
    meanings[one], meanings[two], meanings[product] = "quantity", "unit_price", "line_amount"
    return meanings


def _is_product(row: dict[int, Candidate], one: int, two: int, product: int) -> bool:
    if one not in row or two not in row or product not in row:
        return False
    left, right, whole = (row[column].meaning for column in (one, two, product))
    return 1 not in {left, right} and makes(left, right, whole)


def makes(left: Meaning, right: Meaning, whole: Meaning) -> bool:
    """Whether a product comes out, to the cent."""
    return (
        isinstance(left, Decimal)
        and isinstance(right, Decimal)
        and isinstance(whole, Decimal)
        and whole != 0
        and abs(left * right - whole) <= _CENT
    )
