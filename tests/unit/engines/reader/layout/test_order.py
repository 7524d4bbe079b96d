"""Lines are put in the order a person reads them, whatever order they were found in."""

import math
import random

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
