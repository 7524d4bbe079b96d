"""Rules of medical statements: the detail list, the categories and the statement say one sum, and so do its words."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from readstone.core.extraction import Check
from readstone.extraction.checks.facts import Fact, Facts, Rows
from readstone.extraction.checks.money import NAMES, TOTALS, total
from readstone.extraction.checks.verdict import held, unprinted
from readstone.extraction.checks.words import said_in_words
from readstone.extraction.values.spoken import spoken_amount

DETAIL: Final = "detail list = category totals"
CATEGORY: Final = "detail list of a category = its total"
CATEGORIES: Final = "category totals = statement total"
PAID_BY: Final = "fund + self-pay = total"
WORDS: Final = "amount in words = amount in figures"
STAY: Final = "admission ≤ day ≤ discharge"
DAYS: Final = "days in hospital = discharge − admission"

_OURS: Final = (
    ("self_payment",),
    ("self_payment", "self_funded"),
    ("account_payment", "cash_payment"),
    ("account_payment", "self_payment"),
    ("account_payment", "self_payment", "self_funded"),
    ("cash_payment",),
    ("self_funded",),
    ("account_payment",),
)
"""What patients pay is split in one of these ways; what is not printed counts for nothing."""
_DURING: Final = ("visit_date", "collection_date", "report_date", "line_date")


def words_checks(facts: Facts) -> Iterator[Check]:
    """The amount in words, where the schema has a field for it."""
    if facts.asked("total_in_words") and facts.asked(*TOTALS):
        words, gross = facts.one("total_in_words"), facts.one(*TOTALS)
        said = (said_in_words(words.text) or spoken_amount(words.text)) if words else None
        if said is None or not gross or gross.number is None:
            yield unprinted(WORDS, [words, gross])
        else:
            yield held(WORDS, said, gross.number, [words, gross], true=said == gross.number)


def statement_checks(facts: Facts) -> Iterator[Check]:
    """The rules for whose every side the schema has a field."""
    priced = [rows for rows in facts.lists if rows.asked("line_amount")]
    categories = next((rows for rows in priced if _is_categories(rows)), None)
    details = next((rows for rows in priced if rows.asked(*NAMES)), None)
    if categories and details:
        yield from _details(details, categories)
    if categories and facts.asked(*TOTALS):
        yield _sums(CATEGORIES, _amounts(categories), [facts.one(*TOTALS)])
    if facts.asked("fund_payment") and facts.asked(*TOTALS):
        yield _paid_by(facts)
    yield from _stay(facts)


def _is_categories(rows: Rows) -> bool:
    return rows.asked("fee_category") and not rows.asked(*NAMES)


def _details(details: Rows, categories: Rows) -> Iterator[Check]:
    yield _sums(DETAIL, _amounts(details), _amounts(categories))
    if not details.asked("fee_category"):
        return
    for row in categories.rows:
        name = row.one("fee_category")
        if name:
            mine = [
                each.one("line_amount")
                for each in details.rows
                if (kind := each.one("fee_category")) and kind.text == name.text
            ]
            yield _sums(CATEGORY, mine, [row.one("line_amount")])


def _amounts(rows: Rows) -> list[Fact | None]:
    return [row.one("line_amount") for row in rows.rows]


def _sums(name: str, left: Sequence[Fact | None], right: Sequence[Fact | None]) -> Check:
    both = [*left, *right]
    if not left or not right or any(fact is None or fact.number is None for fact in both):
        return unprinted(name, both)
    return held(name, total(left), total(right), both, true=total(left) == total(right))


def _paid_by(facts: Facts) -> Check:
    fund, gross = facts.one("fund_payment"), facts.one(*TOTALS)
    printed = {
        concept: fact
        for concept in ("self_payment", "self_funded", "account_payment", "cash_payment")
        if (fact := facts.one(concept)) and fact.number is not None
    }
    if not (fund and gross and printed) or fund.number is None or gross.number is None:
        return unprinted(PAID_BY, [fund, gross, *printed.values()])
    ways = [[printed[each] for each in way if each in printed] for way in _OURS]
    sums = [fund.number + total(way) for way in ways if way]
    left = gross.number if gross.number in sums else sums[0]
    facts_used = [fund, *printed.values(), gross]
    return held(PAID_BY, left, gross.number, facts_used, true=gross.number in sums)


def _stay(facts: Facts) -> Iterator[Check]:
    if not (facts.asked("admission_date") and facts.asked("discharge_date")):
        return
    begin, end = facts.one("admission_date"), facts.one("discharge_date")
    if not (begin and end and begin.day and end.day):
        yield unprinted(STAY, [begin, end])
        return
    for fact in facts.all(*_DURING):
        if fact.day:
            inside = begin.day <= fact.day <= end.day
            yield held(
                STAY,
                fact.day,
                _nearer(fact.day, begin.day, end.day),
                [fact, begin, end],
                true=inside,
            )
    stayed = facts.one("hospital_days")
    if stayed and stayed.number is not None:
        days = (end.day - begin.day) // timedelta(days=1)
        # The day of admission counts in some places and not in others.
        right = stayed.number in {Decimal(days), Decimal(days + 1)}
        yield held(DAYS, stayed.number, days, [stayed, begin, end], true=right)


def _nearer(day: date, begin: date, end: date) -> date:
    """The end of the stay that the day is held against."""
    return begin if day < begin else end
