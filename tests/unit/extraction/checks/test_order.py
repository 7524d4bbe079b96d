from typing import Any

import pytest

from readstone.extraction.checks.order import CURRENCY, DUPLICATES
from unit.extraction.checks.papers import checked, failed, statuses

DUE = "invoice_date ≤ due_date"


@pytest.mark.parametrize(
    ("due", "status"), [("2024-04-01", "pass"), ("2024-02-01", "fail"), (None, "not_printed")]
)
def test_an_invoice_is_not_due_before_it_is_written(due: str | None, status: str) -> None:
    assert statuses(checked({"invoice_date": "1 March 2024", "due_date": due}))[DUE] == [status]


def test_any_date_stands_for_the_invoices_where_there_is_no_other() -> None:
    assert statuses(checked({"date": "2024-03-01", "due_date": "2024-02-01"}))[DUE] == ["fail"]


def test_an_item_that_is_there_twice_is_told_with_both() -> None:
    coffee = {"name": "Coffee", "amount": "3.00"}

    check = next(
        check
        for check in checked({"items": [coffee, {"name": "Cake", "amount": "3.00"}, coffee]})
        if check.name == DUPLICATES
    )

    assert (check.status, check.left, check.right) == ("fail", 3, 2)
    assert check.paths == (("items", 0, "name"), ("items", 2, "name"))


def test_the_same_thing_at_another_price_is_another_item() -> None:
    items = [{"name": "Coffee", "amount": "3.00"}, {"name": "Coffee", "amount": "3.20"}]

    assert statuses(checked({"items": items}))[DUPLICATES] == ["pass"]


@pytest.mark.parametrize(
    ("paper", "status"),
    [
        ({"subtotal": "EUR 1.00", "total": "1.19 €"}, "pass"),
        ({"subtotal": "EUR 1.00", "total": "$ 1.19"}, "fail"),
        ({"currency": "USD", "total": "1.19 €"}, "fail"),
        ({"currency": "EUR", "total": "1.19"}, "pass"),
        ({"total": "1.19"}, "not_printed"),
    ],
)
def test_a_document_has_one_currency(paper: dict[str, Any], status: str) -> None:
    assert statuses(checked(paper))[CURRENCY] == [status]


def test_nothing_fails_on_an_empty_page() -> None:
    assert not failed(checked(dict.fromkeys(["date", "due_date", "total", "currency", "iban"])))
