"""The reader's weights: PP-OCRv6 small, as the installed `rapidocr` wheel carries them, checked before use."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from readstone.core.errors import ConfigurationError

PACKAGE: Final = "rapidocr"
DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNISER: Final = "PP-OCRv6_rec_small.onnx"
DIGESTS: Final = {
    DETECTOR: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    RECOGNISER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}


@dataclass(frozen=True, slots=True)
class Weights:
    """Two verified ONNX files; `fingerprint` (16 hex digits) names the pair in answers and logs."""

    detector: Path
    recogniser: Path
    fingerprint: str


def find_weights(folder: Path | None = None) -> Weights:
    """The verified weights in `folder`, by default the folder inside the installed wheel.

    Reads files only: nothing is imported from the wheel and nothing is fetched. Raises
    ConfigurationError when a file is missing or is not the one the reader was measured with.
    """
    place = folder or _wheel_folder()
    for name, digest in DIGESTS.items():
        _verify(place / name, digest)
    pair = "".join(DIGESTS.values())
    return Weights(
        detector=place / DETECTOR,
        recogniser=place / RECOGNISER,
        fingerprint=hashlib.sha256(pair.encode()).hexdigest()[:16],
    )


def _wheel_folder() -> Path:
    # find_spec on a top-level name reads the package's address without running its code.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            f"The reader's weights are missing: install the package '{PACKAGE}' (./run setup does)."
        )
    return Path(spec.submodule_search_locations[0]) / "models"


def _verify(path: Path, expected: str) -> None:
    if not path.is_file():
        raise ConfigurationError(
            f"The reader's weights are incomplete: {path.name} is missing. Reinstall '{PACKAGE}'."
        )
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        raise ConfigurationError(
            f"The reader's weights differ from the ones it was measured with: {path.name} has SHA-256 "
            f"{actual}, expected {expected}. Reinstall '{PACKAGE}' in the pinned version."
        )
