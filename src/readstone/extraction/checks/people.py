"""Rules of who a document is about: the same patient everywhere, of the age and sex that the papers say."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from readstone.core.document import Page
from readstone.core.extraction import Check
from readstone.extraction.checks.facts import Fact, Facts
from readstone.extraction.checks.mentions import Mention, mentions
from readstone.extraction.checks.verdict import held, unprinted
from readstone.extraction.values.dates import dates
from readstone.extraction.values.identifiers import born, is_male, resident_id_is_right

AGE: Final = "age = years from birth to the document's date"
BIRTH: Final = "birth date = that of the identity number"
SEX: Final = "sex = that of the identity number"
DOCUMENT_DATES: Final = (
    "visit_date", "admission_date", "collection_date", "report_date", "invoice_date", "date", "discharge_date",
)  # fmt: skip
"""The day that an age is told of, the likeliest first."""

_IDENTITY: Final = (
    ("patient name", ("patient_name", "person_name")),
    ("sex", ("sex",)),
    ("age", ("age",)),
    ("birth date", ("birth_date",)),
    ("identity number", ("id_number",)),
    ("patient number", ("patient_number",)),
    ("medical record number", ("medical_record_number",)),
    ("admission number", ("admission_number",)),
    ("insurance number", ("insurance_number",)),
)
_MALE: Final = frozenset(
    [
        "男",
        "m",
        "male",
        "man",
        "männlich",
        "homme",
        "masculin",
        "hombre",
        "masculino",
        "maschio",
        "男性",
    ]
)
_FEMALE: Final = frozenset(
    [
        "女",
        "f",
        "female",
        "woman",
        "weiblich",
        "femme",
        "féminin",
        "mujer",
        "femenino",
        "femmina",
        "feminino",
        "女性",
    ]
)
_YEARS: Final = re.compile(
    r"([0-9]{1,3})\s*(?:岁|歳|周岁|years?|yrs?|y|jahre?|an(?:s)?|años?|anni|ano(?:s)?)?\s*(?:old)?",
    re.IGNORECASE,
)


def people_checks(facts: Facts, pages: Sequence[Page]) -> Iterator[Check]:
    """Identity by all parts of the schema and all pages that print it beside a label, and age and sex by the papers."""
    for name, concepts in _IDENTITY:
        found = facts.all(*concepts)
        others = _elsewhere(found, mentions(pages, frozenset(concepts))) if found else ()
        if len(found) + len(others) > 1:
            yield _same(f"{name} is the same everywhere", found, others)
    if facts.asked("age") and facts.asked("birth_date", "id_number"):
        yield _age(facts)
    if facts.asked("birth_date") and facts.asked("id_number"):
        yield _birth(facts)
    if facts.asked("sex") and facts.asked("id_number"):
        yield _sex(facts)


def _elsewhere(found: tuple[Fact, ...], others: tuple[Mention, ...]) -> tuple[Mention, ...]:
    """The mentions that are not the very words of a fact."""
    words = {
        (fact.value.evidence.page, word)
        for fact in found
        if fact.value.evidence
        for word in fact.value.evidence.words
    }
    return tuple(
        other
        for other in others
        if words.isdisjoint((other.evidence.page, word) for word in other.evidence.words)
    )


def _same(name: str, found: tuple[Fact, ...], others: tuple[Mention, ...]) -> Check:
    first = found[0]
    said = _comparable(first.concept, first.text, first.day)
    texts = [
        fact.text for fact in found if _comparable(fact.concept, fact.text, fact.day) != said
    ] + [
        other.text
        for other in others
        if _comparable(other.concept, other.text, _day(other)) != said
    ]
    right = texts[0] if texts else first.text
    check = held(name, first.text, right, found, true=not texts)
    return replace(check, evidence=(*check.evidence, *(other.evidence for other in others)))


def _comparable(concept: str, text: str, day: date | None) -> object:
    if concept == "sex":
        return _male(text)
    if concept == "age":
        return _years(text)
    return day or re.sub(r"[\W_]+", "", text).casefold()


def _day(mention: Mention) -> date | None:
    found = dates(mention.text)
    return found[0].value if found else None


def _age(facts: Facts) -> Check:
    age, day = facts.one("age"), facts.one(*DOCUMENT_DATES)
    birth = _birthday(facts)
    years = _years(age.text) if age else None
    if years is None or not (day and day.day and birth):
        return unprinted(AGE, [age, day])
    source, when = birth
    expected = day.day.year - when.year - ((day.day.month, day.day.day) < (when.month, when.day))
    return held(AGE, years, expected, [age, source, day], true=years == expected)


def _birthday(facts: Facts) -> tuple[Fact, date] | None:
    printed = facts.one("birth_date")
    if printed and printed.day:
        return printed, printed.day
    number = facts.one("id_number")
    day = born(number.text) if number and resident_id_is_right(number.text) is not None else None
    return (number, day) if number and day else None


def _birth(facts: Facts) -> Check:
    printed, number = facts.one("birth_date"), facts.one("id_number")
    day = born(number.text) if number and resident_id_is_right(number.text) is not None else None
    if not (printed and printed.day and day):
        return unprinted(BIRTH, [printed, number])
    return held(BIRTH, printed.day, day, [printed, number], true=printed.day == day)


def _sex(facts: Facts) -> Check:
    printed, number = facts.one("sex"), facts.one("id_number")
    male = _male(printed.text) if printed else None
    if not (printed and number) or male is None or resident_id_is_right(number.text) is None:
        return unprinted(SEX, [printed, number])
    said = is_male(number.text)
    return held(SEX, printed.text, "男" if said else "女", [printed, number], true=male == said)


def _male(text: str) -> bool | None:
    said = text.strip().casefold()
    return True if said in _MALE else False if said in _FEMALE else None


def _years(text: str) -> int | None:
    found = _YEARS.fullmatch(text.strip())
    return int(found[1]) if found else None
