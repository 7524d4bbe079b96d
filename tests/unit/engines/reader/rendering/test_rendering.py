import re
import unicodedata
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.document import Box, Line, Page, Word
from readstone.engines.instruction.rendering import Rendering
from readstone.engines.reader.rendering.book import renderer, separator
from readstone.engines.reader.rendering.monospace import COLUMNS, width
from readstone.engines.reader.tokens import count

RENDERINGS: tuple[Rendering, ...] = ("plain", "layout", "markdown", "markdown-html", "html")
PITCH = 10.0


def line(text: str, left: float, row: int, *, top: float | None = None, height: float = 20) -> Line:
    """A line of words 10 pixels a character, its row 30 pixels below the one before."""
    above = 30.0 * row if top is None else top
    pitch = PITCH * height / 20
    words: list[Word] = []
    x = left
    for word in text.split():
        words.append(Word(word, Box(x, above, x + pitch * len(word), above + height), 1.0))
        x += pitch * (len(word) + 1)
    box = Box(left, above, x - pitch if words else left + 1, above + height)
    corners = (
        (box.left, box.top),
        (box.right, box.top),
        (box.right, box.bottom),
        (box.left, box.bottom),
    )
    return Line(text, corners, box, row, 1.0, tuple(words))


def rendered(rendering: Rendering, lines: list[Line]) -> str:
    page = renderer(rendering, Page(1000, 1000, ()))
    return "".join([*(page.feed(line) for line in lines), page.end()])


def test_plain_gives_each_row_as_a_line() -> None:
    lines = [line("Milk", 0, 0), line("2.50", 300, 0), line("Bread 1.20", 0, 1)]
    assert rendered("plain", lines) == "Milk 2.50\nBread 1.20"


def test_plain_goes_out_line_by_line() -> None:
    page = renderer("plain", Page(1000, 1000, ()))
    assert page.feed(line("Milk", 0, 0)) == "Milk"
    assert page.feed(line("2.50", 300, 0)) == " 2.50"
    assert page.feed(line("Bread", 0, 1)) == "\nBread"
    assert not page.end()


def test_plain_parts_paragraphs_by_a_blank_line() -> None:
    tops = (0, 30, 60, 90, 150, 180)
    lines = [line(f"row {row}", 0, row, top=top) for row, top in enumerate(tops)]
    assert rendered("plain", lines) == "row 0\nrow 1\nrow 2\nrow 3\n\nrow 4\nrow 5"


def test_plain_keeps_widely_spaced_rows_together_once_that_is_usual() -> None:
    lines = [line(f"row {row}", 0, row, top=60.0 * row) for row in range(8)]
    assert rendered("plain", lines).endswith("row 4\nrow 5\nrow 6\nrow 7")


def test_plain_parts_a_new_column_of_text() -> None:
    lines = [line("left", 0, 0), line("below", 0, 1), line("right", 500, 0)]
    assert rendered("plain", lines) == "left\nbelow\n\nright"


def test_layout_keeps_columns_under_each_other() -> None:
    lines = [
        line("Item", 50, 0),
        line("Amount", 350, 0),
        line("Apples", 50, 1),
        line("2.50", 370, 1),
    ]
    assert rendered("layout", lines) == (
        "Item                          Amount\n"
        "Apples                          2.50"
    )  # fmt: skip


def test_layout_sets_figures_by_their_right_end() -> None:
    lines = [line("Tea", 0, 0), line("9.5", 302, 0), line("Milk", 0, 1), line("1,209.5", 260, 1)]
    assert rendered("layout", lines) == (
        "Tea                           9.5\n"
        "Milk                      1,209.5"
    )  # fmt: skip


def test_layout_counts_wide_characters_twice() -> None:
    wide = line("商品", 0, 0)
    wide = Line(wide.text, wide.corners, Box(0, 0, 40, 20), 0, 1.0, ())
    lines = [wide, line("x", 100, 0), line("abcd", 0, 1), line("y", 100, 1)]
    assert rendered("layout", lines) == "商品      x\nabcd      y"


