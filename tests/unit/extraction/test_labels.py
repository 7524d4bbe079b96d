"""What fields are called, in eight languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.extraction.labels import concept, printed, understand
from readstone.extraction.labels.lexicon import LANGUAGES, lexicon


@pytest.mark.parametrize(
    ("label", "key", "name"),
    [
        ("Invoice Number", "invoice_no", "invoice_number"),
        ("Invoice number (numéro de facture)", "invoice_no", "invoice_number"),
        ("Purchase order number (N° BC / bon de commande)", "po_number", "order_number"),
        ("Total with tax (TTC)", "total", "total"),
        ("Total without tax (HT)", "total_untaxed", "subtotal"),
        ("Due date, YYYY-MM-DD", "due_date", "due_date"),
        ("Name of the (primary) registrant", "registrant_name", "registrant"),
        ("Company / shop name", "company", "seller"),
        ("发票号码", "", "invoice_number"),
        ("發票號碼", "", "invoice_number"),
        ("住院号", "", "admission_number"),
        ("Rechnungsnummer", "", "invoice_number"),
        ("Date d'échéance", "", "due_date"),
        ("Fecha de vencimiento", "", "due_date"),
        ("Partita IVA", "", "tax_id"),
        ("Data de nascimento", "", "birth_date"),
        ("請求書番号", "", "invoice_number"),
        ("Invoice Numbar", "", "invoice_number"),
        ("lnvoice N0", "", "invoice_number"),
        ("", "invoiceNo", "invoice_number"),
        ("whatever it is", "patient_name", "patient_name"),
    ],
)
def test_a_label_or_else_its_key_says_the_concept(label: str, key: str, name: str) -> None:
    known = understand(label, key)
    assert known is not None
    assert known.name == name


@pytest.mark.parametrize("label", ["", "all text", "the table", "lorem ipsum dolor", "x", "layout"])
def test_what_is_no_known_field_is_none(label: str) -> None:
    assert understand(label) is None


def test_the_amount_of_an_item_is_the_lines_and_elsewhere_the_documents() -> None:
    line, document = understand("Total", column=True), understand("Total")
    assert (line and line.name, document and document.name) == ("line_amount", "total")


def test_a_printed_label_is_known_but_for_what_readers_confuse() -> None:
    assert [each.name for each in printed("lnvoice N0.:")] == ["invoice_number"]
    assert [each.name for each in printed("發票號碼：")] == ["invoice_number"]
    assert {each.name for each in printed("TOTAL")} == {"total", "line_amount"}
    assert printed("Lorem ipsum") == ()


def test_a_concept_has_the_sorts_of_its_values_and_its_names_in_every_language() -> None:
    known = concept("invoice_number")
    assert known is not None
    assert known.kinds == ("identifier",)
    assert {"invoice number", "发票号码", "Rechnungsnummer", "請求書番号"} <= set(
        lexicon().phrases[known.name]
    )
    assert concept("nothing") is None


def test_every_concept_has_a_name_in_english_and_chinese_and_no_language_says_one_twice() -> None:
    assert LANGUAGES[:2] == ("en", "zh")
    without = {name for name in lexicon().concepts if not lexicon().phrases.get(name)}
    assert without == set()
    assert all(len(set(said)) == len(said) for said in lexicon().phrases.values())


@given(st.text(max_size=60), st.text(max_size=20), st.booleans())
def test_no_label_raises(label: str, key: str, column: bool) -> None:  # noqa: FBT001
    understand(label, key, column=column)
    printed(label)
