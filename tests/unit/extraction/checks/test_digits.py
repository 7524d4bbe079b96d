import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.extraction.checks.digits import IBAN, RESIDENT_ID, TAX_ID
from readstone.extraction.values.identifiers import (
    iban_is_right,
    ibans,
    resident_id_is_right,
    tax_id_is_right,
    tax_ids,
)
from unit.extraction.checks.papers import checked, statuses

IBANS = [
    "DE89 3704 0044 0532 0130 00",
    "GB82 WEST 1234 5698 7654 32",
    "FR14 2004 1010 0505 0001 3M02 606",
]
TAX_IDS = ["DE136695976", "FR 40 303 265 045", "IT 00743110157", "91110108551385082Q"]
OTHERS = [
    "ATU10990695", "BE 0815.712.491", "CHE-107.787.577 MWST", "DK84709301", "ESB38405551", "FI70220711", "GB150307018",
    "LU91534973", "NL696457908B01", "PL3488645530", "PT383214742", "SE871667430701",
]  # fmt: skip
"""Made up, and held to be right by python-stdnum 2."""
RESIDENT = "11010519491231002X"


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_is_held_against_its_check_digits(iban: str) -> None:
    assert iban_is_right(iban)
    assert not iban_is_right(
        iban.replace("0", "9", 1) if "0" in iban else iban.replace("1", "2", 1)
    )


@pytest.mark.parametrize("text", TAX_IDS + OTHERS)
def test_a_tax_identifier_is_held_against_its_check_digit(text: str) -> None:
    assert tax_id_is_right(text)


@given(st.sampled_from(TAX_IDS), st.integers(0, 40), st.integers(1, 9))
def test_one_other_digit_is_no_tax_identifier(text: str, place: int, more: int) -> None:
    places = [at for at, character in enumerate(text) if character.isdigit()]
    at = places[place % len(places)]
    other = f"{text[:at]}{(int(text[at]) + more) % 10}{text[at + 1 :]}"

    assert not tax_id_is_right(other)


@pytest.mark.parametrize("text", [text for text in OTHERS if not text.startswith("NL")])
def test_its_last_digit_is_no_other(text: str) -> None:
    at = max(place for place, character in enumerate(text) if character.isdigit())
    others = (f"{text[:at]}{digit}{text[at + 1 :]}" for digit in range(10))
    assert [other for other in others if tax_id_is_right(other)] == [text]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("IBAN: DE89 3704 0044 0532 0130 00 BIC COBADEFFXXX", ["DE89 3704 0044 0532 0130 00"]),
        ("NL91ABNA0417164300", ["NL91ABNA0417164300"]),
        ("DE89 3704 0044 0532 0130 001", []),
        ("DE12 of 40", []),
        ("XX89 3704 0044 0532 0130 00", []),
    ],
)
def test_an_iban_ends_where_its_country_says(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in ibans(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("USt-IdNr. DE 136 695 976, St.-Nr. 143/156/20190", ["DE 136 695 976", "143/156/20190"]),
        ("MWST CHE-107.787.577 MWST", ["CHE-107.787.577 MWST"]),
        ("NIF ESB38405551", ["ESB38405551"]),
        ("12/05/2024", []),
        ("Rechnung 2024 aus DE", []),
    ],
)
def test_a_tax_identifier_is_found_whole(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in tax_ids(text)] == found


@given(st.integers(0, 16), st.integers(1, 9))
def test_one_other_digit_is_no_resident_identity_number(at: int, more: int) -> None:
    assert resident_id_is_right(RESIDENT)
    other = f"{RESIDENT[:at]}{(int(RESIDENT[at]) + more) % 10}{RESIDENT[at + 1 :]}"

    assert not resident_id_is_right(other)


def test_of_numbers_without_a_known_check_digit_nothing_is_said() -> None:
    found = statuses(checked({"iban": "see below", "tax_id": "12-3456789", "id_number": "A123456"}))

    assert not {IBAN, TAX_ID, RESIDENT_ID} & found.keys()


def test_a_number_that_is_not_printed_is_told_so() -> None:
    assert statuses(checked({"iban": None}))[IBAN] == ["not_printed"]


def test_a_wrong_number_fails() -> None:
    assert statuses(checked({"iban": "DE89 3704 0044 0532 0130 01"}))[IBAN] == ["fail"]
