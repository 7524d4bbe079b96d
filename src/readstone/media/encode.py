"""From upright RGB pixels to an encoded image; runs in the worker, beside the decoder."""

import math
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

LONGEST_JPEG: Final = 65_500
"""Pixels of a side: what JPEG libraries write at most."""
_QUALITY: Final = 92
_COMPRESSION: Final = 3  # of PNG: twice as fast as 6, for a twentieth more bytes


def encode(pixels: NDArray[np.uint8], image_format: Literal["jpeg", "png"]) -> bytes:
    """Encode `pixels`, height x width x 3, RGB: a jpeg of quality 92 whose colours are as fine as its light, or a png.

    It holds pixels only: no profile, no EXIF data, nothing of the file it came from. A side of a jpeg is at most
    `LONGEST_JPEG`.
    """
    if image_format == "png":
        name, options = ".png", [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION]
    else:
        name = ".jpg"
        fine = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, fine]
    _, encoded = cv2.imencode(name, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return encoded.tobytes()


def shrink(
    pixels: NDArray[np.uint8], most: int | None, longest: int | None = None
) -> NDArray[np.uint8]:
    """The picture with at most `most` pixels and no side over `longest`, in its proportions; itself where it is so."""
    height, width = pixels.shape[:2]
    scale = 1.0
    if most is not None and width * height > most:
        scale = math.sqrt(most / (width * height))
    if longest is not None:
        scale = min(scale, longest / max(width, height))
    if scale >= 1.0:
        return pixels
    size = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
    if most is not None:  # a side that would be less than a pixel leaves less for the other
        size = min(size[0], most // min(size)), min(size[1], most // min(size))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
