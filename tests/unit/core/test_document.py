"""Boxes of a page that was turned upright are given in pixels of the image as it was sent."""

import pytest

from readstone.core.document import Box, Page, Turn

SENT = Box(10, 20, 40, 25)
"""On an image of 200 x 100 pixels."""


@pytest.mark.parametrize(
    ("turned", "width", "height", "box"),
    [
        (0, 200, 100, SENT),
        (90, 100, 200, Box(75, 10, 80, 40)),
        (180, 200, 100, Box(160, 75, 190, 80)),
        (270, 100, 200, Box(20, 160, 25, 190)),
    ],
)
def test_a_box_goes_back_to_where_it_was_sent(
    turned: Turn, width: int, height: int, box: Box
) -> None:
    assert Page(width, height, (), turned).as_sent(box) == SENT
