"""A crop cuts one line out of its page, upright and 48 pixels high."""

import numpy as np
import pytest

from readstone.core.document import Corners
from readstone.engines.reader.crops import Crop, extent
from unit.engines.reader.desk import Desk, Pen


def _upright(left: float, top: float, right: float, bottom: float) -> Corners:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _crop(corners: Corners) -> Crop:
    return Crop(np.zeros((200, 300, 3), np.uint8), corners, 0)


def test_a_strip_keeps_the_lines_proportions() -> None:
    assert _crop(_upright(10, 10, 210, 34)).cut().shape == (48, 400, 3)


def test_a_thin_wide_line_is_kept() -> None:
    assert _crop(_upright(0, 100, 300, 102)).cut().shape == (48, 7200, 3)


def test_a_line_narrower_than_a_pixel_is_one_pixel_wide() -> None:
    assert _crop(_upright(10, 10, 10.1, 110)).cut().shape == (48, 1, 3)


def test_corners_outside_of_the_page_repeat_its_rim() -> None:
    page = np.full((50, 50, 3), 200, np.uint8)
    assert np.all(Crop(page, _upright(-20, -20, 80, 30), 0).cut() == 200)


def test_a_wide_line_stands_upright_or_else_upside_down() -> None:
    crop = _crop(_upright(10, 10, 210, 34))
    (upright,), (upside_down,) = crop.ways()
    assert upright == crop
    assert upside_down.corners[0] == (210, 34)


def test_a_lone_digit_is_not_taken_for_vertical_text() -> None:
    crop = _crop(_upright(10, 10, 30, 46))
    assert crop.ways() == ((crop,),)


def test_a_tall_line_may_run_down_or_up() -> None:
    ((down, up),) = _crop(_upright(10, 10, 30, 110)).ways()
    assert down.corners[0] == (30, 10)
    assert up.corners[0] == (10, 110)
    assert extent(down.corners) == extent(up.corners) == (100, 20)


@pytest.mark.parametrize("turned", [90, 270], ids=["upwards", "downwards"])
def test_vertical_text_is_read_whichever_way_it_runs(desk: Desk, turned: int) -> None:
    page = Pen(400, 120).write(40, 40, "Turned text 2026", 28)
    assert desk.texts(page.picture(turned)) == ["Turned text 2026"]
