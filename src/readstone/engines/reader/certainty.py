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
        (0.78373, 0.396), (0.91437, 0.684), (0.95039, 0.797), (0.97219, 0.825), (0.98364, 0.9),
        (0.99021, 0.94), (0.99436, 0.947), (0.997, 0.97), (0.99863, 0.971), (0.99928, 0.977),
        (0.99961, 0.985), (0.99983, 0.993), (0.99996, 0.993),
    ),
    "balanced": (
        (0.79123, 0.362), (0.92868, 0.621), (0.96549, 0.768), (0.97835, 0.835), (0.98474, 0.891),
        (0.98943, 0.947), (0.9934, 0.948), (0.99588, 0.964), (0.99831, 0.972), (0.99939, 0.977),
        (0.99966, 0.983), (0.99985, 0.99), (0.99996, 0.991),
    ),
    "best": (
        (0.79885, 0.364), (0.93438, 0.589), (0.97035, 0.758), (0.99005, 0.852), (0.99737, 0.922),
        (0.99897, 0.943), (0.99951, 0.956), (0.99976, 0.969), (0.99989, 0.981), (0.99995, 0.988),
        (0.99998, 0.993), (0.99999, 0.995),
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
