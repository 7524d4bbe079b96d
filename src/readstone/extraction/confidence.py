"""How sure an answer is: the strength of a claim as the share of such claims that were right."""

import math
from collections.abc import Mapping
from typing import Final

from readstone.extraction.candidates import Kind

_GROUPS: Final[Mapping[Kind, str]] = {
    "address": "address",
    "date": "date",
    "name": "name",
    "text": "name",
}
FULL: Final = 0.75
"""The strength from which on a claim is as sure as it gets."""
_CURVES: Final[Mapping[str, tuple[float, float]]] = {
    "address": (-2.44, 5.85),
    "date": (2.09, 2.92),
    "figures": (-1.59, 7.12),
    "name": (-8.93, 16.29),
}
"""Logistic curves over the strength, by `python -m benchmarks.extract.calibrate` on the development documents."""
CELL: Final = 0.79
PROVEN_CELL: Final = 0.97
"""How sure a cell of an item is; and where the row's quantity and price make its amount."""


def group_of(kind: Kind) -> str:
    """The kinds that share a curve: all that are told by their digits share one."""
    return _GROUPS.get(kind, "figures")


def calibrated(kind: Kind, strength: float) -> float:
    """The probability that a claim of this strength is right, as it was on the development documents."""
    begin, slope = _CURVES[group_of(kind)]
    return 1.0 / (1.0 + math.exp(-(begin + slope * min(strength, FULL))))
