"""Where things stand on a page: runs of words, and who is beside or under whom."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from readstone.core.document import Box, Page, Word

_WIDE_GAP: Final = 2.2
"""Heights of a word between two words of a line, from which on they are in different columns."""
_WIDE: Final = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uff60]")
_LABELLED: Final = re.compile(
    r"[^:\uff1a]{0,20}[\u3040-\u30ff\u3400-\u9fff][)\uff09]?[:\uff1a](?=.)"
)
"""What begins a word and says what the rest of it is."""
_SAME_ROW: Final = 0.5
"""How much of the lower of two runs stands beside the other where they are in one row."""


@dataclass(frozen=True, eq=False)
class Run:
    """Words of one line without a wide gap; `index` counts the runs of all pages in reading order."""

    index: int
    page: int
    words: tuple[Word, ...]
    box: Box

    @cached_property
    def text(self) -> str:
        """The words with single spaces."""
        return " ".join(word.text for word in self.words)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where in `text` each word begins."""
        starts, position = [0], 0
        for word in self.words[:-1]:
            position += len(word.text) + 1
            starts.append(position)
        return tuple(starts)

    def words_in(self, start: int, end: int) -> tuple[int, int]:
        """The words that `text[start:end]` touches: the first, and the one behind the last."""
        touched = [
            index
            for index, begin in enumerate(self.starts)
            if begin < end and begin + len(self.words[index].text) > start
        ]
        return (touched[0], touched[-1] + 1) if touched else (0, 0)


@dataclass(frozen=True)
class Span:
    """Words `first` to `end` (exclusive) of a run."""

    run: Run
    first: int
    end: int

    @property
    def words(self) -> tuple[Word, ...]:
        """Its words."""
        return self.run.words[self.first : self.end]

    @property
    def text(self) -> str:
        """Its words with single spaces."""
        return " ".join(word.text for word in self.words)

    @cached_property
    def box(self) -> Box:
        """Around its words."""
        return around([word.box for word in self.words])

    @property
    def page(self) -> int:
        """The page it stands on, from 0."""
        return self.run.page

    @cached_property
    def place(self) -> tuple[int, int, int]:
        """What tells it from every other span."""
        return (self.run.index, self.first, self.end)


@dataclass(frozen=True, eq=False)
class Sheet:
    """All runs of a document."""

    runs: tuple[Run, ...]
    sizes: tuple[tuple[int, int], ...]

    @cached_property
    def pages(self) -> tuple[tuple[Run, ...], ...]:
        """The runs of each page."""
        return tuple(
            tuple(run for run in self.runs if run.page == page) for page in range(len(self.sizes))
        )

    def under(self, box: Box, page: int, reach: float) -> list[Run]:
        """What stands under a box, at most `reach` pixels down, sharing columns with it; from the top."""
        found = [
            run
            for run in self.pages[page]
            if box.middle[1] < run.box.middle[1]
            and run.box.top - box.bottom < reach
            and run.box.top > box.top + box.height * 0.4
            and shared(run.box, box) > 0
        ]
        return sorted(found, key=lambda run: run.box.top)


def sheet_of(pages: Sequence[Page]) -> Sheet:
    """The pages' words as runs."""
    runs: list[Run] = []
    for number, page in enumerate(pages):
        for line in page.lines:
            for words in _parted(_split(line.words)):
                box = around([word.box for word in words])
                runs.append(Run(len(runs), number, words, box))
    return Sheet(tuple(runs), tuple((page.width, page.height) for page in pages))


def _split(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words, with those of scripts without spaces cut behind a colon: "日期：2024-03-01" is a label and a value."""
    if not any(_LABELLED.match(word.text) for word in words):
        return words
    return tuple(part for word in words for part in _halves(word))


def _halves(word: Word) -> tuple[Word, ...]:
    match = _LABELLED.match(word.text)
    if match is None:
        return (word,)
    widths = [2 if _WIDE.match(letter) else 1 for letter in word.text]
    cut = word.box.left + word.box.width * sum(widths[: match.end()]) / sum(widths)
    left, right = replace(word.box, right=cut), replace(word.box, left=cut)
    first = Word(word.text[: match.end()], left, word.confidence)
    return (first, *_halves(Word(word.text[match.end() :], right, word.confidence)))


def _parted(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    begin = 0
    for index in range(1, len(words)):
        left, right = words[index - 1].box, words[index].box
        if right.left - left.right > _WIDE_GAP * min(left.height, right.height):
            yield words[begin:index]
            begin = index
    if words:
        yield words[begin:]


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box around all; of at least one."""
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


def same_row(one: Box, other: Box) -> bool:
    """Whether two boxes stand beside each other."""
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    return overlap > _SAME_ROW * min(one.height, other.height)


def shared(one: Box, other: Box) -> float:
    """How much of the narrower box's width the other stands over, 0 to 1."""
    overlap = min(one.right, other.right) - max(one.left, other.left)
    return max(0.0, overlap) / max(1.0, min(one.width, other.width))
