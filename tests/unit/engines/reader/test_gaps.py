"""Gaps measure the paper between characters."""

import numpy as np
import pytest

from readstone.engines.reader.gaps import Gap, bare_runs, gaps


@pytest.mark.parametrize("paper", [255, 0], ids=["dark on light", "light on dark"])
def test_a_gap_is_the_bare_paper_between_two_characters(paper: int) -> None:
    strip = np.full((48, 100, 3), paper, np.uint8)
    strip[12:36, 10:20] = strip[12:36, 40:60] = 255 - paper
    assert gaps(strip, [15.0, 50.0]) == [Gap(0, 10), Gap(20, 40), Gap(60, 100)]


def test_touching_characters_have_a_gap_of_no_width() -> None:
    strip = np.full((48, 100, 3), 255, np.uint8)
    strip[12:36, 10:60] = 0
    assert gaps(strip, [20.0, 40.0])[1] == Gap(30, 30)


def test_ink_at_the_rim_belongs_to_the_neighbouring_lines() -> None:
    strip = np.full((48, 100, 3), 255, np.uint8)
    strip[:4] = 0
    strip[12:36, 40:60] = 0
    assert bare_runs(strip) == [Gap(0, 40), Gap(60, 100)]


def test_no_characters_leave_one_gap() -> None:
    assert len(gaps(np.full((48, 20, 3), 255, np.uint8), [])) == 1
