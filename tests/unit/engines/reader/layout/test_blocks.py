"""A page's lines and rules become headings, paragraphs, lists, tables and margins."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.document import Block, Box, Corners, Page, Rule, Table, TableCell
from readstone.engines.reader.layout.blocks import blocks, matrix
from readstone.engines.reader.layout.level import levelled, turned
from unit.engines.reader.layout.setting import across, down, frame, page, typed

COLUMNS = (0.0, 200.0, 400.0, 600.0)


def table_of(made: Page) -> Table:
    (block,) = blocks(made)
    assert block.kind == "table"
    assert block.table is not None
    return block.table


def texts(made: Page) -> list[list[str]]:
    return matrix(table_of(made))


def kinds(found: tuple[Block, ...]) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in found]


def test_the_lines_of_a_framed_cell_are_one_text() -> None:
    made = page(
        {10: "Fee", 210: "Fees depend on", 410: "5.00"},
        {210: "the school"},
        {10: "Travel and", 210: "If you live far", 410: "7.00"},
        {10: "more"},
        rules=frame(COLUMNS, (0, 70, 140)),
    )
    assert texts(made) == [
        ["Fee", "Fees depend on the school", "5.00"],
        ["Travel and more", "If you live far", "7.00"],
    ]


def test_a_heading_over_framed_columns_spans_them() -> None:
    rules = (*frame(COLUMNS, (40, 70, 100)), across(5, 0, 600), down(0, 5, 40), down(200, 5, 40))
    made = page(
        {260: "Threshold"}, {210: "Air", 410: "Water"}, {10: "Lead", 210: "1", 410: "2"},
        rules=(*rules, down(600, 5, 40)),
    )  # fmt: skip
    assert TableCell(0, 1, "Threshold", 1, 2) in table_of(made).cells


def test_a_bar_of_colour_without_walls_is_parted_by_its_text() -> None:
    rules = [rule for rule in frame(COLUMNS, (5, 35, 65, 95)) if rule.y == rule.end_y]
    walls = (down(0, 5, 95), down(600, 5, 95), down(200, 35, 95), down(400, 35, 95))
    made = page(
        {10: "Item", 210: "Count", 410: "Price"},
        {10: "Tea", 210: "2", 410: "5.00"},
        {10: "Milk", 210: "1", 410: "3.75"},
        rules=(*rules, *walls),
    )
    assert texts(made)[0] == ["Item", "Count", "Price"]


def test_records_without_rules_between_them_are_rows() -> None:
    made = page(
        {10: "Item", 210: "Count", 410: "Price"},
        {10: "Green tea", 210: "2", 410: "5.00"},
        {10: "from Uji"},
        {10: "Milk", 210: "1", 410: "3.75"},
        rules=frame(COLUMNS, (5, 35, 130)),
    )
    assert texts(made) == [
        ["Item", "Count", "Price"],
        ["Green tea from Uji", "2", "5.00"],
        ["Milk", "1", "3.75"],
    ]


def test_a_row_that_stands_open_under_a_grid_belongs_to_it() -> None:
    made = page(
        {10: "Tea", 210: "2", 410: "5.00"},
        {10: "Milk", 210: "1", 410: "3.75"},
        {10: "Total", 210: "3", 410: "8.75"},
        rules=frame(COLUMNS, (5, 35, 65)),
    )
    assert texts(made)[2] == ["Total", "3", "8.75"]


def test_a_form_in_a_grid_is_no_cell_of_it() -> None:
    made = page(
        {10: "Seller:", 150: "Acme", 310: "Number:", 500: "17"},
        {10: "Street:", 150: "High St", 310: "Date:", 500: "1 May"},
        {10: "Town:", 150: "London", 310: "Terms:", 500: "30 days"},
        {10: "Tea", 210: "2", 410: "5.00"},
        {10: "Milk", 210: "1", 410: "3.75"},
        rules=(
            *frame(COLUMNS, (95, 125, 155)),
            across(5, 0, 600),
            down(0, 5, 95),
            down(600, 5, 95),
        ),
    )
    found = [block.table for block in blocks(made) if block.table is not None]
    assert [matrix(table)[0][0] for table in found] == ["Seller:", "Tea"]
    assert matrix(found[1]) == [["Tea", "2", "5.00"], ["Milk", "1", "3.75"]]


def test_text_across_many_walls_shows_that_rules_are_a_drawing() -> None:
    made = page(
        {10: "These words run through all of the lines", 460: "that were drawn here"},
        {10: "and so do these ones below them, you see", 460: "which is no table"},
        rules=frame((0.0, 130.0, 250.0, 370.0, 520.0, 700.0), (5, 35, 65)),
    )
    assert all(block.kind != "table" or block.table is not None for block in blocks(made))
    assert "through all" in " ".join(block.text for block in blocks(made))


def test_a_rule_under_a_heading_says_which_columns_it_is_of() -> None:
    made = page(
        {300: "Women", 660: "Men"},
        {10: "Age", 200: "No.", 400: "Rate", 600: "No.", 750: "Rate"},
        {10: "45", 200: "345", 400: "15.5", 600: "663", 750: "28.7"},
        {10: "55", 200: "806", 400: "60.9", 600: "273", 750: "81.6"},
        rules=(across(33, 190, 460), across(33, 590, 800)),
    )
    cells = table_of(made).cells
    assert TableCell(0, 1, "Women", 1, 2) in cells
    assert TableCell(0, 3, "Men", 1, 2) in cells


def test_lines_of_a_head_that_name_the_same_columns_are_one() -> None:
    made = page(
        {300: "Number", 500: "Percent"},
        {10: "Format", 300: "of items", 500: "of items"},
        {10: "Choice", 300: "74", 500: "55"},
        {10: "Answer", 300: "61", 500: "45"},
        rules=(across(66, 0, 600),),
    )
    assert texts(made)[0] == ["Format", "Number of items", "Percent of items"]


def test_a_dash_alone_in_a_cell_is_no_chinese_number() -> None:
    rows: list[dict[float, str]] = [
        {0: "2001", 200: "3,440", 400: "一"},
        {0: "2002", 200: "一", 400: "7"},
    ]
    assert texts(page(*rows)) == [["2001", "3,440", "\u2014"], ["2002", "\u2014", "7"]]
    assert texts(page(*rows, {0: "二千", 200: "三", 400: "四"}))[0][2] == "一"


def test_labels_and_values_are_pairs() -> None:
    made = page({10: "Number:", 300: "A-17"}, {10: "Date:", 300: "1 May 2026"})
    assert kinds(blocks(made)) == [("key_values", "Number: A-17\nDate: 1 May 2026")]


def test_a_numbered_title_and_a_caption_are_told_from_text() -> None:
    body = [f"line number {number} of the text that stands on this page" for number in range(4)]
    rows: list[dict[float, str]] = [{0: "3.1 Definitions"}, {}, *({0: text} for text in body), {}]
    found = blocks(page(*rows, {0: "Figure 2: What was seen"}))
    assert [block.kind for block in found] == ["heading", "text", "caption"]
    assert found[0].level == 2


def test_the_rows_of_a_large_title_are_one_heading() -> None:
    lines = [typed("body text of the page", 0, 200 + 30 * n, row=n + 2) for n in range(6)]
    title = [typed("A LONG", 0, 10, row=0, height=42), typed("TITLE", 0, 70, row=1, height=42)]
    found = blocks(Page(1000, 1400, (*title, *lines)))
    assert kinds(found)[0] == ("heading", "A LONG TITLE")


def test_a_header_and_a_pages_number_stand_apart() -> None:
    body: list[dict[float, str]] = [
        {0: "and the text of the page goes on and on"} for _ in range(40)
    ]
    made = page({0: "Annual Report 2026"}, {}, {}, *body, {}, {480: "17"})
    found = blocks(replace(made, height=1390))
    assert kinds(found)[0] == ("header", "Annual Report 2026")
    assert kinds(found)[-1] == ("page_number", "17")


def test_the_title_of_a_receipt_is_no_header() -> None:
    body: list[dict[float, str]] = [{0: "Tea and more of it"} for _ in range(40)]
    made = page({0: "CORNER SHOP"}, {}, {}, *body)
    assert blocks(replace(made, width=400))[0].kind == "text"


@pytest.mark.parametrize("tilt", [-0.08, 0.02, 0.08])
def test_a_tilted_page_has_the_tables_of_a_level_one(tilt: float) -> None:
    made = page(
        {10: "Fee", 210: "Fees will depend on the school", 610: "5.00"},
        {210: "that you are going to attend"},
        {10: "Travel", 210: "If you live very far from it", 610: "7.00"},
        rules=frame((0.0, 200.0, 600.0, 800.0), (0, 70, 100)),
    )
    assert texts(_tilted(made, tilt)) == texts(made)


def _tilted(made: Page, tilt: float) -> Page:
    lines = tuple(
        replace(
            line,
            corners=_corners(line.box, tilt),
            box=_around(line.box, tilt),
            words=tuple(replace(word, box=_around(word.box, tilt)) for word in line.words),
        )
        for line in made.lines
    )
    rules = (
        Rule(*turned((rule.x, rule.y), -tilt), *turned((rule.end_x, rule.end_y), -tilt))
        for rule in made.rules
    )
    return replace(made, lines=lines, rules=tuple(rules))


def _corners(box: Box, tilt: float) -> Corners:
    return (
        turned((box.left, box.top), -tilt),
        turned((box.right, box.top), -tilt),
        turned((box.right, box.bottom), -tilt),
        turned((box.left, box.bottom), -tilt),
    )


def _around(box: Box, tilt: float) -> Box:
    xs, ys = zip(*_corners(box, tilt), strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def test_levelling_gives_boxes_as_they_are_on_a_level_page() -> None:
    made = page({0: "a line that is long enough to tell how the page is tilted"})
    level = levelled(_tilted(made, 0.1).lines, ())
    (line,) = level.lines
    for word, expected in zip(line.words, made.lines[0].words, strict=True):
        assert _sides(word.box) == pytest.approx(_sides(expected.box), abs=0.01)
    assert level.slope == pytest.approx(0.1)


def test_the_boxes_of_blocks_are_on_the_page_as_it_was_read() -> None:
    made = page({0: "a line that is long enough to tell how the page is tilted"})
    (block,) = blocks(_tilted(made, 0.1))
    (line,) = _tilted(made, 0.1).lines
    assert _sides(block.box) == pytest.approx(_sides(line.box), abs=0.01)


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


WORDS = st.text(alphabet="abXY01.:", min_size=1, max_size=9)


def _page(rows: list[dict[float, str]], xs: set[float], ys: set[float]) -> Page:
    rules = frame(tuple(sorted(xs)), tuple(sorted(ys))) if xs and ys else ()
    return page(*rows, rules=rules)


def _places(most: int, step: float) -> st.SearchStrategy[float]:
    return st.integers(0, most).map(lambda place: step * place)


PAGES = st.builds(
    _page,
    st.lists(st.dictionaries(_places(9, 100), WORDS), max_size=12),
    st.sets(_places(9, 100), max_size=5),
    st.sets(_places(12, 30), max_size=6),
)


@given(PAGES)
def test_every_word_is_in_one_block_whatever_rules_are_drawn(made: Page) -> None:
    found = "".join(block.text for block in blocks(made))
    expected = "".join(line.text for line in made.lines)
    assert sorted(found.replace("\t", "").replace("\n", "").replace(" ", "")) == sorted(expected)


@given(PAGES)
def test_the_cells_of_a_table_never_overlap(made: Page) -> None:
    for block in blocks(made):
        if block.table is None:
            continue
        places = [
            (row, column)
            for cell in block.table.cells
            for row in range(cell.row, cell.row + cell.rows)
            for column in range(cell.column, cell.column + cell.columns)
        ]
        assert len(places) == len(set(places))
        assert all(
            row < block.table.rows and column < block.table.columns for row, column in places
        )
