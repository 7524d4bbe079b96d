"""Rules of money on invoices and receipts: sums, products, taxes, what was paid.

Printed amounts are added exactly. What was rounded when it was multiplied may differ by half a unit of the last
printed place: of a line's amount for quantity × price, for each line of items for a tax.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

from readstone.core.extraction import Check
from readstone.extraction.checks.facts import Fact, Facts, Row, Rows
from readstone.extraction.checks.verdict import held, unprinted

SUM: Final = "sum of items = total"
PRODUCT: Final = "quantity × unit price = amount"
GROSS: Final = "net + tax = total"
TAX: Final = "tax rate × net = tax"
CHANGE: Final = "paid − change = total"
TOTALS: Final = ("total", "amount_due")
NAMES: Final = ("item_description", "drug_name", "test_item", "item_code")

_EXTRAS: Final = ("shipping", "service_charge", "tip", "rounding")
"""What is added between the sum of items and the total, where it is printed."""
_MOST_BETWEEN: Final = 4
_HUNDRED: Final = Decimal(100)


def money_checks(facts: Facts) -> Iterator[Check]:
    """The rules for whose every side the schema has a field."""
    items = items_of(facts)
    if items and facts.asked("subtotal", *TOTALS):
        yield _sum(facts, items)
    if items and all(items.asked(concept) for concept in ("quantity", "unit_price", "line_amount")):
        yield from (_product(row) for row in items.rows)
    if facts.asked("subtotal") and facts.asked("tax_amount") and facts.asked(*TOTALS):
        yield _gross(facts)
    if facts.asked("tax_rate") and facts.asked("subtotal") and facts.asked("tax_amount"):
        yield _tax(facts, items)
    if facts.asked("paid") and facts.asked("change") and facts.asked(*TOTALS):
        yield _change(facts)


def items_of(facts: Facts) -> Rows | None:
    """The list of line items: the first whose items have an amount and a name, or else an amount."""
    lists = [rows for rows in facts.lists if rows.asked("line_amount")]
    named = [rows for rows in lists if rows.asked(*NAMES)]
    return next(iter([*named, *lists]), None)


def total(facts: Sequence[Fact | None]) -> Decimal:
    """The sum of what is printed."""
    return sum((fact.number for fact in facts if fact and fact.number is not None), Decimal(0))


def unit(*facts: Fact | None) -> Decimal:
    """One of the last place that any of the amounts is printed with."""
    places = [fact.amount.decimals for fact in facts if fact and fact.amount]
    return Decimal(1).scaleb(-max(places, default=0))


def _sum(facts: Facts, items: Rows) -> Check:
    amounts = [row.one("line_amount") for row in items.rows]
    net, gross = _printed(facts.one("subtotal")), _printed(facts.one(*TOTALS))
    against = net or gross
    if not amounts or any(_printed(each) is None for each in amounts) or not against:
        return unprinted(SUM, [*amounts, against])
    left = total(amounts)
    wholes = {total([net])} if net else set[Decimal]()
    if gross:
        extras = [_printed(facts.one(concept)) for concept in (*_EXTRAS, "tax_amount")]
        less = total([_printed(facts.one("discount"))])
        between = _sums([fact for fact in extras if fact])
        wholes |= {total([gross]) - added + off for added in between for off in (Decimal(0), less)}
    matches = (
        left in wholes
        or _untaxed(left, len(amounts), gross, facts)
        or not wholes.isdisjoint(_with_between(left, facts))
    )
    return held(SUM, left, against.number, [*amounts, against], true=matches)


def _with_between(left: Decimal, facts: Facts) -> set[Decimal]:
    """The sum with what the document adds to it or takes off it by name, though the schema may not ask for that."""
    sums = {left}
    for number in facts.between[:_MOST_BETWEEN]:
        sums |= {each + number for each in sums} | {each - number for each in sums}
    return sums


def _untaxed(left: Decimal, lines: int, gross: Fact | None, facts: Facts) -> bool:
    """Whether it is the total without its tax, of which only the rate is printed."""
    rate = _printed(facts.one("tax_rate"))
    if not (gross and rate):
        return False
    return abs(left * (1 + _share(rate)) - total([gross])) <= lines * unit(gross) / 2


def _sums(facts: Sequence[Fact]) -> set[Decimal]:
    """The sums of any of them: some are within the items already."""
    return {
        total(chosen) for count in range(len(facts) + 1) for chosen in combinations(facts, count)
    }


def _product(row: Row) -> Check:
    quantity, price, amount = (
        _printed(row.one(concept)) for concept in ("quantity", "unit_price", "line_amount")
    )
    if not (quantity and price and amount):
        return unprinted(PRODUCT, [quantity, price, amount])
    product = total([quantity]) * total([price])
    discount, rate = _printed(row.one("discount")), _printed(row.one("tax_rate"))
    products = {product}
    if discount and discount.amount:
        part = total([discount])
        products.add(product * (1 - part / _HUNDRED) if discount.amount.percent else product - part)
    if rate:
        products |= {each * (1 + _share(rate)) for each in tuple(products)}
    near = any(abs(each - total([amount])) <= unit(amount) / 2 for each in products)
    return held(PRODUCT, product, amount.number, [quantity, price, amount], true=near)


def _gross(facts: Facts) -> Check:
    net, tax, gross = (
        _printed(facts.one(*concepts)) for concepts in (("subtotal",), ("tax_amount",), TOTALS)
    )
    if not (net and tax and gross):
        return unprinted(GROSS, [net, tax, gross])
    extras = [fact for concept in _EXTRAS if (fact := _printed(facts.one(concept)))]
    discount = total([_printed(facts.one("discount"))])
    left = total([net, tax])
    sums = {left + added - less for added in _sums(extras) for less in (Decimal(0), discount)}
    return held(GROSS, left, gross.number, [net, tax, *extras, gross], true=gross.number in sums)


def _tax(facts: Facts, items: Rows | None) -> Check:
    rate, net, tax = (_printed(facts.one(c)) for c in ("tax_rate", "subtotal", "tax_amount"))
    if not (rate and net and tax):
        return unprinted(TAX, [rate, net, tax])
    expected = _share(rate) * total([net])
    lines = max(1, len(items.rows) if items else 1)
    near = abs(expected - total([tax])) <= lines * unit(tax) / 2
    return held(TAX, expected, tax.number, [rate, net, tax], true=near)


def _change(facts: Facts) -> Check:
    paid, change, gross = (
        _printed(facts.one(*concepts)) for concepts in (("paid",), ("change",), TOTALS)
    )
    if not (paid and change and gross):
        return unprinted(CHANGE, [paid, change, gross])
    left = total([paid]) - abs(total([change]))
    wholes = {total([fact]) for fact in facts.single if fact.concept in TOTALS}
    wholes |= {whole + total([_printed(facts.one("rounding"))]) for whole in tuple(wholes)}
    return held(CHANGE, left, gross.number, [paid, change, gross], true=left in wholes)


def _share(rate: Fact) -> Decimal:
    """A rate as a part of one: 19 %, 19 and 0.19 are the same."""
    number = total([rate])
    percent = rate.amount is not None and rate.amount.percent
    return number / _HUNDRED if percent or abs(number) >= 1 else number


def _printed(fact: Fact | None) -> Fact | None:
    """The fact where it says a number."""
    return fact if fact and fact.amount else None
