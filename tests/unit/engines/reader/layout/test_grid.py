"""Rules that cross draw grids, with cells that span several rows or columns."""

from hypothesis import given
from hypothesis import strategies as st

from readstone.core.document import Rule
from readstone.engines.reader.layout.grid import Frame, grids
from unit.engines.reader.layout.setting import across, down, frame

TEXT = 20.0
XS, YS = (0.0, 100.0, 200.0, 300.0), (0.0, 40.0, 80.0)


def test_rules_that_cross_are_a_grid_of_cells() -> None:
    (grid,) = grids(frame(XS, YS), TEXT)
    assert (grid.xs, grid.ys) == (XS, YS)
    assert grid.frames == tuple(Frame(row, column, 1, 1) for row in range(2) for column in range(3))


def test_a_missing_wall_joins_the_cells_beside_it() -> None:
    rules = [rule for rule in frame(XS, YS) if rule.x != 200 or rule.y == rule.end_y]
    (grid,) = grids([*rules, down(200, 40, 80)], TEXT)
    assert grid.frames[:2] == (Frame(0, 0, 1, 1), Frame(0, 1, 1, 2))
    assert len(grid.frames) == 5


def test_a_missing_floor_joins_the_cells_above_each_other() -> None:
    rules = [rule for rule in frame(XS, YS) if rule.y != 40 or rule.y != rule.end_y]
    (grid,) = grids([*rules, across(40, 100, 300)], TEXT)
    assert grid.frames[0] == Frame(0, 0, 2, 1)
    assert len(grid.frames) == 5


def test_sides_may_be_open() -> None:
    rules = [*(across(y, 0, 300) for y in YS), down(100, 0, 80), down(200, 0, 80)]
    (grid,) = grids(rules, TEXT)
    assert (grid.xs, grid.ys) == (XS, YS)


def test_rules_that_nearly_meet_and_double_rules_count_as_one() -> None:
    rules = [across(0, 0, 196), across(5, 3, 200), across(40, 0, 200), across(80, 0, 200)]
    (grid,) = grids([*rules, down(0, 4, 80), down(100, 0, 76), down(200, 0, 80)], TEXT)
    assert (len(grid.xs), len(grid.ys)) == (3, 3)


def test_a_frame_around_a_page_and_lines_under_words_are_no_grid() -> None:
    assert grids(frame((0, 900), (0, 1200)), TEXT) == []
    assert grids([across(30 * n, 0, 400) for n in range(8)], TEXT) == []
    assert grids([], TEXT) == []


def test_two_tables_are_two_grids() -> None:
    below = frame(XS, (500.0, 540.0, 580.0))
    assert [grid.ys[0] for grid in grids([*below, *frame(XS, YS)], TEXT)] == [0, 500]


def _rule(x: float, y: float, length: float, is_flat: bool) -> Rule:  # noqa: FBT001 - drawn by chance
    return across(y, x, x + length) if is_flat else down(x, y, y + length)


def _places(least: int, most: int) -> st.SearchStrategy[float]:
    return st.integers(least, most).map(lambda place: 25.0 * place)


RULES = st.lists(
    st.builds(_rule, _places(0, 20), _places(0, 20), _places(1, 16), st.booleans()), max_size=30
)


@given(RULES)
def test_the_cells_of_a_grid_cover_it_without_overlapping(rules: list[Rule]) -> None:
    for grid in grids(rules, TEXT):
        places = [
            (row, column)
            for cell in grid.frames
            for row in range(cell.row, cell.row + cell.rows)
            for column in range(cell.column, cell.column + cell.columns)
        ]
        lattice = (len(grid.ys) - 1) * (len(grid.xs) - 1)
        assert len(places) == len(set(places)) == lattice
