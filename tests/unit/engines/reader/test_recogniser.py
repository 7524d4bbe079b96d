"""The recogniser reads one strip at a time, of any width."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.engines.reader.crops import Crop
from readstone.engines.reader.recogniser import (
    BUCKET,
    NARROWEST,
    WIDEST,
    Character,
    Recogniser,
    bucket,
    mean_confidence,
)
from readstone.engines.reader.session import Session
from readstone.engines.reader.weights import Weights
from unit.engines.reader.desk import Desk, Pen


@pytest.fixture(scope="module")
def recogniser(weights: Weights) -> Recogniser:
    return Recogniser(Session(weights.recogniser))


def test_characters_come_with_their_places_and_certainty(recogniser: Recogniser) -> None:
    strip = Pen(150, 48).write(8, 8, "Stone", 32).picture()
    characters = recogniser.read(strip)
    assert "".join(character.text for character in characters) == "Stone"
    assert [c.left for c in characters] == sorted(c.left for c in characters)
    assert all(0 <= c.left < c.right <= 1 and 0.5 < c.confidence <= 1 for c in characters)


def test_a_bare_strip_has_no_characters(recogniser: Recogniser) -> None:
    assert recogniser.read(np.full((48, 100, 3), 255, np.uint8)) == ()


def test_a_strip_of_one_pixel_is_no_trouble(recogniser: Recogniser) -> None:
    assert recogniser.read(np.zeros((48, 1, 3), np.uint8)) == ()


def test_a_line_longer_than_a_tile_is_read_whole(desk: Desk) -> None:
    text = " ".join(f"word {number}" for number in range(32))
    page = Pen(3400, 60).write(20, 15, text, 20)
    (crop,) = desk.reader.prepare(page.picture()).crops
    assert isinstance(crop, Crop)
    assert crop.cut().shape[1] > WIDEST
    assert desk.texts(page.picture()) == [text]


@given(st.integers(1, WIDEST))
def test_widths_are_rounded_up_to_fewbuckets(width: int) -> None:
    assert width <= bucket(width) <= max(NARROWEST, width + BUCKET - 1)
    assert bucket(width) % BUCKET == 0


def test_confidence_counts_the_characters_that_show() -> None:
    seen = (Character("a", 0, 0.1, 0.5), Character(" ", 0.1, 0.2, 0.1), Character("b", 0.2, 0.3, 1))
    assert mean_confidence(seen) == 0.75
    assert mean_confidence(()) == 0
