"""Values of every kind are found by their label and their shape, and said as they are printed."""

import pytest

from readstone.core.extraction import Field, ListOf
from unit.extraction.printing import listed, page, read, rows, schema

LETTERHEAD = listed(
    "Muster GmbH",
    "USt-IdNr.: DE 136 695 976",
    "Tel.: +49 (0)30 1234-567",
    "E-Mail: info@muster-handel.de",
    "Web: www.muster-handel.de/kontakt",
    "IBAN: DE89 3704 0044 0532 0130 00 BIC: COBADEFFXXX",
    "VAT rate: 19 %",
    "Collected at 14:35",
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field("VAT number of the seller"), "DE 136 695 976"),
        (Field("Phone"), "+49 (0)30 1234-567"),
        (Field("E-mail"), "info@muster-handel.de"),
        (Field("Website"), "www.muster-handel.de/kontakt"),
        (Field("IBAN"), "DE89 3704 0044 0532 0130 00"),
        (Field("BIC"), "COBADEFFXXX"),
        (Field("Tax rate"), "19 %"),
        (Field("Tax rate", "number"), 19),
    ],
)
def test_a_value_of_a_shape_is_found_whole_by_its_label(field: Field, value: object) -> None:
    assert read(LETTERHEAD, schema(("it", field))).content == {"it": value}


@pytest.mark.parametrize(
    ("label", "text", "value"),
    [
        ("E-mail", "Write to shop@acme.example today", "shop@acme.example"),
        ("IBAN", "Pay NL91 ABNA 0417 1643 00 please", "NL91 ABNA 0417 1643 00"),
        ("VAT number", "We are ATU13585627", "ATU13585627"),
        ("Phone", "Call (030) 901820 now", "(030) 901820"),
    ],
)
def test_the_only_one_of_its_shape_needs_no_label(label: str, text: str, value: str) -> None:
    assert read(listed(text), schema(("it", Field(label)))).content == {"it": value}


def test_two_without_a_label_are_not_chosen_from() -> None:
    printed = listed("one@acme.example", "two@acme.example")
    assert read(printed, schema(("it", Field("E-mail")))).content == {"it": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Smoker: yes", True),
        ("Smoker: No", False),
        ("Smoker Ja", True),
        ("Smoker ☑", True),
        ("Smoker [ ]", None),
        ("[x] Smoker", True),
        ("☐ Smoker", False),
        ("Smoker No. 5", None),
        ("Smoker: 12.50", None),
    ],
)
def test_a_boolean_is_what_is_said_or_ticked(text: str, value: object) -> None:
    assert read(listed(text), schema(("smoker", Field("Smoker", "boolean")))).content == {
        "smoker": value
    }


PAID = Field("Paid by", "choice", ("cash", "credit card"))


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (["Paid by: CREDIT CARD"], "credit card"),
        (["We accept no cash", "Paid by: Credit card"], "credit card"),
        (["Thank you", "Cash 12.00"], "cash"),
        (["[ ] cash", "[x] credit card"], "credit card"),
        (["Paid by: cheque"], None),
        (["cash or credit card"], None),
    ],
)
def test_a_choice_is_the_one_that_is_printed(lines: list[str], value: object) -> None:
    found = read(listed(*lines), schema(("paid", PAID)))
    assert found.content == {"paid": value}


@pytest.mark.parametrize(
    ("item", "printed", "values"),
    [
        (Field("E-mail addresses"), ["a@x.example", "mail b@x.example now"], ["a@x.example", "b@x.example"]),
        (Field("Dates", "date"), ["2024-01-05 to 2024-02-06"], ["2024-01-05", "2024-02-06"]),
        (Field("Diagnosis"), ["Diagnosis: Asthma, Hay fever"], ["Asthma", "Hay fever"]),
        (Field("Allergies"), ["Allergies:"], []),
        (PAID, ["[x] cash [x] credit card"], ["cash", "credit card"]),
    ],
)  # fmt: skip
def test_a_list_of_single_values_holds_each_once(
    item: Field, printed: list[str], values: list[str]
) -> None:
    assert read(listed(*printed), schema(("all", ListOf(item)))).content == {"all": values}


def test_a_list_goes_on_under_its_label() -> None:
    printed = page(("Diagnosis: Asthma", 50, 40), ("Hay fever", 168, 64), ("Doctor: Who", 50, 120))
    asked = schema(("all", ListOf(Field("Diagnosis"))))
    assert read(printed, asked).content == {"all": ["Asthma", "Hay fever"]}


REPORT = page(
    ("Test", 50, 100),
    ("Result", 350, 100),
    ("Unit", 500, 100),
    ("Reference range", 650, 100),
    ("Haemoglobin", 50, 140),
    ("12.1", 350, 140),
    ("g/dL", 500, 140),
    ("13.0-17.0", 650, 140),
    ("Leucocytes", 50, 180),
    ("6.4", 350, 180),
    ("10^9/L", 500, 180),
    ("4.0-10.0", 650, 180),
    ("Urine glucose", 50, 220),
    ("negative", 350, 220),
    ("negative", 650, 220),
    ("Reported by Dr. Who", 50, 400),
)


def test_a_table_without_prices_is_read_by_its_columns() -> None:
    asked = rows(
        ("test", Field("Test item")),
        ("result", Field("Result")),
        ("unit", Field("Unit")),
        ("range", Field("Reference range")),
    )
    assert read(REPORT, schema(("results", asked))).content == {
        "results": [
            {"test": "Haemoglobin", "result": "12.1", "unit": "g/dL", "range": "13.0-17.0"},
            {"test": "Leucocytes", "result": "6.4", "unit": "10^9/L", "range": "4.0-10.0"},
            {"test": "Urine glucose", "result": "negative", "unit": None, "range": "negative"},
        ]
    }


def test_columns_of_text_beside_prices_are_read_too() -> None:
    printed = page(
        ("Code", 50, 100), ("Description", 200, 100), ("Unit", 480, 100), ("Qty", 560, 100), ("Amount", 800, 100),
        ("A-17", 50, 140), ("Hammer", 200, 140), ("pcs", 480, 140), ("2", 570, 140), ("20.00", 800, 140),
        ("B-4", 50, 180), ("Long saw", 200, 180), ("box", 480, 180), ("3", 570, 180), ("45.00", 800, 180),
    )  # fmt: skip
    asked = rows(
        ("code", Field("Item code")), ("unit", Field("Unit")), ("amount", Field("Amount", "number"))
    )
    assert read(printed, schema(("items", asked))).content == {
        "items": [
            {"code": "A-17", "unit": "pcs", "amount": 20},
            {"code": "B-4", "unit": "box", "amount": 45},
        ]
    }


def test_single_values_may_be_a_column() -> None:
    asked = schema(("all", ListOf(Field("Reference range"))))
    assert read(REPORT, asked).content == {"all": ["13.0-17.0", "4.0-10.0", "negative"]}
