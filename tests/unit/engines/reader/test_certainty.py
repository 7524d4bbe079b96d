"""What a certainty is worth: curves that never fall, and lines whose confidences follow them."""

from itertools import pairwise

import pytest
from benchmarks.reader.calibrate import error, fitted
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.document import Box, Line, Word
from readstone.engines.reader.certainty import AS_GIVEN, CURVES, weighed, worth

BOX = Box(0, 0, 10, 10)
CURVE = ((0.5, 0.2), (0.9, 0.6), (1.0, 0.99))


def _line(*words: tuple[str, float]) -> Line:
    told = tuple(Word(text, BOX, confidence) for text, confidence in words)
    return Line("", ((0, 0), (10, 0), (10, 10), (0, 10)), BOX, 0, 0.5, told)


@pytest.mark.parametrize(
    ("certainty", "share"), [(0, 0), (0.25, 0.1), (0.5, 0.2), (0.7, 0.4), (0.95, 0.795), (1, 0.99)]
)
def test_points_of_a_curve_are_joined_by_straight_lines(certainty: float, share: float) -> None:
    assert worth(CURVE, certainty) == pytest.approx(share)


def test_what_is_surer_than_a_curve_reaches_is_worth_its_end() -> None:
    assert worth(CURVE[:2], 1.0) == 0.6


@given(st.floats(0, 1), st.floats(0, 1))
def test_who_is_surer_is_worth_no_less(one: float, other: float) -> None:
    less, more = sorted((one, other))
    for curve in CURVES.values():
        assert 0 <= worth(curve, less) <= worth(curve, more) <= 1
    assert worth(AS_GIVEN, one) == one


def test_the_curves_promise_less_than_the_models() -> None:
    for curve in CURVES.values():
        assert all(left < right for left, right in pairwise(point[0] for point in curve))
        assert worth(curve, 0.95) < 0.9
        assert worth(curve, 1.0) > 0.98


def test_a_line_is_worth_the_mean_of_its_letters() -> None:
    line = weighed(_line(("abc", 1.0), ("d", 0.5)), CURVE)
    assert [word.confidence for word in line.words] == [0.99, 0.2]
    assert line.confidence == pytest.approx((3 * 0.99 + 0.2) / 4)
    assert [word.text for word in line.words] == ["abc", "d"]


def test_a_curve_that_fits_is_off_by_nothing_and_never_falls() -> None:
    words = [(0.9 + number / 20_000, number % 4 != 0) for number in range(2000)]
    curve = fitted(words)
    assert all(low[1] <= high[1] for low, high in pairwise(curve))
    assert error(words) == pytest.approx(0.2, abs=0.01)
    assert error([(worth(curve, sure), right) for sure, right in words]) < 0.01
