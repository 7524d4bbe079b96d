"""What a certainty is worth: from the mean probability of a word's letters to how often such words are right."""

from bisect import bisect_right
from dataclasses import replace
from typing import Final, TypeAlias

from readstone.core.document import Line
from readstone.core.model import Profile

Curve: TypeAlias = tuple[tuple[float, float], ...]
"""Points (certainty, share that is right), both in 0..1 and ascending, joined by straight lines; the first from (0, 0)."""

AS_GIVEN: Final[Curve] = ((1.0, 1.0),)
"""Leaves certainties as the models give them."""

# fmt: off
CURVES: Final[dict[Profile, Curve]] = {
    "fast": (
        (0.78772, 0.406), (0.91533, 0.684), (0.95087, 0.787), (0.96722, 0.823), (0.97635, 0.845),
        (0.98365, 0.894), (0.99008, 0.947), (0.99428, 0.948), (0.99705, 0.973), (0.99863, 0.974),
        (0.9993, 0.977), (0.99962, 0.986), (0.9999, 0.99),
    ),
    "balanced": (
        (0.78842, 0.372), (0.92587, 0.646), (0.96298, 0.81), (0.97588, 0.819), (0.98283, 0.889),
        (0.98797, 0.932), (0.99266, 0.946), (0.99545, 0.959), (0.99815, 0.974), (0.99937, 0.976),
        (0.99964, 0.985), (0.9999, 0.988),
    ),
    "best": (
        (0.80173, 0.379), (0.93516, 0.594), (0.9708, 0.754), (0.99012, 0.851), (0.99738, 0.926),
        (0.99897, 0.942), (0.99951, 0.958), (0.99976, 0.969), (0.99989, 0.981), (0.99995, 0.988),
        (0.99998, 0.994), (0.99999, 0.995),
    ),
}
# fmt: on
"""Fitted by `python -m benchmarks.reader.calibrate`; each profile is sure in its own way."""


def worth(curve: Curve, certainty: float) -> float:
    """The share of words of this certainty (0..1) that is right."""
    place = bisect_right(curve, certainty, key=lambda point: point[0])
    if place == len(curve):
        return curve[-1][1]
    (left, low), (right, high) = ((0.0, 0.0), *curve)[place : place + 2]
    return low + (high - low) * (certainty - left) / (right - left)


def weighed(line: Line, curve: Curve) -> Line:
    """The line with confidences that keep their word: its words' by the curve, its own the mean of theirs by letters."""
    words = tuple(replace(word, confidence=worth(curve, word.confidence)) for word in line.words)
    letters = sum(len(word.text) for word in words)
    confidence = sum(word.confidence * len(word.text) for word in words) / max(1, letters)
    return replace(line, confidence=confidence, words=words)
