"""A few lines say which way up a page is, and an upright page is asked for two of them."""

import pytest

from readstone.core.document import Corners, Line, Turn
from readstone.engines.reader.orientation import turn_of
from readstone.engines.reader.words import box_between

BEGINNINGS: dict[Turn, int] = {0: 0, 270: 1, 180: 2, 90: 3}
"""The corner of a line, as seen on the page, at which its text begins."""


def seen(number: int, width: float = 160, height: float = 20) -> Corners:
    top, bottom = 30.0 * number, 30.0 * number + height
    return (0, top), (width, top), (width, bottom), (0, bottom)


class Eyes:
    """Reads every line as a page turned so would be read, and counts."""

    def __init__(self, turn: Turn, confidence: float = 0.99, text: str = "Some text") -> None:
        self.asked = 0
        self._turn: Turn = turn
        self._confidence = confidence
        self._text = text

    def read(self, corners: Corners) -> Line | None:
        self.asked += 1
        begin = BEGINNINGS[self._turn]
        a, b, c, d = (corners[(begin + index) % 4] for index in range(4))
        box = box_between(corners, 0.0, 1.0)
        return Line(self._text, (a, b, c, d), box, 0, self._confidence, ())


ACROSS: tuple[Turn, ...] = (0, 180)
DOWN: tuple[Turn, ...] = (90, 270)


@pytest.mark.parametrize("turn", ACROSS)
def test_two_lines_that_agree_are_enough(turn: Turn) -> None:
    eyes = Eyes(turn)
    assert turn_of([seen(number) for number in range(30)], eyes.read) == turn
    assert eyes.asked == 2


@pytest.mark.parametrize("turn", DOWN)
def test_a_page_of_tall_lines_lies_on_its_side(turn: Turn) -> None:
    tall = [seen(number, 20, 300) for number in range(5)]
    assert turn_of([*tall, seen(1), seen(2)], Eyes(turn).read) == turn


def test_one_line_alone_says_how_it_lies() -> None:
    assert turn_of([seen(0)], Eyes(180).read) == 180


@pytest.mark.parametrize("eyes", [Eyes(180, 0.7), Eyes(180, text="0.00")])
def test_lines_that_read_badly_or_have_few_letters_say_nothing(eyes: Eyes) -> None:
    assert turn_of([seen(number) for number in range(30)], eyes.read) == 0
    assert eyes.asked == 8


def test_lines_that_disagree_leave_the_page_as_it_is() -> None:
    upright, upside_down = Eyes(0), Eyes(180)
    pages = iter([upside_down, upright] * 4)
    assert turn_of([seen(n) for n in range(30)], lambda corners: next(pages).read(corners)) == 0


def test_short_lines_and_bare_pages_are_not_asked() -> None:
    eyes = Eyes(180)
    assert turn_of([seen(number, 30) for number in range(30)], eyes.read) == 0
    assert turn_of([], eyes.read) == 0
    assert eyes.asked == 0
