"""What the text says: one upright strip to characters with their places and probabilities (CTC)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from readstone.engines.reader.crops import HEIGHT
from readstone.engines.reader.session import Session

BUCKET: Final = 32
NARROWEST: Final = 96
WIDEST: Final = 2560
BLANK: Final = 0


@dataclass(frozen=True, slots=True)
class Character:
    """One decoded character; `left` and `right` in 0..1 of the strip's width are where it was seen."""

    text: str
    left: float
    right: float
    confidence: float


class Recogniser:
    """Reads strips; holds no state but the loaded model and its alphabet, so threads may share it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._alphabet = ["", *session.metadata("character").split("\n"), " "]

    def read(self, strip: NDArray[np.uint8]) -> tuple[Character, ...]:
        """The characters of an RGB strip (48 x width x 3), from left to right; () where there are none."""
        width = strip.shape[1]
        canvas = np.zeros((1, 3, HEIGHT, _bucket(width)), np.float32)
        # The model was trained on BGR in -1..1, padded with 0 on the right.
        planes = strip[:, :, ::-1].transpose(2, 0, 1)
        canvas[0, :, :, :width] = planes / np.float32(127.5) - np.float32(1)
        probabilities = self._session.run(canvas)[0]
        return self._decode(probabilities, canvas.shape[3] / width)

    def _decode(self, probabilities: NDArray[np.float32], stretch: float) -> tuple[Character, ...]:
        columns = len(probabilities)
        best: NDArray[np.intp] = probabilities.argmax(axis=1)
        certainty = probabilities[np.arange(columns), best]
        edges = np.flatnonzero(np.diff(best)) + 1
        starts = np.concatenate(([0], edges))
        ends = np.concatenate((edges, [columns]))
        peaks = np.maximum.reduceat(certainty, starts)
        step = stretch / columns
        return tuple(
            Character(
                text=self._alphabet[best[start]],
                left=float(min(1.0, start * step)),
                right=float(min(1.0, end * step)),
                confidence=float(peak),
            )
            for start, end, peak in zip(starts, ends, peaks, strict=True)
            if best[start] != BLANK
        )


def mean_confidence(characters: tuple[Character, ...]) -> float:
    """The mean over the characters that show, in 0..1; 0 where none does."""
    visible = [character.confidence for character in characters if character.text.strip()]
    return sum(visible) / len(visible) if visible else 0.0


def _bucket(width: int) -> int:
    return max(NARROWEST, -(-width // BUCKET) * BUCKET)
