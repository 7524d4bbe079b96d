"""What the text says: one upright strip to characters with their places and probabilities (CTC)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from readstone.core.record import record
from readstone.engines.reader.crops import HEIGHT
from readstone.engines.reader.gaps import Gap, bare_runs
from readstone.engines.reader.session import Session

BUCKET: Final = 8
NARROWEST: Final = 64
"""Pixels: narrower strips are padded to it. 320, as in training, reads no better and costs more."""
WIDEST: Final = 2560
"""Pixels of one pass. A full line of print on a page is about 2,400 wide; longer ones are tiled."""
OVERHANG: Final = 320
"""A tile ends at the widest gap among its last pixels: enough for a long word in large print."""
SPACE: Final = 10
"""A gap this wide (pixels of the strip) parts two words where a tile ends in it."""
BLANK: Final = 0
ROOM: Final = 0.2
"""Where blank, space and the characters on both sides leave others less than this, nothing else was missed: no gate asks for less."""


@record
class Character:
    """One decoded character; `left` and `right` in 0..1 of the strip's width are where it was seen.

    `space` is how probable a space was, at most, between it and the character before; `missed` the same of any
    other character that was not read there, or, beside the last one, behind it.
    """

    text: str
    left: float
    right: float
    confidence: float
    space: float = 0.0
    missed: float = 0.0


class Recogniser:
    """Reads strips; holds no state but the loaded model and its alphabet, so threads may share it.

    One strip per pass, padded to whole columns of the model's: batches do not pay on a CPU, and the runtime
    keeps nothing of a pass, so any number of widths leaves its memory flat. Strips are squeezed to `squeeze` of their width
    before they are looked at: fewer columns cost less.
    """

    def __init__(self, session: Session, alphabet: Sequence[str], squeeze: float = 1.0) -> None:
        self._session = session
        self._alphabet = ["", *alphabet, " "]
        self._squeeze = squeeze

    @property
    def alphabet(self) -> frozenset[str]:
        """The characters it can read."""
        return frozenset(self._alphabet)

    def read(self, strip: NDArray[np.uint8]) -> tuple[Character, ...]:
        """The characters of an RGB strip (48 x width x 3), from left to right; () where there are none."""
        if strip.shape[1] <= WIDEST:
            return self._read(strip)
        return tuple(self._read_tiles(strip))

    def _read_tiles(self, strip: NDArray[np.uint8]) -> Iterator[Character]:
        width = strip.shape[1]
        start = 0
        for gap in _tile_ends(strip):
            end = (gap.start + gap.end) // 2
            yield from placed(self._read(strip[:, start:end]), start / width, end / width)
            if gap.width >= SPACE:
                yield Character(" ", end / width, end / width, 1.0)
            start = end

    def _read(self, strip: NDArray[np.uint8]) -> tuple[Character, ...]:
        width = math.ceil(strip.shape[1] * self._squeeze)
        if width != strip.shape[1]:
            strip = np.asarray(
                cv2.resize(strip, (width, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8
            )
        canvas = np.zeros((1, 3, HEIGHT, bucket(width)), np.float32)
        # The model was trained on BGR in -1..1, padded with 0 on the right.
        canvas[0, :, :, :width] = normalised(strip)[0]
        probabilities = self._session.run(canvas)[0]
        return self._decode(probabilities, canvas.shape[3] / width)

    def _decode(self, probabilities: NDArray[np.float32], stretch: float) -> tuple[Character, ...]:
        """Greedy CTC: runs of the best class, blanks dropped; a run is as certain as its peak."""
        columns = len(probabilities)
        best: NDArray[np.intp] = probabilities.argmax(axis=1)
        most = probabilities[np.arange(columns), best]
        edges = np.flatnonzero(np.diff(best)) + 1
        starts = np.concatenate(([0], edges))
        ends = np.concatenate((edges, [columns]))
        peaks = np.maximum.reduceat(most, starts)
        seen = np.flatnonzero(best[starts] != BLANK)
        spaces = _between(probabilities[:, -1], starts[seen], ends[seen])
        missed = _missed(probabilities, best, starts[seen], ends[seen])
        step = stretch / columns
        # Taken out of their arrays at once: one by one they would cost ten times as much.
        classes: list[int] = best[starts[seen]].tolist()
        certainties: list[float] = peaks[seen].tolist()
        sides = zip(starts[seen].tolist(), ends[seen].tolist(), strict=True)
        runs = zip(classes, sides, certainties, spaces.tolist(), missed.tolist(), strict=True)
        return tuple(
            Character(
                text=self._alphabet[character],
                left=min(1.0, start * step),
                right=min(1.0, end * step),
                confidence=min(1.0, certainty),
                space=space,
                missed=lost,
            )
            for character, (start, end), certainty, space, lost in runs
        )


def placed(characters: Sequence[Character], start: float, end: float) -> Iterator[Character]:
    """What was read in the part of a strip from `start` to `end` (0..1 of its width), as characters of the strip."""
    share = end - start
    for seen in characters:
        left, right = start + seen.left * share, start + seen.right * share
        yield replace(seen, left=left, right=right)


def normalised(image: cv2.typing.MatLike) -> NDArray[np.float32]:
    """An RGB image as the models were trained to see it: 1 x BGR x height x width, in -1..1."""
    blob = cv2.dnn.blobFromImage(image, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True)
    return np.asarray(blob, np.float32)


def mean_confidence(characters: Sequence[Character]) -> float:
    """The mean over the characters that show, in 0..1; 0 where none does."""
    visible = [character.confidence for character in characters if character.text.strip()]
    return sum(visible) / len(visible) if visible else 0.0


def bucket(width: int) -> int:
    """The width in pixels to which a strip of `width` pixels is padded."""
    return max(NARROWEST, -(-width // BUCKET) * BUCKET)


def _between(
    probability: NDArray[np.float32], starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> NDArray[np.float32]:
    """The greatest `probability` from the end of each run's predecessor to its own first column."""
    if not len(starts):
        return np.zeros(0, np.float32)
    limits = np.empty(2 * len(starts), np.intp)
    limits[0::2] = np.concatenate(([0], ends[:-1]))
    limits[1::2] = starts + 1
    return np.maximum.reduceat(np.append(probability, np.float32(0)), limits)[0::2]


