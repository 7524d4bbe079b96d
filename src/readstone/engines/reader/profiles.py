"""Profiles: which models read a page, and how soon the better ones are asked."""

from dataclasses import dataclass
from typing import Final

from readstone.core.model import Profile
from readstone.engines.reader.cascade import Cascade, Gate, Strips
from readstone.engines.reader.detector import Detector
from readstone.engines.reader.recogniser import Recogniser
from readstone.engines.reader.session import Session
from readstone.engines.reader.weights import Weights

BALANCED: Final[Profile] = "balanced"
GATES: Final[dict[Profile, Gate]] = {
    "fast": Gate(letter=0.7, space=0.4, unread=0.12, missed=0.2),
    "balanced": Gate(letter=0.87, space=0.5, unread=0.05, missed=0.2),
}
"""Set on labelled pages (benchmarks/reader): `balanced` where more passes of the better model stopped paying."""
SQUEEZE: Final = 0.85
"""The tiny recogniser reads lines at this share of their width as well as at all of it; the small one loses a point."""
LEAST: Final[dict[Profile, float]] = {"fast": 0.6, "balanced": 0.65}
"""How far the tiny detector may shrink a page of large print."""


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a profile: what finds lines, what reads them, and what reads those in small print."""

    detector: Detector
    strips: Strips
    small_print: Strips


def load(weights: Weights, profile: Profile) -> Models:
    """The models of a profile, ready to run."""
    small = small_recogniser(weights)
    if profile == "best":
        return Models(Detector(Session(weights.detector, arena=True)), small, small)
    detector = Detector(Session(weights.tiny_detector, arena=True), LEAST[profile])
    return Models(detector, Cascade(tiny_recogniser(weights), small, GATES[profile]), small)


def small_recogniser(weights: Weights) -> Recogniser:
    """The better one; its alphabet is in its metadata."""
    session = Session(weights.recogniser)
    return Recogniser(session, session.metadata("character").split("\n"))


def tiny_recogniser(weights: Weights) -> Recogniser:
    """The quick one; its alphabet is a file beside it."""
    characters = weights.tiny_alphabet.read_bytes().decode().split("\r\n")
    return Recogniser(Session(weights.tiny_recogniser), characters[:-1], SQUEEZE)
