"""Rules of check digits: accounts, tax identifiers, resident identity numbers."""

from collections.abc import Iterator
from typing import Final

from readstone.core.extraction import Check
from readstone.extraction.checks.facts import Facts
from readstone.extraction.checks.verdict import held, unprinted
from readstone.extraction.values.identifiers import (
    iban_is_right,
    resident_id_is_right,
    tax_id_is_right,
)

IBAN: Final = "IBAN check digits"
TAX_ID: Final = "tax identifier check digit"
RESIDENT_ID: Final = "resident identity number check digit"

_TAX_IDS: Final = ("tax_id", "seller_tax_id", "buyer_tax_id")


def digit_checks(facts: Facts) -> Iterator[Check]:
    """One for each such number that is printed in a form whose check digit is known; of other forms nothing is said."""
    for name, concepts, right in (
        (IBAN, ("iban",), iban_is_right),
        (TAX_ID, _TAX_IDS, tax_id_is_right),
        (RESIDENT_ID, ("id_number",), resident_id_is_right),
    ):
        found = facts.all(*concepts)
        if facts.asked(*concepts) and not found:
            yield unprinted(name)
        for fact in found:
            verdict = right(fact.text)
            if verdict is not None:
                yield held(name, fact.text, None, [fact], true=verdict)
