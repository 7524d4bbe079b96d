"""The size of print is told from specks of ink, well enough to choose how closely a page is looked at."""

import cv2
import cv2.typing
import numpy as np
import pytest

from readstone.engines.reader.detector import detection_size
from readstone.engines.reader.print_size import print_height
from unit.engines.reader.desk import Pen


def _page(size: float) -> cv2.typing.MatLike:
    page = Pen(700, 700)
    for row in range(12):
        page.write(20, 20 + 55 * row, "Corner shop, tea and milk 2026", size)
    return _grey(page)


def _grey(page: Pen) -> cv2.typing.MatLike:
    return cv2.cvtColor(page.picture(), cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize(("size", "least", "most"), [(10, 4, 8), (20, 9, 15), (40, 18, 30)])
def test_letters_are_about_as_high_as_they_were_written(
    size: float, least: float, most: float
) -> None:
    height = print_height(_page(size))
    assert height is not None
    assert least <= height <= most


def test_nothing_is_told_of_a_bare_page() -> None:
    assert print_height(np.full((300, 300), 255, np.uint8)) is None


def test_nothing_is_told_of_a_word() -> None:
    assert print_height(_grey(Pen(200, 60).write(10, 10, "word", 30))) is None


def test_a_picture_of_one_pixel_is_no_trouble() -> None:
    assert print_height(np.zeros((1, 1), np.uint8)) is None


def test_the_detectors_picture_grows_and_shrinks_with_what_print_asks_for() -> None:
    usual, less, more = (detection_size(2480, 3508, factor) for factor in (1.0, 0.7, 1.25))
    assert less < usual < more
    assert detection_size(500, 400, 1.25) == detection_size(500, 400)
