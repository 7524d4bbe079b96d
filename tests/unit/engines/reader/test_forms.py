"""Full-width forms become plain in Latin lines only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.engines.reader.forms import plain_forms
from readstone.engines.reader.recogniser import Character


def read(text: str) -> str:
    characters = tuple(Character(letter, 0.1, 0.2, 0.9) for letter in text)
    return "".join(character.text for character in plain_forms(characters))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("MＥSSＡＧＥ", "MESSAGE"),
        ("ＴＯＴＡＬ：１２．５０", "TOTAL:12.50"),
        ("Größe（ca．）", "Größe(ca.)"),
        ("金额：１２．５０", "金额：１２．５０"),
        ("合計（税込）", "合計（税込）"),
        ("合계！", "合계！"),
        ("Total 5 €", "Total 5 €"),
        ("", ""),
    ],
)
def test_full_width_is_plain_where_nothing_is_east_asian(text: str, plain: str) -> None:
    assert read(text) == plain


@given(st.text(max_size=40))
def test_no_character_is_lost_and_doing_it_twice_changes_nothing(text: str) -> None:
    assert len(read(text)) == len(text)
    assert read(read(text)) == read(text)
