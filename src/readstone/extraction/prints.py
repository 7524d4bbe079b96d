"""What a document prints: its runs of words, its labels, and by kind what may be a value; each found when first asked for."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from readstone.core.document import Box, Page
from readstone.extraction.arithmetic import supported
from readstone.extraction.candidates import (
    Candidate,
    Kind,
    amounts_in,
    days_in,
    habits_of,
    ids_in,
    of_kind,
    texts_in,
)
from readstone.extraction.geometry import sheet_of
from readstone.extraction.headers import item_names, tables_in
from readstone.extraction.labelling import Names, labels_in
from readstone.extraction.pairing import Claim, claims
from readstone.extraction.parties import Block, blocks
from readstone.extraction.shapes import answers_in, shaped_in

_SURE_LABEL: Final = 0.75
"""Likeness from which on the words of a label are no part of a value."""
_INSTEAD: Final[Mapping[Kind, tuple[Kind, float]]] = {
    "phone": ("id", 0.75),
    "iban": ("id", 0.7),
    "tax_id": ("id", 0.85),
    "range": ("text", 0.6),
    "measure": ("text", 0.7),
    "url": ("text", 0.4),
}
"""What else may say a kind, and how well: numbers of things without the shape of one."""


class Print:
    """A document as it is searched for the fields of one schema, whose labels `names` knows."""

    def __init__(self, pages: Sequence[Page], names: Names) -> None:
        self.sheet = sheet_of(pages)
        self.habits = habits_of(self.sheet)
        self.labels = labels_in(self.sheet, names)
        self._pools: dict[Kind, tuple[Candidate, ...]] = {}
        self._claimed: dict[Kind, dict[str, list[Claim]]] = {}

    def pool(self, kind: Kind) -> tuple[Candidate, ...]:
        """What may be a value of that kind, in reading order."""
        if kind not in self._pools:
            self._pools[kind] = self._found(kind)
        return self._pools[kind]

    def claimed(self, kind: Kind) -> dict[str, list[Claim]]:
        """By concept, what its labels claim of that kind; sums that come out make amounts stronger."""
        if kind not in self._claimed:
            self._claimed[kind] = (
                self._sums() if kind == "amount" else claims(self.labels, self.pool(kind))
            )
        return self._claimed[kind]

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every name over an address."""
        return blocks(self.sheet, self.labels)

    def _sums(self) -> dict[str, list[Claim]]:
        """What claims amounts: the headings of items little, since their amounts are the items'."""
        tables = tables_in(self.sheet, item_names(()), frozenset())
        headings = [
            label
            for label in self.labels
            for table in tables
            if label.span.page == table.page and _heads(label.span.box, table.box)
        ]
        amounts = self.pool("amount")
        return supported(claims(self.labels, amounts, headings), amounts)

    def _found(self, kind: Kind) -> tuple[Candidate, ...]:
        match kind:
            case "amount":
                starts = {span.place[:2] for day in self.pool("date") for span in day.spans}
                found = amounts_in(self.sheet, self.habits)
                return tuple(each for each in found if each.span.place[:2] not in starts)
            case "date":
                return days_in(self.sheet, self.habits)
            case "id":
                return ids_in(self.sheet, (*self.pool("amount"), *self.pool("date")))
            case "text":
                sure = (label.span for label in self.labels if label.likeness > _SURE_LABEL)
                return texts_in(self.sheet, sure)
            case "boolean":
                within = {label.span.place: label.span for label in self.labels}.values()
                return tuple(
                    each
                    for each in answers_in(self.sheet)
                    if not any(
                        span.run is each.span.run and span.first <= each.span.first < span.end
                        for span in within
                    )
                )
            case _:
                return self._shaped(kind)

    def _shaped(self, kind: Kind) -> tuple[Candidate, ...]:
        shaped = shaped_in(self.sheet, kind, self.habits.decimal_mark)
        if kind not in _INSTEAD:
            return shaped
        other, fit = _INSTEAD[kind]
        taken = {
            (span.run.index, at)
            for each in shaped
            for span in each.spans
            for at in range(span.first, span.end)
        }
        free = (
            each
            for each in self.pool(other)
            if not any(
                (span.run.index, at) in taken
                for span in each.spans
                for at in range(span.first, span.end)
            )
        )
        return (*shaped, *(of_kind(each, kind, fit) for each in free))


def _heads(box: Box, header: Box) -> bool:
    """Whether a label stands in the lines of a header."""
    reach = 1.5 * box.height
    return header.top - reach < box.middle[1] < header.bottom + reach