def _missed(
    probabilities: NDArray[np.float32],
    best: NDArray[np.intp],
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
) -> NDArray[np.float32]:
    """How probable a character that was not read was, at most, before each run that was and behind the last.

    A narrow letter between two wide ones is lost like this: nothing wins its column. What its neighbours are does not
    count there, nor does a space.
    """
    if not len(starts):
        return np.zeros(0, np.float32)
    columns = np.arange(len(best))
    after = np.searchsorted(starts, columns, side="right")
    left = best[starts[np.maximum(after - 1, 0)]]
    right = best[starts[np.minimum(after, len(starts) - 1)]]
    space = probabilities.shape[1] - 1
    # No other class can have more than these four leave: few columns have to be searched for it.
    room = 1 - probabilities[:, BLANK] - probabilities[:, space]
    room -= np.where(left != space, probabilities[columns, left], 0)
    room -= np.where((right != space) & (right != left), probabilities[columns, right], 0)
    open_columns = np.flatnonzero(room > ROOM)
    rest = probabilities[open_columns]
    rest[:, [BLANK, space]] = 0
    rows = np.arange(len(open_columns))
    rest[rows, left[open_columns]] = rest[rows, right[open_columns]] = 0
    other = np.zeros(len(best), np.float32)
    other[open_columns] = rest.max(axis=1, initial=0)
    found = _between(other, starts, ends)
    found[-1] = max(found[-1], other[ends[-1] - 1 :].max())
    return found


def _tile_ends(strip: NDArray[np.uint8]) -> Iterator[Gap]:
    width = strip.shape[1]
    runs = bare_runs(strip)
    start = 0
    while width - start > WIDEST:
        limit = start + WIDEST
        ends = [run for run in runs if limit - OVERHANG <= run.start and run.end <= limit]
        gap = max(ends, key=lambda run: run.width, default=Gap(limit, limit))
        yield gap
        start = (gap.start + gap.end) // 2
    yield Gap(width, width)
