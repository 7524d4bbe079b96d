import io
import struct
import zlib
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from readstone.core.chat import ImageFormat
from readstone.media.decode import decode
from readstone.media.inspect import ImageLimits, inspect

ALL: frozenset[ImageFormat] = frozenset(get_args(ImageFormat))
Pixels = NDArray[np.uint8]


def read(data: bytes) -> Pixels:
    image = inspect(data, ImageLimits(), ALL, "image")
    pixels = decode(image)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (image.height, image.width, 3)
    assert pixels.flags.c_contiguous
    return pixels


def save(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(
    depth: int, colour: int, rows: list[bytes], width: int = 4, extra: tuple[bytes, ...] = ()
) -> bytes:
    """A PNG of the given raw rows, byte by byte."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def near(pixels: Pixels, expected: Pixels, tolerance: int) -> bool:
    return pixels.shape == expected.shape and bool(
        (np.abs(pixels.astype(int) - expected.astype(int)) <= tolerance).all()
    )


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ((0, 0, 0, 0), (255, 255, 255)),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((0, 255, 255, 0), (255, 0, 0)),
        ((255, 0, 255, 0), (0, 255, 0)),
        ((0, 0, 0, 128), (127, 127, 127)),
    ],
)
def test_a_cmyk_jpeg_has_the_colours_of_its_inks(
    ink: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> None:
    data = save(Pillow.new("CMYK", (16, 16), ink), "jpeg", quality=100)
    assert b"Adobe" in data  # saved inverted, as Adobe's programs do
    assert near(read(data), np.full((16, 16, 3), colour, np.uint8), 3)


def test_a_ycck_jpeg_has_the_colours_of_its_inks() -> None:
    # Adobe's second four-channel kind: the inks C, M and Y as luma and chroma. The library cannot write it:
    # the channels are converted here and the marker's last byte says so.
    inks = Pillow.new("RGB", (16, 16), (0, 255, 255)).convert("YCbCr").split()
    stored = [channel.point([255 - value for value in range(256)]) for channel in inks]
    data = save(Pillow.merge("CMYK", [*stored, Pillow.new("L", (16, 16))]), "jpeg", quality=100)
    marker = data.index(b"Adobe") + 11
    assert data[marker] == 0
    data = data[:marker] + b"\2" + data[marker + 1 :]
    assert near(read(data), np.full((16, 16, 3), (255, 0, 0), np.uint8), 6)


def test_a_grey_16_bit_png_is_scaled_and_not_clipped() -> None:
    values = [0, 255, 256, 0x7FFF, 0x8000, 0xFF00, 0xFFFF, 1000]
    row = struct.pack(">8H", *values)
    pixels = read(png(16, 0, [row] * 4, width=8))
    assert pixels[0, :, 0].tolist() == [value >> 8 for value in values]


def test_a_colour_16_bit_png_is_scaled_and_not_clipped() -> None:
    row = struct.pack(">3H", 0xFFFF, 0x8000, 0x00FF) * 4
    assert read(png(16, 2, [row] * 4))[0, 0].tolist() == [255, 128, 0]


def test_a_grey_16_bit_png_with_alpha_is_laid_on_white() -> None:
    row = struct.pack(">8H", 0, 0xFFFF, 0, 0, 0xFFFF, 0xFFFF, 0x8000, 0xFFFF)
    assert read(png(16, 4, [row] * 4))[0, :, 1].tolist() == [0, 255, 255, 128]


@pytest.mark.parametrize(
    ("depth", "row", "values"),
    [
        (1, b"\x50", [0, 255, 0, 255]),
        (2, b"\x1b", [0, 85, 170, 255]),
        (4, b"\x08\xfc", [0, 136, 255, 204]),
        (8, b"\0\x7f\x80\xff", [0, 127, 128, 255]),
    ],
)
def test_grey_of_every_depth_spans_black_to_white(
    depth: int, row: bytes, values: list[int]
) -> None:
    assert read(png(depth, 0, [row] * 4))[0, :, 2].tolist() == values


@pytest.mark.parametrize(
    ("depth", "row", "key", "values"),
    [
        (1, b"\x50", 0, [255, 255, 255, 255]),
        (2, b"\x1b", 1, [0, 255, 170, 255]),
        (4, b"\x08\xfc", 8, [0, 255, 255, 204]),
        (8, b"\0\x7f\x80\xff", 0, [255, 127, 128, 255]),
        (16, struct.pack(">4H", 0, 0x1234, 0x8000, 0xFFFF), 0x1234, [0, 255, 128, 255]),
    ],
)
def test_a_transparent_grey_becomes_white(
    depth: int, row: bytes, key: int, values: list[int]
) -> None:
    extra = (chunk(b"tRNS", struct.pack(">H", key)),)
    assert read(png(depth, 0, [row] * 4, extra=extra))[0, :, 0].tolist() == values


@pytest.mark.parametrize(("depth", "form"), [(8, ">3B"), (16, ">3H")])
def test_a_transparent_colour_becomes_white(depth: int, form: str) -> None:
    top = (1 << depth) - 1
    row = struct.pack(form, top, 0, 0) * 2 + struct.pack(form, 0, 0, top) * 2
    extra = (chunk(b"tRNS", struct.pack(">3H", top, 0, 0)),)
    pixels = read(png(depth, 2, [row] * 4, extra=extra))
    assert pixels[0, 1].tolist() == [255, 255, 255]
    assert pixels[0, 2].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (None, [[255, 0, 0], [0, 0, 255]]),
        (b"\0", [[255, 255, 255], [0, 0, 255]]),
        (b"\xff\x80", [[255, 0, 0], [127, 127, 255]]),
    ],
)
def test_a_palette_and_its_transparency_become_colours(
    alpha: bytes | None, expected: list[list[int]]
) -> None:
    extra = (chunk(b"PLTE", b"\xff\0\0\0\0\xff"),)
    extra += (chunk(b"tRNS", alpha),) if alpha is not None else ()
    pixels = read(png(8, 3, [b"\0\1\0\1"] * 4, extra=extra))
    assert near(pixels[:1, :2], np.array([expected], np.uint8), 1)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_an_alpha_channel_is_laid_on_white(kind: str) -> None:
    picture = Pillow.new("RGBA", (8, 8), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (4, 0, 8, 8))
    options = {"lossless": True} if kind == "webp" else {}
    pixels = read(save(picture, kind, **options))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 7].tolist() == [255, 0, 0]


def test_half_transparent_black_is_grey() -> None:
    pixels = read(save(Pillow.new("RGBA", (4, 4), (0, 0, 0, 128)), "png"))
    assert near(pixels, np.full((4, 4, 3), 127, np.uint8), 1)


def bitmap(pixel: bytes, last: bytes) -> bytes:
    """A bitmap of 4 x 4 pixels (B, G, R, A) with the header that declares an alpha channel."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 4, 4, 1, 32, 3, 64, 0, 0, 0, 0) + masks + bytes(52)
    return b"BM" + struct.pack("<IHHI", 186, 0, 0, 122) + header + pixel * 15 + last


def test_a_bitmap_with_alpha_is_laid_on_white() -> None:
    pixels = read(bitmap(b"\x1e\x14\x0a\0", b"\x1e\x14\x0a\xff"))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 3].tolist() == [10, 20, 30]


def test_a_bitmap_whose_alpha_nobody_filled_in_is_opaque() -> None:
    pixels = read(bitmap(b"\x1e\x14\x0a\0", b"\x1e\x14\x0a\0"))
    assert pixels[0, 0].tolist() == [10, 20, 30]
