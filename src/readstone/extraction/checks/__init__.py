"""Rules that what is printed on a document is held against: sums, dates, digits, people."""

from collections.abc import Sequence

from readstone.core.document import Page
from readstone.core.extraction import Check, Scene, Schema, Value
from readstone.extraction.checks.digits import digit_checks
from readstone.extraction.checks.facts import facts_of
from readstone.extraction.checks.money import money_checks
from readstone.extraction.checks.order import order_checks
from readstone.extraction.checks.people import people_checks
from readstone.extraction.checks.results import result_checks
from readstone.extraction.checks.statement import statement_checks, words_checks


def run_checks(
    scene: Scene, schema: Schema, values: Sequence[Value], pages: Sequence[Page]
) -> tuple[Check, ...]:
    """What came of each rule of the scene for whose sides the schema has fields, whatever the client calls them.

    pass or fail only where all sides are printed and were found with their words; else not_printed, and nothing is
    said. The scene `medical` has the rules of `general` and more.
    """
    facts = facts_of(schema, values, pages)
    general = (
        *money_checks(facts),
        *order_checks(facts),
        *digit_checks(facts),
        *words_checks(facts),
    )
    if scene == "general":
        return general
    return (*general, *people_checks(facts, pages), *statement_checks(facts), *result_checks(facts))
