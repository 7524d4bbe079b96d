import io
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL.Image import Transpose

from readstone.media.decode import decode
from readstone.media.inspect import ImageLimits, inspect

DATA = Path(__file__).parents[2] / "data"
SAMPLE = Path(str(files("readstone"))) / "assets" / "sample.jpg"
DOCUMENTS = [SAMPLE, *sorted(DATA.glob("*.jpg")), *sorted(DATA.glob("*.png"))]


def read(data: bytes) -> NDArray[np.uint8]:
    return decode(inspect(data, ImageLimits(), frozenset({"jpeg", "png", "webp"}), "image"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: Path(path).name)
def test_every_document_is_small_and_has_its_text(path: Path) -> None:
    assert path.stat().st_size <= (120_000 if path == SAMPLE else 200_000)
    assert path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    assert read(path.read_bytes()).std() > 10
    assert f"`{path.name}`" in (DATA / "README.md").read_text("utf-8").replace(
        "src/readstone/assets/", ""
    )


def test_a_page_is_the_same_however_it_is_stored() -> None:
    page = Pillow.open(DATA / "screen.png").convert("RGB")
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned, packed, inks = io.BytesIO(), io.BytesIO(), io.BytesIO()
    page.transpose(Transpose.ROTATE_90).save(turned, "png", exif=exif)
    page.save(packed, "webp", lossless=True)
    page.convert("CMYK").save(inks, "jpeg", quality=95)
    expected = np.asarray(page)
    assert (read(turned.getvalue()) == expected).all()
    assert (read(packed.getvalue()) == expected).all()
    assert np.abs(read(inks.getvalue()).astype(int) - expected).mean() < 3
