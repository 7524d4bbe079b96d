"""Words: the characters of a line put together, each word with its box on the page."""

import re
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from readstone.core.document import Box, Corners, Word
from readstone.engines.reader.forms import plain_forms
from readstone.engines.reader.gaps import Gap, gaps
from readstone.engines.reader.recogniser import Character

# The recogniser finds the spaces between letters better than their gaps tell them: on 80 labelled pages
# it missed 34 in 54,000 pairs of letters or digits, and no threshold on the gap found more than a few of
# these without taking at least as many words apart. What it does drop are narrow spaces at the seams
# below. Each is (before, after, the pixels of the strip by which the gap exceeds the line's median gap),
# set where on those pages right answers outnumber wrong ones six to one or better.
SEAMS: Final = (
    (re.compile(r":$"), re.compile(r"\w"), 7.0),
    (re.compile(r"\w$"), re.compile(r":"), 10.0),
    (re.compile(r"[A-Za-z]$"), re.compile(r"\d"), 7.0),
    (re.compile(r"\d$"), re.compile(r"[A-Za-z]"), 7.0),
    (re.compile(r"\d[-/.]\d\d?[-/.]\d{4}$"), re.compile(r"\d\d?:\d\d"), 7.0),
)


def words(
    strip: NDArray[np.uint8], characters: tuple[Character, ...], corners: Corners
) -> tuple[Word, ...]:
    """The line's words from left to right; () where there is nothing but space.

    `strip` is the crop (RGB, 48 x width x 3) in which `characters` were read, `corners` is where it
    was cut from the page. Words end at the spaces that were read and at those the page shows.
    """
    characters = plain_forms(characters)
    width = strip.shape[1]
    visible = [index for index, character in enumerate(characters) if character.text.strip()]
    if not visible:
        return ()
    letters = [characters[index] for index in visible]
    paper = gaps(strip, [(letter.left + letter.right) / 2 * width for letter in letters])
    read = {place for place in range(1, len(letters)) if visible[place] - visible[place - 1] > 1}
    starts = sorted({0} | read | _seams(letters, paper))
    found: list[Word] = []
    for start, end in zip(starts, [*starts[1:], len(letters)], strict=True):
        word = letters[start:end]
        # A pale character may be read where no ink is seen: its own columns are part of its word.
        left = min(paper[start].end / width, word[0].left)
        right = max(paper[end].start / width, word[-1].right)
        found.append(_word(word, box_between(corners, left, right)))
    return tuple(found)


def _seams(letters: list[Character], paper: list[Gap]) -> set[int]:
    between = paper[1:-1]
    if not between:
        return set()
    usual = median(gap.width for gap in between)
    text = "".join(letter.text for letter in letters)
    return {
        place
        for place, gap in enumerate(between, start=1)
        if _is_seam(text, place, gap.width - usual)
    }


def _is_seam(text: str, place: int, excess: float) -> bool:
    return any(
        excess >= least and before.search(text[:place]) and after.match(text, place)
        for before, after, least in SEAMS
    )


def _word(letters: list[Character], box: Box) -> Word:
    return Word(
        text="".join(letter.text for letter in letters),
        box=box,
        confidence=sum(letter.confidence for letter in letters) / len(letters),
    )


def box_between(corners: Corners, start: float, end: float) -> Box:
    """The upright box around the part of a line from `start` to `end`, both in 0..1 along its text."""
    a, b, c, d = corners
    points = [
        (left[0] + (right[0] - left[0]) * share, left[1] + (right[1] - left[1]) * share)
        for left, right in ((a, b), (d, c))
        for share in (start, end)
    ]
    across, down = zip(*points, strict=True)
    return Box(min(across), min(down), max(across), max(down))
