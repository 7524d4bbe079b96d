"""Rules are found on pages that are drawn, and letters are not."""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from readstone.core.document import Corners
from readstone.engines.reader.layout.level import turned
from readstone.engines.reader.layout.rules import MOST_RULES, rules
from unit.engines.reader.desk import Pen, Picture

LINES: tuple[Corners, ...] = tuple(
    ((100, top), (400, top), (400, top + 24), (100, top + 24)) for top in range(60, 300, 40)
)
"""Where text was found, 24 pixels high."""


def _drawn(*segments: tuple[int, int, int, int], width: int = 2, ink: str = "black") -> Picture:
    page = Pen(600, 400)
    draw = ImageDraw.Draw(page.page)
    for segment in segments:
        draw.line(segment, fill=ink, width=width)
    return page.picture()


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("ink", ["black", "#a0a0a0", "#c03020"])
def test_lines_across_and_down_are_rules(width: int, ink: str) -> None:
    picture = _drawn((50, 100, 550, 100), (300, 40, 300, 360), width=width, ink=ink)
    across, down = rules(picture, LINES)
    assert (across.x, across.y, across.end_x) == pytest.approx((50, 100, 550), abs=4)
    assert (down.x, down.y, down.end_y) == pytest.approx((300, 40, 360), abs=4)


def test_dashes_bars_and_photos_are_no_rules() -> None:
    assert rules(_drawn((100, 100, 130, 100)), LINES) == ()
    assert rules(_drawn((100, 100, 500, 100), width=60), ()) != ()
    noise = np.random.default_rng(7).integers(0, 255, (400, 600, 3), np.uint8)
    assert rules(np.asarray(noise, np.uint8), LINES) == ()


@pytest.mark.parametrize("size", [14, 24, 60])
def test_letters_are_no_rules(size: int) -> None:
    page = Pen(900, 400)
    for row in range(4):
        page.write(20, 20 + 1.5 * size * row, "HEELLT ILLEGAL mmm EFFETT 1111", size)
    lines: list[Corners] = [
        ((20, top), (800, top), (800, top + size), (20, top + size))
        for top in range(20, 200, 2 * size)
    ]
    assert rules(page.picture(), lines) == ()


def test_the_rules_of_a_large_scan_are_in_its_own_pixels() -> None:
    page = Image.new("RGB", (3300, 2500), "white")
    ImageDraw.Draw(page).line((300, 1000, 3000, 1000), fill="black", width=5)
    (rule,) = rules(np.asarray(page, np.uint8), ())
    assert (rule.x, rule.y, rule.end_x) == pytest.approx((300, 1000, 3000), abs=12)


@pytest.mark.parametrize("degrees", [-5, 1, 4])
def test_the_rules_of_a_tilted_page_are_found_as_it_is_tilted(degrees: float) -> None:
    tilt = math.tan(math.radians(degrees))
    ends = [turned(point, -tilt) for point in ((150, 200), (450, 200))]
    picture = _drawn((round(ends[0][0]), round(ends[0][1]), round(ends[1][0]), round(ends[1][1])))
    lines = [_turned(line, -tilt) for line in LINES]
    (rule,) = rules(picture, lines)
    assert (rule.x, rule.y) == pytest.approx(ends[0], abs=6)
    assert (rule.end_x, rule.end_y) == pytest.approx(ends[1], abs=6)


def _turned(line: Corners, tilt: float) -> Corners:
    a, b, c, d = line
    return turned(a, tilt), turned(b, tilt), turned(c, tilt), turned(d, tilt)


def test_of_a_page_full_of_lines_the_longest_are_kept() -> None:
    segments = [
        (20 + 190 * column, 4 + 6 * row, 190 + 190 * column, 4 + 6 * row)
        for row in range(260)
        for column in range(3)
    ]
    page = Image.new("RGB", (600, 1600), "white")
    draw = ImageDraw.Draw(page)
    for segment in segments:
        draw.line(segment, fill="black", width=1)
    assert len(rules(np.asarray(page, np.uint8), LINES)) == MOST_RULES


def test_a_page_of_a_pixel_has_no_rules() -> None:
    assert rules(np.zeros((1, 1, 3), np.uint8), ()) == ()
