"""The reader's weights: PP-OCRv6 small out of the installed `rapidocr` wheel, tiny beside this code; checked before use."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from readstone.core.errors import ConfigurationError

PACKAGE: Final = "rapidocr"
DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNISER: Final = "PP-OCRv6_rec_small.onnx"
TINY_DETECTOR: Final = "PP-OCRv6_det_tiny.onnx"
TINY_RECOGNISER: Final = "PP-OCRv6_rec_tiny.onnx"
TINY_ALPHABET: Final = "PP-OCRv6_rec_tiny.txt"
DIGESTS: Final = {
    DETECTOR: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    RECOGNISER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}
TINY_DIGESTS: Final = {
    TINY_DETECTOR: "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
    TINY_RECOGNISER: "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
    TINY_ALPHABET: "2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
}
"""As PaddlePaddle publishes them (benchmarks/reader/weights.py takes them out of another project's wheel)."""

_OURS: Final = Path(__file__).parents[2] / "assets" / "weights"


@dataclass(frozen=True, slots=True)
class Weights:
    """Verified files; `fingerprint` (16 hex digits) names them all in answers and logs."""

    detector: Path
    recogniser: Path
    tiny_detector: Path
    tiny_recogniser: Path
    tiny_alphabet: Path
    fingerprint: str


def find_weights(folder: Path | None = None) -> Weights:
    """The verified weights in `folder`, by default those of the installed wheel and of this package.

    Reads files only: nothing is imported from the wheel and nothing is fetched. Raises
    ConfigurationError when a file is missing or is not the one the reader was measured with.
    """
    small = folder or _wheel_folder()
    tiny = folder or _OURS
    for name, digest in DIGESTS.items():
        _verify(small / name, digest, PACKAGE)
    for name, digest in TINY_DIGESTS.items():
        _verify(tiny / name, digest, "readstone")
    everything = "".join([*DIGESTS.values(), *TINY_DIGESTS.values()])
    return Weights(
        detector=small / DETECTOR,
        recogniser=small / RECOGNISER,
        tiny_detector=tiny / TINY_DETECTOR,
        tiny_recogniser=tiny / TINY_RECOGNISER,
        tiny_alphabet=tiny / TINY_ALPHABET,
        fingerprint=hashlib.sha256(everything.encode()).hexdigest()[:16],
    )


def _wheel_folder() -> Path:
    # find_spec on a top-level name reads the package's address without running its code.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            f"The reader's weights are missing: install the package '{PACKAGE}' (./run setup does)."
        )
    return Path(spec.submodule_search_locations[0]) / "models"


def _verify(path: Path, expected: str, package: str) -> None:
    if not path.is_file():
        raise ConfigurationError(
            f"The reader's weights are incomplete: {path.name} is missing. Reinstall '{package}'."
        )
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        raise ConfigurationError(
            f"The reader's weights differ from the ones it was measured with: {path.name} has SHA-256 "
            f"{actual}, expected {expected}. Reinstall '{package}' in the pinned version."
        )
