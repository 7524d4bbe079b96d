"""Pixels become encoded images, and smaller where they must."""

import io

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from readstone.media.encode import LONGEST_JPEG, encode, shrink

Pixels = NDArray[np.uint8]


def gradient(width: int, height: int) -> Pixels:
    """Red grows to the right, green downwards."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    pixels[..., 1] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    return pixels


def readings(data: bytes) -> tuple[Pixels, Pixels]:
    """The pixels as two decoders see them, with no eye for orientation."""
    with Pillow.open(io.BytesIO(data)) as picture:
        assert picture.mode == "RGB"
        assert not picture.getexif()
        first = np.asarray(picture, np.uint8)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    second = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    assert second is not None
    return first, np.asarray(cv2.cvtColor(second, cv2.COLOR_BGR2RGB), np.uint8)


def test_a_png_holds_the_very_pixels() -> None:
    pixels = gradient(60, 40)
    for seen in readings(encode(pixels, "png")):
        assert (seen == pixels).all()


def test_a_jpeg_is_close_to_the_pixels() -> None:
    pixels = gradient(60, 40)
    for seen in readings(encode(pixels, "jpeg")):
        assert np.abs(seen.astype(int) - pixels.astype(int)).max() <= 6


def test_the_same_pixels_give_the_same_bytes() -> None:
    assert encode(gradient(9, 9), "jpeg") == encode(gradient(9, 9), "jpeg")


def test_what_is_small_enough_is_not_touched() -> None:
    pixels = gradient(60, 40)
    assert shrink(pixels, None) is pixels
    assert shrink(pixels, 2400, 60) is pixels


@pytest.mark.parametrize(
    ("width", "height", "most"), [(400, 300, 30_000), (401, 299, 12_345), (4, 60_000, 10_000)]
)
def test_a_picture_shrinks_to_the_bound_in_its_proportions(
    width: int, height: int, most: int
) -> None:
    small = shrink(gradient(width, height), most)

    assert 0.7 * most <= small.shape[0] * small.shape[1] <= most
    if width > 4:
        assert small.shape[1] / small.shape[0] == pytest.approx(width / height, rel=0.03)
        assert small[0, -1, 0] > 240
        assert small[0, 0, 0] < 15


def test_a_side_shrinks_to_what_a_jpeg_may_have() -> None:
    small = shrink(gradient(70_000, 4), None, LONGEST_JPEG)

    assert small.shape[1] == LONGEST_JPEG
    assert encode(small, "jpeg").startswith(b"\xff\xd8")
