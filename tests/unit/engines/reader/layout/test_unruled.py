from readstone.core.document import Box, Rule, Table, Word
from readstone.engines.reader.layout.blocks import matrix
from readstone.engines.reader.layout.columns import Column, columns
from readstone.engines.reader.layout.rows import Cell, Row, around
from readstone.engines.reader.layout.unruled import tables


def cell(text: str, left: float, top: float, pitch: float = 10) -> Cell:
    words: list[Word] = []
    x = left
    for word in text.split():
        words.append(Word(word, Box(x, top, x + pitch * len(word), top + 20), 1.0))
        x += pitch * (len(word) + 1)
    return Cell(text, around(word.box for word in words), tuple(words))


def grid(*lines: dict[int, str], step: float = 30) -> list[Row]:
    """Rows of cells by the pixel they begin at, one row `step` pixels below the other."""
    made: list[Row] = []
    for index, line in enumerate(lines):
        cells = tuple(cell(text, left, index * step) for left, text in line.items())
        made.append(Row(cells, around(cell.box for cell in cells)))
    return made


def only(rows: list[Row], rules: tuple[Rule, ...] = ()) -> Table:
    (found,) = tables(rows, rules)
    return found.table


def texts(rows: list[Row], rules: tuple[Rule, ...] = ()) -> list[tuple[str, ...]]:
    return [tuple(row) for row in matrix(only(rows, rules))]


def test_rows_whose_cells_line_up_are_a_table() -> None:
    rows = grid({0: "Item", 200: "Qty", 300: "Price"}, {0: "Apples", 200: "2", 300: "3.00"})
    assert texts(rows) == [("Item", "Qty", "Price"), ("Apples", "2", "3.00")]
    assert (tables(rows)[0].begin, tables(rows)[0].end) == (0, 2)


def test_one_row_is_no_table() -> None:
    assert tables(grid({0: "Item", 200: "Qty"})) == []


def test_lines_of_text_are_no_table() -> None:
    assert tables(grid({0: "Dear Sir"}, {0: "I write to you"}, {0: "about your bill"})) == []


def test_text_around_a_table_stays_outside() -> None:
    rows = grid(
        {0: "A line of text above, much wider than the columns of the table below it"},
        {0: "Item", 200: "Qty"},
        {0: "Apples", 200: "2"},
        {0: "A line of text below, much wider than the columns of the table above it"},
    )
    assert [(found.begin, found.end) for found in tables(rows)] == [(1, 3)]


def test_an_empty_cell_keeps_its_column() -> None:
    rows = grid({0: "a", 100: "b", 200: "c"}, {0: "1", 200: "3"}, {0: "4", 100: "5", 200: "6"})
    assert texts(rows)[1] == ("1", "", "3")


def test_a_cell_far_below_does_not_continue_a_table() -> None:
    rows = grid({0: "a", 100: "b"}, {0: "1", 100: "2"}, step=200)
    assert tables(rows) == []


def test_the_lines_of_a_wrapped_cell_are_one_text() -> None:
    rows = grid(
        {0: "Name", 300: "Note"},
        {0: "Anna", 300: "Involved during"},
        {300: "the preparation"},
        {0: "Bert", 300: "No part"},
    )
    assert texts(rows)[1:] == [
        ("Anna", "Involved during the preparation"),
        ("Bert", "No part"),
    ]


def test_a_table_written_in_small_letters_keeps_its_rows() -> None:
    rows = grid({0: "fruit", 200: "colour"}, {0: "apple", 200: "green"}, {0: "pear", 200: "yellow"})
    assert len(texts(rows)) == 3


def test_the_heading_of_a_section_stays_in_its_table() -> None:
    rows = grid(
        {0: "Indicator", 200: "Weight"},
        {0: "Staff"},
        {0: "Employed", 200: "40"},
        {0: "Processes"},
        {0: "Dropped", 200: "15"},
    )
    assert [row[0] for row in texts(rows)] == [
        "Indicator",
        "Staff",
        "Employed",
        "Processes",
        "Dropped",
    ]


def test_a_heading_over_two_columns_does_not_join_them() -> None:
    rows = grid(
        {0: "Area", 200: "Coronary disease", 500: "Stroke"},
        {0: "Ohio", 200: "19,820", 300: "154.0", 500: "5,828"},
        {0: "Utah", 200: "1,462", 300: "77.5", 500: "674"},
        {0: "Iowa", 200: "5,469", 300: "141.6", 500: "1,718"},
    )
    assert texts(rows)[0] == ("Area", "Coronary disease", "", "Stroke")
    assert texts(rows)[1] == ("Ohio", "19,820", "154.0", "5,828")


def test_numbers_read_as_one_line_part_where_columns_part() -> None:
    rows = grid(
        {0: "Area", 200: "No.", 300: "Rate"},
        {0: "Ohio", 200: "19,820    154.0".replace("    ", " ")},
        {0: "Utah", 200: "1,462", 300: "77.5"},
        {0: "Iowa", 200: "5,469", 300: "141.6"},
    )
    assert texts(rows)[1] == ("Ohio", "19,820", "154.0")


def test_grouped_digits_and_bracketed_shares_stay_one_value() -> None:
    rows = grid({0: "a", 100: "10 000", 300: "63 (18%)"}, {0: "b", 100: "500 000", 300: "9 (2%)"})
    assert texts(rows)[1] == ("b", "500 000", "9 (2%)")


def test_columns_of_prose_are_no_table() -> None:
    left = "and the people of the town went"
    right = "on to the market by the river"
    assert tables(grid(*({0: left, 400: right} for _ in range(6)))) == []


def test_another_table_below_is_a_table_of_its_own() -> None:
    rows = grid(
        {0: "Number", 200: "FA08/2015/031380"},
        {0: "Client", 200: "CL006 of the company"},
        {0: "Item", 200: "Qty", 260: "Unit", 330: "Each"},
        {0: "Desk", 200: "65", 260: "kg", 330: "4.50"},
        {0: "Chair", 200: "11", 260: "kg", 330: "1.00"},
    )
    assert [(table.begin, table.end) for table in tables(rows)] == [(0, 2), (2, 5)]


def test_columns_are_where_text_stands_in_most_rows() -> None:
    found = columns(grid({0: "aaaa", 100: "bbbb"}, {0: "aa", 120: "bb"}))
    assert [round(column.left) for column in found] == [2, 104]
    assert found[0] == Column(2.0, 36.0)
