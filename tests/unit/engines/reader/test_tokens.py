import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.engines.reader.tokens import count, cut, image_tokens

TEXTS = st.text(
    alphabet=st.one_of(
        st.characters(), st.sampled_from("aZ9é .,|_-\n\r\t\u3000\u0e01あ漢한ｱß\U00020000")
    ),
    max_size=80,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("   \t ", 0),
        ("a", 1),
        ("word", 1),
        ("words", 2),
        ("invoice", 2),
        ("two words", 3),
        ("  Total  ", 2),
        ("12345678", 2),
        ("1,234.50", 5),
        ("a_b", 3),
        ("\n", 1),
        ("\r\n", 1),
        ("\n\n", 2),
        ("漢字", 2),
        ("カタカナ", 4),
        ("ひらがな", 4),
        ("한국어", 3),
        ("ภาษาไทย", 7),
        ("價格abcde", 4),
        ("Größe", 2),
        ("Привет", 2),
        ("€", 1),
        ("...", 3),
        ("a\u3000b", 2),
    ],
)
def test_a_text_is_worth_its_pieces(text: str, tokens: int) -> None:
    assert count(text) == tokens


@given(TEXTS, TEXTS)
def test_a_newline_is_one_token_and_parts_its_neighbours(first: str, second: str) -> None:
    assert count(f"{first}\n{second}") == count(first) + 1 + count(second)


@given(TEXTS, TEXTS)
def test_a_space_is_free_and_parts_its_neighbours(first: str, second: str) -> None:
    assert count(f"{first} {second}") == count(first) + count(second)


@given(TEXTS)
def test_a_cut_at_the_whole_count_is_the_whole_text(text: str) -> None:
    assert cut(text, count(text)) == text


@given(TEXTS, st.integers(min_value=-2, max_value=100))
def test_a_cut_is_a_prefix_worth_what_was_asked(text: str, tokens: int) -> None:
    prefix = cut(text, tokens)
    assert text.startswith(prefix)
    assert count(prefix) == max(0, min(tokens, count(text)))


@given(TEXTS, st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=60))
def test_more_tokens_never_make_a_shorter_cut(text: str, first: int, second: int) -> None:
    few, many = sorted((first, second))
    assert len(cut(text, few)) <= len(cut(text, many))


@given(TEXTS, st.integers(min_value=0, max_value=60))
def test_a_cut_of_a_cut_changes_nothing(text: str, tokens: int) -> None:
    assert cut(cut(text, tokens), tokens) == cut(text, tokens)


def test_a_cut_ends_with_a_piece() -> None:
    assert cut("Total  due: 12", 2) == "Total"
    assert cut("Total  due: 12", 3) == "Total  due"
    assert cut("Total  due: 12", 1) == "Tota"
    assert cut("Total ", 2) == "Total "


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(1, 1, 1), (28, 28, 1), (29, 28, 2), (28, 29, 2), (1280, 720, 46 * 26), (1654, 2339, 60 * 84)],
)
def test_an_image_is_worth_its_tiles(width: int, height: int, tokens: int) -> None:
    assert image_tokens(width, height) == tokens
