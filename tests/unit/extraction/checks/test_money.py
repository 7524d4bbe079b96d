from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.extraction.checks.money import CHANGE, GROSS, PRODUCT, SUM, TAX
from unit.extraction.checks.papers import checked, failed, statuses
from unit.extraction.llm.scripted import page

CENTS = st.integers(100, 99_999).map(lambda cents: Decimal(cents) / 100)
ITEMS = st.lists(
    st.tuples(st.integers(1, 20), CENTS), min_size=1, max_size=6, unique_by=lambda item: item[1]
)
ALL = {SUM, PRODUCT, GROSS, TAX, CHANGE}


def invoice(items: list[tuple[int, Decimal]], rate: int) -> dict[str, Any]:
    net = sum((quantity * price for quantity, price in items), Decimal(0))
    tax = (net * rate / 100).quantize(Decimal("0.01"))
    return {
        "items": [
            {
                "description": f"thing {number}",
                "quantity": str(quantity),
                "unit_price": f"{price:.2f}",
                "amount": f"{quantity * price:.2f}",
            }
            for number, (quantity, price) in enumerate(items)
        ],
        "subtotal": f"{net:.2f}",
        "tax_rate": f"{rate}%",
        "tax": f"{tax:.2f}",
        "total": f"EUR {net + tax:.2f}",
        "paid": f"{net + tax + 5:.2f}",
        "change": "5.00",
    }


def changed(text: str) -> str:
    """The text with its first digit of another value: more than any rounding."""
    place = next(place for place, character in enumerate(text) if character.isdigit())
    return f"{text[:place]}{(int(text[place]) + 1) % 10 or 1}{text[place + 1 :]}"


@given(ITEMS, st.sampled_from([6, 7, 19, 20]))
def test_a_consistent_invoice_passes_every_rule(
    items: list[tuple[int, Decimal]], rate: int
) -> None:
    checks = checked(invoice(items, rate))

    assert not failed(checks)
    assert {name for name, all_ in statuses(checks).items() if all_[0] == "pass"} >= ALL


@given(
    items=ITEMS,
    where=st.sampled_from(["amount", "unit_price", "subtotal", "tax", "total", "paid", "tax_rate"]),
)
def test_one_other_digit_fails_the_rules_it_is_in(
    items: list[tuple[int, Decimal]], where: str
) -> None:
    paper: Any = deepcopy(invoice(items, 19))
    place = paper["items"][0] if where in {"amount", "unit_price"} else paper
    place[where] = changed(place[where])
    rules = {
        "amount": {SUM, PRODUCT},
        "unit_price": {PRODUCT},
        "subtotal": {GROSS, TAX},
        "tax": {GROSS, TAX},
        "total": {GROSS, CHANGE},
        "paid": {CHANGE},
        "tax_rate": {TAX},
    }[where]

    assert failed(checked(paper)) >= rules
    assert failed(checked(paper)) <= rules | ({SUM} if where in {"subtotal", "total"} else set())


@given(items=ITEMS, keys=st.sets(st.sampled_from(["subtotal", "tax", "total", "paid", "change"])))
def test_nothing_is_said_of_what_is_not_printed(
    items: list[tuple[int, Decimal]], keys: set[str]
) -> None:
    paper = {**invoice(items, 19), **dict.fromkeys(keys)}

    checks = checked(paper)

    assert not failed(checks)
    for name, needs in {
        GROSS: {"subtotal", "tax", "total"},
        CHANGE: {"paid", "change", "total"},
    }.items():
        (status,) = statuses(checks)[name]
        assert (status == "not_printed") == bool(needs & keys)


def test_a_rule_is_held_only_where_the_schema_has_its_fields() -> None:
    assert not {GROSS, CHANGE, SUM, TAX, PRODUCT} & statuses(checked({"total": "7.20"})).keys()


def test_both_sides_and_their_words_are_told() -> None:
    paper = {
        "items": [{"name": "a", "amount": "3.00"}, {"name": "b", "amount": "4.30"}],
        "total": "7.20",
    }

    check = next(check for check in checked(paper) if check.name == SUM)

    assert (check.status, check.left, check.right) == ("fail", 7.3, 7.2)
    assert check.paths == (("items", 0, "amount"), ("items", 1, "amount"), ("total",))
    assert [evidence.text for evidence in check.evidence] == ["3.00", "4.30", "7.20"]


@pytest.mark.parametrize(
    "paper",
    [
        {"明细": [{"名称": "甲", "数量": "2", "单价": "1.50", "金额": "3.00"}], "合计": "¥3.00"},
        {"lines": [{"product": "a", "qty": "2", "unitPrice": "1.50", "lineTotal": "3.00"}], "grandTotal": "3.00"},
        {"lignes": [{"désignation": "a", "quantité": "2", "prix unitaire": "1,50", "montant": "3,00"}], "total": "3,00"},
        {"Positionen": [{"Bezeichnung": "a", "Menge": "2", "Einzelpreis": "1,50", "Betrag": "3,00"}], "Gesamtbetrag": "3,00"},
    ],
    ids=["zh", "en", "fr", "de"],
)  # fmt: skip
def test_the_clients_own_names_are_understood(paper: dict[str, Any]) -> None:
    found = statuses(checked(paper))

    assert found[PRODUCT] == ["pass"]
    assert found[SUM] == ["pass"]


@pytest.mark.parametrize(
    ("paper", "rule"),
    [
        ({"items": [{"name": "a", "amount": "3.00"}], "shipping": "1.00", "total": "4.00"}, SUM),
        ({"items": [{"name": "a", "amount": "3.00"}], "discount": "1.00", "total": "2.00"}, SUM),
        ({"subtotal": "10.00", "tax": "0.60", "rounding": "-0.01", "total": "10.59"}, GROSS),
        ({"subtotal": "10.00", "discount": "1.00", "tax": "0.54", "total": "9.54"}, GROSS),
        ({"items": [{"name": "a", "quantity": "0.352", "unit_price": "9.99", "amount": "3.52"}]}, PRODUCT),
        ({"items": [{"name": "a", "quantity": "2", "unit_price": "5.00", "discount": "10%", "amount": "9.00"}]}, PRODUCT),
        ({"items": [{"name": "a", "quantity": "2", "unit_price": "5.00", "tax_rate": "20%", "amount": "12.00"}]}, PRODUCT),
        ({"paid": "20.00", "change": "-12.80", "total": "7.20"}, CHANGE),
    ],
)  # fmt: skip
def test_what_stands_between_the_sides_is_counted(paper: dict[str, Any], rule: str) -> None:
    assert statuses(checked(paper))[rule] == ["pass"]


@pytest.mark.parametrize(
    ("line", "status"), [("Discount: -1.00", "pass"), ("Points: 1.00", "fail")]
)
def test_what_is_printed_between_items_and_total_counts_though_the_schema_does_not_ask(
    line: str, status: str
) -> None:
    paper = {"items": [{"name": "a", "amount": "3.00"}], "total": "2.00"}

    assert statuses(checked(paper, pages=[page("a 3.00", line, "Total 2.00")]))[SUM] == [status]


def test_numbers_of_typed_fields_are_held_too() -> None:
    assert statuses(checked({"paid": 20, "change": 12.8, "total": 7.2}))[CHANGE] == ["pass"]
