"""Words: the characters of a line put together, with spaces restored where the page shows them."""

from dataclasses import dataclass

from readstone.core.document import Box, Corners, Word
from readstone.engines.reader.recogniser import Character


@dataclass(frozen=True, slots=True)
class _Run:
    characters: tuple[Character, ...]


def words(characters: tuple[Character, ...], corners: Corners) -> tuple[Word, ...]:
    """The line's words from left to right, each with its box on the page; () where all is space."""
    runs: list[list[Character]] = [[]]
    for character in characters:
        if character.text.isspace():
            runs.append([])
        else:
            runs[-1].append(character)
    return tuple(_word(run, corners) for run in runs if run)


def _word(run: list[Character], corners: Corners) -> Word:
    return Word(
        text="".join(character.text for character in run),
        box=box_between(corners, run[0].left, run[-1].right),
        confidence=sum(character.confidence for character in run) / len(run),
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
