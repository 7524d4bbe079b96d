"""Amounts in words are the amounts in figures, in six languages."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.extraction.values.spoken import spoken_amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("One thousand two hundred thirty-four dollars and fifty cents only", "1234.50"),
        ("say: three hundred and six pounds", "306"),
        ("two million and twelve and 07/100 dollars", "2000012.07"),
        ("ninety-nine cents", "0.99"),
        ("eintausendzweihundertvierunddreißig Euro und fünfzig Cent", "1234.50"),
        ("In Worten: einundzwanzig 50/100 EUR", "21.50"),
        ("neunhunderteins", "901"),
        ("mille deux cent trente-quatre euros et cinquante centimes", "1234.50"),
        ("quatre-vingt-dix-sept mille cent six", "97106"),
        ("Arrêtée la présente facture à la somme de soixante et onze euros", "71"),
        ("mil doscientos treinta y cuatro euros con cincuenta céntimos", "1234.50"),
        ("Son: veintiún mil", "21000"),
        ("dos millones quinientos", "2000500"),
        ("milleduecentotrentaquattro/50", None),
        ("milleduecentotrentaquattro euro e cinquanta centesimi", "1234.50"),
        ("centottantuno", "181"),
        ("mil duzentos e trinta e quatro euros e cinquenta cêntimos", "1234.50"),
        ("duzentos reais e cinco centavos", "200.05"),
        ("see above", None),
        ("EUR 12.50", None),
        ("", None),
    ],
)
def test_words_say_an_amount_or_nothing(text: str, amount: str | None) -> None:
    assert spoken_amount(text) == (None if amount is None else Decimal(amount))


@given(st.text(max_size=60) | st.text("aceinortuvz ", max_size=2_000))
def test_any_text_says_an_amount_or_none(text: str) -> None:
    found = spoken_amount(text)
    assert found is None or found >= 0
