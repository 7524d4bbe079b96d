"""What stands between the items and the total of a document, whether or not the schema asks for it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final

from readstone.core.document import Line, Page
from readstone.extraction.labels import printed
from readstone.extraction.values.amounts import DecimalMark, amounts

BETWEEN: Final = frozenset({"discount", "shipping", "service_charge", "tip", "rounding", "deposit"})
"""What is added or taken off between the sum of items and the total."""
_EDGES: Final = " .:;,-–+*("


def labelled_between(pages: Sequence[Page], mark: DecimalMark | None) -> tuple[Decimal, ...]:
    """The last amount of each row that begins with the name of such a thing, without its sign, each once."""
    return tuple(
        dict.fromkeys(
            number for page in pages for row in _rows(page) for number in _named(row, mark)
        )
    )


def _rows(page: Page) -> Iterator[str]:
    lines = sorted(page.lines, key=lambda line: (line.row, line.box.left))
    for _, row in groupby(lines, key=_row):
        yield " ".join(line.text for line in row)


def _row(line: Line) -> int:
    return line.row


def _named(row: str, mark: DecimalMark | None) -> Iterator[Decimal]:
    found = amounts(row, mark)
    if not found:
        return
    label = row[: found[0].start].split(":", maxsplit=1)[0].split("(", maxsplit=1)[0].strip(_EDGES)
    if label and any(concept.name in BETWEEN for concept in printed(label)) and found[-1].value:
        yield abs(found[-1].value)
