"""Numbers and money, as printed in every locale."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.extraction.values.amounts import (
    Amount,
    DecimalMark,
    amount,
    amounts,
    decimal_mark_of,
)


def values(text: str) -> list[str]:
    return [str(each.value) for each in amounts(text)]


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("1.234,56 €", "1234.56", "EUR"),
        ("1 234,56", "1234.56", None),
        ("1\u202f234\u202f567,89 EUR", "1234567.89", "EUR"),
        ("RM 12.90", "12.90", "MYR"),
        ("RM9.00", "9.00", "MYR"),
        ("\uffe51,200", "1200", None),
        ("\uffe5\uff11\uff0c\uff12\uff13\uff14\uff0e\uff15\uff10元", "1234.50", "CNY"),
        ("1'234.50", "1234.50", None),
        ("CHF 5.--", "5", "CHF"),
        ("12,34,567.89", "1234567.89", None),
        ("Rs. 500/-", "500", "INR"),
        ("12€50", "12.50", "EUR"),
        ("(12.00)", "-12.00", None),
        ("5,00-", "-5.00", None),
        ("-$12.50", "-12.50", "USD"),
        ("$-12.50", "-12.50", "USD"),
        ("0.125", "0.125", None),
        (".50", "0.50", None),
        ("1.234.567", "1234567", None),
    ],
)
def test_an_amount_is_read_as_its_locale_prints_it(
    text: str, value: str, currency: str | None
) -> None:
    found = amount(text)
    assert found is not None
    assert (str(found.value), found.currency) == (value, currency)


@pytest.mark.parametrize(
    ("text", "value"), [("1O.5O", "10.50"), ("l2.90", "12.90"), ("S5.00", "5.00"), ("1O", "10")]
)
def test_letters_are_digits_only_where_the_rest_is(text: str, value: str) -> None:
    found = amount(text)
    assert found is not None
    assert (str(found.value), found.folded) == (value, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "B2",
        "OO",
        "12/03/2018",
        "12.03.2018",
        "12:30",
        "FA04-2015",
        "2018-03-12",
        "1234.56.78",
        "A4",
        "1" * 16,
    ],
)
def test_what_is_a_part_of_something_else_is_no_amount(text: str) -> None:
    assert values(text) == []


def test_the_numbers_of_a_line_come_from_left_to_right() -> None:
    assert values("2x12.50 at 19 %: 12,50, 13,50") == ["2", "12.50", "19", "12.50", "13.50"]
    assert values("Total:12.00 (1)") == ["12.00", "1"]


@pytest.mark.parametrize(("mark", "value"), [(None, "1234"), (".", "1.234"), (",", "1234")])
def test_the_document_decides_what_one_mark_before_three_digits_is(
    mark: DecimalMark | None, value: str
) -> None:
    found = amount("1.234", mark)
    assert found is not None
    assert (str(found.value), found.ambiguous) == (value, True)


def test_the_decimal_mark_is_known_by_numbers_that_leave_no_doubt() -> None:
    assert decimal_mark_of(["1.234,56", "1.234"]) == ","
    assert decimal_mark_of(["12.50", "1,234.00"]) == "."
    assert decimal_mark_of(["1.234.567"]) == ","
    assert decimal_mark_of(["1.234"]) is None
    assert decimal_mark_of(["12.50", "12,50"]) is None


def test_thousands_by_spaces_are_told_from_two_numbers_by_who_sees_the_gap() -> None:
    assert amounts("2 150,00")[0].spaced


LOCALES = [(",", "."), (".", ","), (" ", ","), ("'", "."), ("\u202f", ","), ("", "."), ("", ",")]


@given(
    st.decimals(min_value=Decimal("0.01"), max_value=Decimal("99999999.99"), places=2),
    st.sampled_from(LOCALES),
    st.sampled_from(["", "€", "RM", "EUR", "$", "\u00a5"]),
    st.booleans(),
)
def test_what_a_locale_writes_is_read_back(
    number: Decimal,
    locale: tuple[str, str],
    mark: str,
    negative: bool,  # noqa: FBT001
) -> None:
    group, point = locale
    written = f"{number:,.2f}".replace(",", "\0").replace(".", point).replace("\0", group)
    text = (
        f"{'-' if negative else ''}{mark} {written}".strip()
        if mark
        else f"{'-' if negative else ''}{written}"
    )
    found = amount(text)
    assert found is not None, text
    assert found.value == (-number if negative else number)


@given(
    st.text(max_size=60) | st.text("0123456789.,-/:'() %OlSB€RM$x", max_size=40),
    st.sampled_from([None, ".", ","]),
)
def test_nothing_raises_and_every_amount_stands_where_it_says(
    text: str, mark: DecimalMark | None
) -> None:
    end = 0
    for each in amounts(text, mark):
        assert isinstance(each, Amount)
        assert end <= each.start < each.end <= len(text)
        assert any(character.isdigit() for character in text[each.start : each.end])
        end = each.end
    decimal_mark_of([text])
