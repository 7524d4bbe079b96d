"""Lines are put in the order a person reads them, whatever order they were found in."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.document import Corners
from readstone.engines.reader.layout.order import Placed, arrange


def _line(left: float, top: float, width: float, height: float = 20) -> Corners:
    right, bottom = left + width, top + height
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _turned(corners: Corners, degrees: float) -> Corners:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    a, b, c, d = ((x * cos - y * sin, x * sin + y * cos) for x, y in corners)
    return a, b, c, d


LINES = st.lists(
    st.builds(
        _line,
        st.integers(0, 900),
        st.integers(0, 1200),
        st.integers(5, 400),
        st.integers(5, 40),
    ),
    max_size=40,
)
COLUMNS = [_line(left, 100 + 30 * row, 400) for left in (50, 500) for row in range(10)]


def _found_anyhow(lines: list[Corners]) -> tuple[Placed, ...]:
    shuffled = lines.copy()
    random.Random(7).shuffle(shuffled)
    return arrange(shuffled)


@given(LINES, st.randoms())
def test_the_order_does_not_depend_on_how_the_lines_came(
    lines: list[Corners], chance: random.Random
) -> None:
    shuffled = lines.copy()
    chance.shuffle(shuffled)
    assert arrange(shuffled) == arrange(lines)


@given(LINES)
def test_every_line_is_placed_once_and_rows_count_up(lines: list[Corners]) -> None:
    placed = arrange(lines)
    assert sorted(line.corners for line in placed) == sorted(lines)
    rows = [line.row for line in placed]
    assert rows == sorted(rows)
    assert set(rows) == set(range(len(set(rows))))


def test_a_page_without_lines_has_no_order() -> None:
    assert arrange(()) == ()


def test_rows_run_down_and_lines_run_right() -> None:
    expected = [_line(10, 0, 100), _line(300, 4, 50), _line(10, 40, 100), _line(300, 38, 50)]
    placed = _found_anyhow(expected)
    assert [line.corners for line in placed] == expected
    assert [line.row for line in placed] == [0, 0, 1, 1]


def test_a_small_tilt_does_not_break_rows() -> None:
    table = [_line(left, top, 150) for top in range(0, 400, 30) for left in (0, 400, 900)]
    expected = [_turned(line, 3) for line in table]
    assert [line.corners for line in _found_anyhow(expected)] == expected


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    assert [line.corners for line in _found_anyhow(COLUMNS)] == COLUMNS


def test_a_heading_across_columns_is_read_before_them_and_a_foot_after() -> None:
    expected = [_line(50, 20, 850, 40), *COLUMNS, _line(50, 500, 850)]
    assert [line.corners for line in _found_anyhow(expected)] == expected


def test_three_columns_are_read_in_turn() -> None:
    expected = [_line(left, 30 * row, 300) for left in (0, 340, 680) for row in range(8)]
    assert [line.corners for line in _found_anyhow(expected)] == expected


def test_prices_stay_beside_their_names() -> None:
    expected = [
        line
        for row in range(12)
        for line in (_line(20, 30 * row, 220 + 20 * (row % 3)), _line(500, 30 * row, 80))
    ]
    placed = _found_anyhow(expected)
    assert [line.corners for line in placed] == expected
    assert [line.row for line in placed] == [row for row in range(12) for _ in range(2)]


def _column(
    chance: random.Random, left: float, width: float, top: float, bottom: float
) -> list[Corners]:
    """Paragraphs with headings, indented first lines and short last ones; lines stand a little off."""
    lines: list[Corners] = []
    while top < bottom - 80:
        if chance.random() < 0.25:
            lines.append(
                _line(left + chance.uniform(-2, 2), top, chance.uniform(0.2, 0.8) * width, 26)
            )
            top += 40
        count = chance.randint(1, 9)
        for number in range(count):
            if top > bottom:
                break
            indent = 20 if number == 0 and chance.random() < 0.5 else 0
            fill = chance.uniform(0.15, 0.95) if number == count - 1 else chance.uniform(0.96, 1)
            lines.append(
                _line(
                    left + indent + chance.uniform(-2, 2),
                    top + chance.uniform(-1.5, 1.5),
                    (width - indent) * fill,
                    chance.uniform(18, 23),
                )
            )
            top += 28
        top += chance.choice([0, 14, 28])
    return lines


def _set_in_columns(seed: int) -> list[Corners]:
    """The lines of a page in two or three columns, with headings over all of them, in reading order."""
    chance = random.Random(seed)
    count, gap = chance.choice([2, 3]), chance.choice([25, 40, 60])
    width = (1060 - (count - 1) * gap) / count
    lines: list[Corners] = []
    top = 100.0
    if chance.random() < 0.7:
        lines.append(_line(90 + chance.uniform(0, 200), top, chance.uniform(500, 800), 40))
        top += 60
    bands = chance.choice([1, 2])
    height = (1650 - top) / bands
    for band in range(bands):
        if band:
            lines.append(_line(90, top, 1060 - chance.uniform(0, 300), 26))
            top += 60
        bottom = top + height - 80
        for column in range(count):
            figure = chance.uniform(100, 250) if chance.random() < 0.2 else 0
            is_last = column == count - 1
            end = chance.uniform(0.4, 1) if is_last and chance.random() < 0.5 else 1
            left = 90 + column * (width + gap)
            lines += _column(chance, left, width, top + figure, top + (bottom - top) * end)
        top = bottom + 60
    if chance.random() < 0.5:
        lines.append(_line(600, 1690, 40))
    return lines


@pytest.mark.parametrize("tilt", [0, 0.5, -3, 4])
@pytest.mark.parametrize("seed", range(12))
def test_a_page_set_in_columns_is_read_column_by_column(seed: int, tilt: float) -> None:
    expected = [_turned(line, tilt) for line in _set_in_columns(seed)]
    assert [line.corners for line in _found_anyhow(expected)] == expected


def test_a_pages_number_is_read_after_the_columns_it_stands_under() -> None:
    columns = [_line(left, 30 * row, 300) for left in (0, 340, 680) for row in range(8)]
    expected = [*columns, _line(470, 400, 40)]
    assert [line.corners for line in _found_anyhow(expected)] == expected
