"""Rules of order: no item twice, no due date before the invoice's, one currency."""

from collections.abc import Iterator
from typing import Final

from readstone.core.extraction import Check
from readstone.extraction.checks.facts import Fact, Facts, Row, Rows
from readstone.extraction.checks.money import NAMES, items_of
from readstone.extraction.checks.verdict import held, unprinted
from readstone.extraction.labels import concept
from readstone.extraction.values.amounts import amounts
from readstone.extraction.values.currencies import currency_of

DUPLICATES: Final = "no item twice"
CURRENCY: Final = "one currency"
ORDER: Final = (
    ("order_date", "invoice_date"),
    ("order_date", "delivery_date"),
    ("invoice_date", "due_date"),
    ("issue_date", "valid_until"),
    ("collection_date", "report_date"),
    ("admission_date", "discharge_date"),
)
"""Days of which none comes before the one beside it."""
_DATED: Final = {"invoice_date": ("invoice_date", "date")}
"""What also is the day of an invoice where nothing more exact is asked for."""


def order_checks(facts: Facts) -> Iterator[Check]:
    """The rules for whose every side the schema has a field."""
    items = items_of(facts)
    if items and items.asked(*NAMES):
        yield _duplicates(items)
    for earlier, later in ORDER:
        if facts.asked(*_DATED.get(earlier, (earlier,))) and facts.asked(
            *_DATED.get(later, (later,))
        ):
            yield _in_order(facts, earlier, later)
    if any(_is_money(name) for name in (*facts.concepts, *(items.concepts if items else ()))):
        yield _currency(facts)


def _duplicates(items: Rows) -> Check:
    seen: dict[frozenset[tuple[str, str]], Row] = {}
    twice: list[Fact] = []
    for row in items.rows:
        said = frozenset(
            (fact.concept, fact.text.casefold())
            for fact in row.facts
            if fact.concept != "line_number"
        )
        if not row.one(*NAMES) or len(said) < 2:  # noqa: PLR2004 a name alone is no item
            continue
        if said in seen:
            twice += [fact for each in (seen[said], row) if (fact := each.one(*NAMES))]
        seen.setdefault(said, row)
    if not seen:
        return unprinted(DUPLICATES)
    return held(DUPLICATES, len(items.rows), len(seen), twice, true=not twice)


def _in_order(facts: Facts, earlier: str, later: str) -> Check:
    name = f"{earlier} ≤ {later}"
    first, second = (facts.one(*_DATED.get(each, (each,))) for each in (earlier, later))
    if not (first and second and first.day and second.day):
        return unprinted(name, [first, second])
    return held(name, first.day, second.day, [first, second], true=first.day <= second.day)


def _currency(facts: Facts) -> Check:
    coded: dict[str, Fact] = {}
    for fact in facts.everything():
        for code in _codes(fact):
            coded.setdefault(code, fact)
    if not coded:
        return unprinted(CURRENCY)
    codes = list(coded)
    return held(CURRENCY, codes[0], codes[-1], coded.values(), true=len(codes) == 1)


def _codes(fact: Fact) -> set[str]:
    """The currencies that the words of an amount, or of a currency, say."""
    if fact.concept == "currency":
        said = currency_of(fact.text.strip().upper()) or currency_of(fact.text.strip())
        return {said} if said else set()
    if not (_is_money(fact.concept) and fact.value.evidence):
        return set()
    return {each.currency for each in amounts(fact.value.evidence.text) if each.currency}


def _is_money(name: str) -> bool:
    known = concept(name)
    return known is not None and known.kinds[0] == "amount"
