"""How sure an answer is: the strength of a claim as the share of such claims that were right."""

from typing import Final

from readstone.extraction.candidates import Kind

_STEPS: Final = ((0.22, 0.4), (0.5, 0.6), (0.8, 0.85), (1.0, 0.95))


def calibrated(kind: Kind, strength: float) -> float:
    """The probability that a claim of this strength is right, as it was on the development data."""
    del kind
    below = _STEPS[0]
    for step in _STEPS:
        if strength <= step[0]:
            width = step[0] - below[0]
            share = (strength - below[0]) / width if width > 0 else 0.0
            return below[1] + share * (step[1] - below[1])
        below = step
    return _STEPS[-1][1]
