"""Two recognisers in a row: the better one is asked for the words that the quick one is not sure of, and for no others."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from readstone.engines.reader.cascade import Cascade, Gate, Strips
from readstone.engines.reader.recogniser import Character

GATE = Gate(letter=0.9, space=0.5, unread=0.05, missed=0.1)
PLACES = {"one": (0.02, 0.16), "two": (0.19, 0.32), "three": (0.35, 0.55), "four": (0.58, 0.75)}


def _inked(*places: tuple[float, float]) -> NDArray[np.uint8]:
    strip = np.full((48, 400, 3), 255, np.uint8)
    for start, end in places:
        strip[12:36, round(400 * start) : round(400 * end)] = 0
    return strip


STRIP = _inked(*PLACES.values())


class Told(Strips):
    """Says what it was told to say, whatever it is shown, and notes how wide that was."""

    def __init__(self, answer: Sequence[Character]) -> None:
        self.answer = tuple(answer)
        self.widths: list[int] = []

    @property
    def alphabet(self) -> frozenset[str]:
        return frozenset(character.text for character in self.answer)

    def read(self, strip: NDArray[np.uint8]) -> tuple[Character, ...]:
        self.widths.append(strip.shape[1])
        return self.answer


def _line(*unsure: str, space: float = 1.0, unread: float = 0.0) -> list[Character]:
    line: list[Character] = []
    for word, (start, end) in PLACES.items():
        if line:
            line.append(Character(" ", line[-1].right, start, space))
        step = (end - start) / len(word)
        for number, letter in enumerate(word):
            sure = 0.6 if word in unsure else 1.0
            left = start + number * step
            line.append(Character(letter, left, left + step, sure, unread if number else 0.0))
    return line


def _again(text: str) -> list[Character]:
    width = 1 / len(text)
    return [Character(c, i * width, (i + 1) * width, 0.99) for i, c in enumerate(text)]


def _text(characters: Sequence[Character]) -> str:
    return "".join(character.text for character in characters)


def test_a_line_that_is_sure_is_read_once() -> None:
    second = Told(_again("X"))
    assert _text(Cascade(Told(_line()), second, GATE).read(STRIP)) == "one two three four"
    assert second.widths == []


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("one", "XY two three four"),
        ("two", "one XY three four"),
        ("four", "one two three XY"),
    ],
)
def test_a_word_in_doubt_is_read_again_by_itself(word: str, text: str) -> None:
    second = Told(_again("XY"))
    characters = Cascade(Told(_line(word)), second, GATE).read(STRIP)
    assert _text(characters) == text
    (width,) = second.widths
    assert 40 < width < 190
    lefts = [character.left for character in characters if character.text != " "]
    assert lefts == sorted(lefts)
    assert all(0 <= character.left <= character.right <= 1 for character in characters)


def test_neighbours_in_doubt_are_read_together() -> None:
    second = Told(_again("X Y"))
    assert _text(Cascade(Told(_line("two", "three")), second, GATE).read(STRIP)) == "one X Y four"
    assert len(second.widths) == 1


def test_words_apart_are_read_apart() -> None:
    second = Told(_again("X"))
    assert _text(Cascade(Told(_line("one", "three")), second, GATE).read(STRIP)) == "X two X four"
    assert len(second.widths) == 2


def test_a_line_that_is_mostly_in_doubt_is_read_again_whole() -> None:
    second = Told(_again("all of it"))
    assert _text(Cascade(Told(_line(*PLACES)), second, GATE).read(STRIP)) == "all of it"
    assert second.widths == [400]


def test_a_doubtful_space_brings_both_its_words_in_doubt() -> None:
    second = Told(_again("all of it"))
    assert _text(Cascade(Told(_line(space=0.4)), second, GATE).read(STRIP)) == "all of it"


def test_a_space_that_was_nearly_read_brings_its_word_in_doubt() -> None:
    second = Told(_again("all of it"))
    assert _text(Cascade(Told(_line(unread=0.3)), second, GATE).read(STRIP)) == "all of it"


def test_a_letter_that_was_nearly_read_brings_its_word_in_doubt() -> None:
    line = _line()
    line[1] = replace(line[1], missed=0.3)
    second = Told(_again("X"))
    assert _text(Cascade(Told(line), second, GATE).read(STRIP)) == "X two three four"


def test_a_letter_that_was_nearly_read_at_the_end_of_a_word_brings_it_in_doubt() -> None:
    line = _line()
    line[3] = replace(line[3], missed=0.3)
    second = Told(_again("X"))
    assert _text(Cascade(Told(line), second, GATE).read(STRIP)) == "X two three four"


def test_words_without_paper_between_them_are_read_together() -> None:
    strip = _inked((0.02, 0.32), PLACES["three"], PLACES["four"])
    second = Told(_again("X"))
    assert _text(Cascade(Told(_line("two")), second, GATE).read(strip)) == "X three four"
    second = Told(_again("X"))
    assert _text(Cascade(Told(_line("one")), second, GATE).read(strip)) == "X three four"


def test_a_second_reading_that_is_less_certain_is_not_believed() -> None:
    vague = [replace(character, confidence=0.3) for character in _again("XY")]
    line = Cascade(Told(_line("two")), Told(vague), GATE).read(STRIP)
    assert _text(line) == "one two three four"


def test_what_the_first_cannot_read_at_all_the_second_reads() -> None:
    second = Told(_again("seen"))
    assert _text(Cascade(Told(()), second, GATE).read(STRIP)) == "seen"


def test_a_word_in_which_the_second_sees_nothing_is_gone() -> None:
    characters = Cascade(Told(_line("two")), Told(()), GATE).read(STRIP)
    assert _text(characters).split() == ["one", "three", "four"]


def test_its_alphabet_is_that_of_the_second() -> None:
    assert Cascade(Told(()), Told(_again("ab")), GATE).alphabet == {"a", "b"}