def test_layout_shows_vertical_gaps_by_a_bounded_number_of_blank_lines() -> None:
    lines = [line("a", 0, 0, top=0), line("b", 0, 1, top=30), line("c", 0, 2, top=90)]
    assert rendered("layout", [*lines, line("d", 0, 3, top=900)]) == "a\nb\n\nc\n\n\nd"


def test_layout_never_lets_small_print_run_into_its_neighbour() -> None:
    lines = [
        line("body " * 12, 0, 0),
        line("small print here", 0, 1, height=8),
        line("next", 70, 1),
    ]
    assert rendered("layout", lines).splitlines()[1] == "small print here next"


def test_layout_takes_rows_from_the_top_whatever_the_reading_order() -> None:
    lines = [line("left", 0, 0), line("below", 0, 1), line("right", 500, 0)]
    assert [text.split() for text in rendered("layout", lines).splitlines()] == [
        ["left", "right"],
        ["below"],
    ]


def test_markdown_gives_large_short_rows_as_headings() -> None:
    body = [line("body text of the page", 0, row, top=100 + 30 * row) for row in range(1, 6)]
    assert rendered("markdown", [line("INVOICE", 0, 0, height=42), *body]).startswith("# INVOICE\n")
    assert rendered("markdown", [line("Invoice", 0, 0, height=34), *body]).startswith("## ")
    assert rendered("markdown", [line("12345", 0, 0, height=42), *body]).startswith("12345\n")


def test_markdown_joins_the_lines_of_a_paragraph_and_keeps_its_hyphens() -> None:
    lines = [
        line("The quick brown fox jumps over the la-", 0, 0),
        line("zy dog and then it runs away from us", 0, 1),
        line("for ever.", 0, 2),
    ]
    assert rendered("markdown", lines) == (
        "The quick brown fox jumps over the la- zy dog and then it runs away from us for ever."
    )


def test_markdown_keeps_the_breaks_of_short_lines() -> None:
    lines = [line("Acme Ltd", 0, 0), line("12 High Street", 0, 1), line("London", 0, 2)]
    assert rendered("markdown", lines) == "Acme Ltd  \n12 High Street  \nLondon"


def test_markdown_begins_a_paragraph_at_an_indented_row() -> None:
    lines = [
        line("one two three four five six seven", 0, 0),
        line("eight nine ten eleven twelve and", 0, 1),
        line("thirteen.", 0, 2),
        line("Another paragraph begins in here", 50, 3),
    ]
    assert "thirteen.\n\nAnother" in rendered("markdown", lines)


def test_markdown_joins_unspaced_scripts_without_a_space() -> None:
    text = "这是一个很长的段落它的每一行都写满了文字所以下一行接着这一行说下去"
    lines = [line(text, 0, row) for row in range(2)]
    assert rendered("markdown", lines) == text * 2


def test_markdown_gives_lists_with_their_wrapped_lines() -> None:
    lines = [
        line("• first point", 0, 0),
        line("goes on", 30, 1),
        line("• second point", 0, 2),
        line("3) third", 0, 3),
        line("Not a point", 0, 4),
    ]
    assert rendered("markdown", lines) == (
        "- first point goes on\n- second point\n3) third\n\nNot a point"
    )


def test_markdown_gives_a_table_with_its_pipes_escaped() -> None:
    lines = [
        line("Item", 0, 0),
        line("Price", 300, 0),
        line("a|b", 0, 1),
        line("1.00", 300, 1),
    ]
    assert rendered("markdown", lines) == "| Item | Price |\n| --- | --- |\n| a\\|b | 1.00 |"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# not a heading", "\\# not a heading"),
        ("> not a quote", "\\> not a quote"),
        ("---", "\\---"),
        ("===", "\\==="),
        ("-", "\\-"),
        ("1998.", "1998\\."),
        ("<b>", "\\<b>"),
        ("*not a star*", "\\*not a star*"),
        ("| pipe", "\\| pipe"),
        ("-5 degrees", "-5 degrees"),
        ("3.50 total", "3.50 total"),
    ],
)
def test_markdown_escapes_what_would_be_syntax_at_the_start_of_a_line(
    text: str, expected: str
) -> None:
    assert rendered("markdown", [line(text, 0, 0)]) == expected


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_a_page_without_text_is_empty(rendering: Rendering) -> None:
    assert not rendered(rendering, [])
    assert not rendered(rendering, [line("  ", 0, 0)])


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_a_line_whose_words_differ_from_its_text_is_given_whole(rendering: Rendering) -> None:
    odd = line("one two", 0, 0)
    odd = Line("uno  dos", odd.corners, odd.box, 0, 1.0, odd.words)
    assert bare(rendered(rendering, [odd])) == "uno dos"


