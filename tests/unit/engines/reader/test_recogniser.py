"""The recogniser reads one strip at a time, of any width."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from readstone.engines.reader.crops import Crop
from readstone.engines.reader.profiles import small_recogniser, tiny_recogniser
from readstone.engines.reader.recogniser import (
    BUCKET,
    NARROWEST,
    WIDEST,
    Character,
    Recogniser,
    bucket,
    mean_confidence,
    placed,
)
from readstone.engines.reader.session import Session
from readstone.engines.reader.weights import Weights
from unit.engines.reader.desk import Desk, Pen

# Probabilities of no letter, a, b, c and a space.
NONE = [1.0, 0.0, 0.0, 0.0, 0.0]
A = [0.0, 1.0, 0.0, 0.0, 0.0]
B = [0.0, 0.0, 1.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def recogniser(weights: Weights) -> Recogniser:
    return small_recogniser(weights)


def test_characters_come_with_their_places_and_certainty(recogniser: Recogniser) -> None:
    strip = Pen(150, 48).write(8, 8, "Stone", 32).picture()
    characters = recogniser.read(strip)
    assert "".join(character.text for character in characters) == "Stone"
    assert [c.left for c in characters] == sorted(c.left for c in characters)
    assert all(0 <= c.left < c.right <= 1 and 0.5 < c.confidence <= 1 for c in characters)


class Played(Session):
    """A model that says what it was told to say: a row of probabilities for each column."""

    def __init__(self, columns: list[list[float]]) -> None:
        self._columns = np.array([columns], np.float32)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        assert batch.shape[2] == 48
        return self._columns.copy()


@pytest.mark.parametrize(
    ("columns", "missed"),
    [
        ([A, NONE, B], [0.0, 0.0]),
        ([A, [0.7, 0.02, 0.03, 0.25, 0.0], B], [0.0, 0.25]),
        ([[0.7, 0.0, 0.0, 0.3, 0.0], A, B], [0.3, 0.0]),
        ([A, B, [0.7, 0.0, 0.0, 0.3, 0.0]], [0.0, 0.3]),
        # Its neighbours' own letters, and spaces, are no others.
        ([A, [0.5, 0.25, 0.25, 0.0, 0.0], B], [0.0, 0.0]),
        ([A, [0.7, 0.0, 0.0, 0.0, 0.3], B], [0.0, 0.0]),
    ],
)
def test_a_character_tells_how_nearly_another_was_read_beside_it(
    columns: list[list[float]], missed: list[float]
) -> None:
    seen = Recogniser(Played(columns), "abc").read(np.full((48, 64, 3), 255, np.uint8))
    assert [character.text for character in seen] == ["a", "b"]
    assert [character.missed for character in seen] == pytest.approx(missed)


def test_a_bare_strip_has_no_characters(recogniser: Recogniser) -> None:
    assert recogniser.read(np.full((48, 100, 3), 255, np.uint8)) == ()


def test_a_strip_of_one_pixel_is_no_trouble(recogniser: Recogniser) -> None:
    assert recogniser.read(np.zeros((48, 1, 3), np.uint8)) == ()


def test_a_line_longer_than_a_tile_is_read_whole(desk: Desk) -> None:
    text = " ".join(f"word {number}" for number in range(32))
    page = Pen(3400, 60).write(20, 15, text, 20)
    (line,) = desk.reader.prepare(page.picture()).crops
    assert Crop(page.picture(), line.corners, 0).cut().shape[1] > WIDEST
    assert desk.texts(page.picture()) == [text]


@given(st.integers(1, WIDEST))
def test_widths_are_rounded_up_to_fewbuckets(width: int) -> None:
    assert width <= bucket(width) <= max(NARROWEST, width + BUCKET - 1)
    assert bucket(width) % BUCKET == 0


def test_confidence_counts_the_characters_that_show() -> None:
    seen = (Character("a", 0, 0.1, 0.5), Character(" ", 0.1, 0.2, 0.1), Character("b", 0.2, 0.3, 1))
    assert mean_confidence(seen) == 0.75
    assert mean_confidence(()) == 0


def test_the_tiny_recogniser_reads_plain_print(weights: Weights) -> None:
    strip = Pen(150, 48).write(8, 8, "Stone", 32).picture()
    characters = tiny_recogniser(weights).read(strip)
    assert "".join(character.text for character in characters) == "Stone"
    assert characters[-1].right > 0.6


def test_a_space_that_was_nearly_read_is_told(recogniser: Recogniser) -> None:
    strip = Pen(230, 48).write(8, 8, "one two", 32).picture()
    characters = recogniser.read(strip)
    assert "".join(character.text for character in characters) == "one two"
    assert all(0 <= character.space <= 1 for character in characters)
    assert max(character.space for character in characters[:3]) < 0.05


def test_what_is_read_in_a_part_stands_in_that_part() -> None:
    (seen,) = placed([Character("a", 0.0, 0.5, 0.9, 0.1)], 0.5, 1.0)
    assert seen == Character("a", 0.5, 0.75, 0.9, 0.1)
