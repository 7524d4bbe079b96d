"""Concept: what a field is, whatever it is called."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

ValueSort: TypeAlias = Literal[
    "address", "age", "amount", "bic", "choice", "currency", "date", "email", "flag", "iban", "identifier",
    "measure", "organisation", "percent", "person", "phone", "quantity", "range", "tax_id", "text",
    "time", "unit", "url", "words",
]  # fmt: skip
"""What sort of printed text says a value; words: an amount in words · measure: a number with its unit ·
flag: the mark of a result that is out of its range · text: anything."""


@dataclass(frozen=True, slots=True)
class Concept:
    """A kind of field that is known by name: `invoice_number`.

    `kinds` are the sorts of value that say it, likeliest first; `column`: it may head a column of items.
    """

    name: str
    kinds: tuple[ValueSort, ...]
    column: bool = False