def test_pages_are_parted_by_a_form_feed_or_a_rule() -> None:
    assert [separator(rendering) for rendering in RENDERINGS] == [
        "\n\f",
        "\n\f",
        "\n\n---\n\n",
        "\n\n---\n\n",
        "\n<hr>\n",
    ]


TEXTS = st.lists(
    st.text(alphabet="abXY019.,|#*-(漢", min_size=1, max_size=9), min_size=1, max_size=4
).map(" ".join)
NUMBERS = st.floats(min_value=0, max_value=3000)


@st.composite
def pages(draw: st.DrawFn) -> list[Line]:
    drawn = draw(
        st.lists(st.tuples(TEXTS, NUMBERS, st.integers(0, 8), st.sampled_from((6.0, 20.0, 50.0))))
    )
    return [
        line(text, left, row, height=height)
        for text, left, row, height in sorted(drawn, key=lambda item: item[2])
    ]


def bare(text: str) -> str:
    """The text without the elements of HTML; the number of an item stands for its mark."""
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r'<li value="(\d+)">', r"\1 ", text)))


def letters(text: str) -> list[str]:
    """The letters and digits, in any order: what no rendering may add to or take away."""
    return sorted(character for character in text if character.isalnum())


@pytest.mark.parametrize("rendering", RENDERINGS)
@given(lines=pages())
def test_no_rendering_loses_or_invents_text(rendering: Rendering, lines: list[Line]) -> None:
    text = rendered(rendering, lines)
    text = bare(text) if "html" in rendering else text
    assert letters(text) == letters("".join(line.text for line in lines))


@pytest.mark.parametrize("rendering", RENDERINGS)
@given(lines=pages())
def test_a_page_never_begins_or_ends_with_a_newline(
    rendering: Rendering, lines: list[Line]
) -> None:
    text = rendered(rendering, lines)
    assert text == text.strip("\n")


@pytest.mark.parametrize("rendering", RENDERINGS)
@given(lines=pages())
def test_the_same_lines_make_the_same_text(rendering: Rendering, lines: list[Line]) -> None:
    assert rendered(rendering, lines) == rendered(rendering, list(lines))


@pytest.mark.parametrize("rendering", RENDERINGS)
@given(lines=pages())
def test_the_tokens_of_the_pieces_are_the_tokens_of_the_page(
    rendering: Rendering, lines: list[Line]
) -> None:
    page = renderer(rendering, Page(1000, 1000, ()))
    pieces = [*(page.feed(line) for line in lines), page.end()]
    assert sum(map(count, pieces)) == count("".join(pieces))


@given(pages())
def test_plain_keeps_the_order_of_the_words(lines: list[Line]) -> None:
    assert rendered("plain", lines).split() == " ".join(line.text for line in lines).split()


@given(pages())
def test_layout_keeps_every_row_from_left_to_right(lines: list[Line]) -> None:
    output = [text.split() for text in rendered("layout", lines).splitlines() if text]
    by_row: dict[int, list[Word]] = {}
    for found in lines:
        by_row.setdefault(found.row, []).extend(found.words)
    assert [sorted(row) for row in output] == [
        sorted(word.text for word in by_row[row]) for row in sorted(by_row)
    ]


@given(pages())
def test_no_line_of_a_layout_is_wider_than_the_stated_bound(lines: list[Line]) -> None:
    for text in rendered("layout", lines).splitlines():
        assert width(text) <= COLUMNS + sum(width(word) + 2 for word in text.split())


@given(st.text(alphabet="a漢\u0301\uff21", max_size=9))
def test_the_width_of_a_text_counts_columns(text: str) -> None:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    assert width(text) == len(text) + wide - text.count("\u0301")
