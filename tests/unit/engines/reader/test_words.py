"""Words keep the spaces a page shows, and each has its own box."""

import numpy as np
import pytest
from PIL import ImageFont

from readstone.core.document import Corners
from readstone.engines.reader.recogniser import Character
from readstone.engines.reader.words import words
from unit.engines.reader.desk import Desk, Pen

CORNERS: Corners = ((100, 50), (300, 50), (300, 74), (100, 74))


def _typed(text: str, wide: int | None = None) -> list[str]:
    """The words of a strip whose letters stand 4 pixels apart, and 20 before letter `wide`."""
    left = 10
    boxes: list[tuple[int, int]] = []
    for place in range(len(text)):
        left += 16 if place == wide else 0
        boxes.append((left, left + 16))
        left += 20
    strip = np.full((48, left + 10, 3), 255, np.uint8)
    for start, end in boxes:
        strip[12:36, start:end] = 0
    width = strip.shape[1]
    characters = tuple(
        Character(letter, start / width, end / width, 0.9)
        for letter, (start, end) in zip(text, boxes, strict=True)
    )
    return [word.text for word in words(strip, characters, CORNERS)]


@pytest.mark.parametrize(
    ("text", "wide", "expected"),
    [
        ("Tel:0371", 4, ["Tel:", "0371"]),
        ("Total:9", 5, ["Total", ":9"]),
        ("12X30", 2, ["12", "X30"]),
        ("Lot5", 3, ["Lot", "5"]),
        ("29/12/201711:41", 10, ["29/12/2017", "11:41"]),
    ],
)
def test_a_space_that_the_page_shows_is_restored(text: str, wide: int, expected: list[str]) -> None:
    assert _typed(text, wide) == expected


@pytest.mark.parametrize(
    ("text", "wide"),
    [
        ("12:30", None),
        ("1,234.50", 2),
        ("2026-01-02", 5),
        ("ATANG", 2),
        ("12345", 3),
        ("价格表", 1),
    ],
    ids=["time", "price", "date", "spaced letters", "number", "Chinese"],
)
def test_what_belongs_together_stays_together(text: str, wide: int | None) -> None:
    assert _typed(text, wide) == [text]


def test_nothing_but_space_is_no_word() -> None:
    blank = np.full((48, 60, 3), 255, np.uint8)
    assert words(blank, (), CORNERS) == ()
    assert words(blank, (Character(" ", 0.2, 0.4, 1.0),), CORNERS) == ()


def test_a_pale_character_still_has_a_box() -> None:
    blank = np.full((48, 60, 3), 255, np.uint8)
    (word,) = words(blank, (Character("a", 0.4, 0.5, 0.6),), CORNERS)
    assert word.box.width > 0
    assert word.box.height > 0
    assert word.confidence == 0.6


def test_each_word_is_where_it_was_written(desk: Desk) -> None:
    font = ImageFont.load_default(size=24)
    (line,) = desk.read(Pen(500, 80).write(40, 24, "Where is each word", 24).picture())
    assert [word.text for word in line.words] == ["Where", "is", "each", "word"]
    before = ""
    for word in line.words:
        assert abs(word.box.left - 40 - font.getlength(before)) < 6
        assert abs(word.box.right - 40 - font.getlength(before + word.text)) < 6
        before += f"{word.text} "
