"""Photos: a document on paper with the grain of a camera, about 5 MB as a phone's are."""

import io
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_WIDTH: Final = 3264
_HEIGHT: Final = 2448
_LINES: Final = 12
_GRAIN: Final = 15.0
"""Standard deviation of the noise: the text stays legible, and JPEG cannot pack it away."""
_QUALITY: Final = 95


def photo(number: int) -> bytes:
    """A JPEG of 8 megapixels; every number gives another one, the same number always the same."""
    page = Image.new("L", (_WIDTH, _HEIGHT), 205)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=64)
    for line in range(_LINES):
        draw.text((160, 160 + 170 * line), f"Client {number} has {line} barrels", 40, font=font)
    grain = np.random.default_rng(number).normal(0, _GRAIN, (_HEIGHT, _WIDTH, 3))
    pixels = np.asarray(page, np.float64)[..., None] + grain
    stream = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(stream, "jpeg", quality=_QUALITY)
    return stream.getvalue()
