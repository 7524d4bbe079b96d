"""The detector finds every line of a page at a sensible size, and nothing on a page without text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.engines.reader.detector import Detector, detection_size
from readstone.engines.reader.session import Session
from readstone.engines.reader.weights import Weights
from unit.engines.reader.desk import Desk, Pen

QUANTITIES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 1, 7)


@pytest.fixture(scope="module")
def detector(weights: Weights) -> Detector:
    return Detector(Session(weights.detector))


def test_a_page_without_text_has_no_lines(detector: Detector) -> None:
    assert detector.find(np.full((300, 400, 3), 255, np.uint8)) == ()


def test_a_picture_of_one_pixel_has_no_lines(detector: Detector) -> None:
    assert detector.find(np.zeros((1, 1, 3), np.uint8)) == ()


def test_a_line_lies_within_its_corners(detector: Detector) -> None:
    (corners,) = detector.find(Pen(400, 100).write(50, 40, "A single line").picture())
    (left, top), (right, _), _, (_, bottom) = corners
    assert 30 < left < 50
    assert 150 < right < 200
    assert 30 < top < 45
    assert 60 < bottom < 75


@pytest.mark.parametrize(("dots_per_inch", "points"), [(90, 8), (200, 10), (300, 12)])
def test_lone_digits_in_a_quantity_column_are_found_and_read(
    desk: Desk, dots_per_inch: int, points: int
) -> None:
    page = Pen(5 * dots_per_inch, 5 * dots_per_inch)
    size = points * dots_per_inch / 72
    for row, quantity in enumerate(QUANTITIES):
        top = (0.4 + 0.32 * row) * dots_per_inch
        page.write(0.3 * dots_per_inch, top, f"Article number {row}", size)
        page.write(2.6 * dots_per_inch, top, str(quantity), size)
        page.write(3.6 * dots_per_inch, top, f"{quantity * 1.25:.2f}", size)
    lines = desk.read(page.picture())
    column = [line.text for line in lines if 2.4 < line.corners[0][0] / dots_per_inch < 3.2]
    assert column == [str(quantity) for quantity in QUANTITIES]


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ((463, 1026), (448, 1024)),
        ((1275, 1650), (992, 1280)),
        ((4961, 7016), (896, 1280)),
        ((937, 3556), (736, 2784)),
        ((3, 3), (96, 96)),
        ((210, 20), (1024, 96)),
        ((20000, 10), (8192, 32)),
        ((900, 30000), (256, 8192)),
    ],
    ids=[
        "small receipt",
        "150 dpi page",
        "600 dpi scan",
        "long receipt",
        "speck",
        "line that was cut out",
        "hair",
        "endless roll",
    ],
)
def test_a_page_is_shrunk_to_where_its_print_is_legible_and_enlarged_only_where_it_is_tiny(
    page: tuple[int, int], seen: tuple[int, int]
) -> None:
    assert detection_size(*page) == seen


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_the_size_is_whole_strides_and_bounded(width: int, height: int) -> None:
    seen_width, seen_height = detection_size(width, height)
    assert seen_width % 32 == seen_height % 32 == 0
    enlarged = max(1.0, 96 / min(width, height))
    assert 0 < seen_width <= max(32, width * enlarged + 16)
    assert 0 < seen_height <= max(32, height * enlarged + 16)
    assert max(seen_width, seen_height) <= 8192
    assert seen_width * seen_height < 3_200_000


def test_a_large_page_is_searched_in_two_halves_that_find_what_the_whole_would(
    detector: Detector,
) -> None:
    page = Pen(900, 1200)
    for row in range(20):
        page.write(40, 20 + 58 * row, f"Line {row} of a page that is searched in halves", 22)
    look = detector.look(page.picture())
    assert len(look.parts) == 2
    tops = sorted(round(corners[0][1]) for corners in detector.find(page.picture()))
    assert len(tops) == 20
    assert all(50 < lower - upper < 66 for upper, lower in pairwise(tops))


def test_a_small_page_is_searched_at_once(detector: Detector) -> None:
    assert len(detector.look(np.full((480, 640, 3), 255, np.uint8)).parts) == 1
