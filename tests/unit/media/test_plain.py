"""What a header says of an image: whether every decoder shows it alike, and whether it was encoded without loss."""

import io
import struct
import zlib
from typing import get_args

import numpy as np
import pytest
from PIL import Image as Pillow

from readstone.core.chat import Image, ImageFormat
from readstone.media.decode import decode
from readstone.media.header import read_header
from readstone.media.inspect import ImageLimits, inspect

ALL: frozenset[ImageFormat] = frozenset(get_args(ImageFormat))


def save(kind: str, mode: str = "RGB", **options: object) -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (30, 40, 4), np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(noise).convert("RGB").convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def turned(orientation: int) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def with_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    more = struct.pack(">I", len(content)) + kind + content
    return data[:33] + more + struct.pack(">I", zlib.crc32(kind + content)) + data[33:]


def look(data: bytes) -> Image:
    return inspect(data, ImageLimits(), ALL, "image")


def moving(kind: str) -> bytes:
    return save(kind, save_all=True, append_images=[Pillow.new("RGB", (40, 30), "red")])


def transparent(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Pillow.new("RGBA", (40, 30), (1, 2, 3, 4)).save(stream, kind, **options)
    return stream.getvalue()


PLAIN = {
    "a jpeg": save("jpeg"),
    "a grey jpeg": save("jpeg", "L"),
    "a progressive jpeg": save("jpeg", progressive=True),
    "a jpeg without chroma": save("jpeg", keep_rgb=True),
    "a jpeg that says it is upright": save("jpeg", exif=turned(1)),
    "a jpeg with something after it": save("jpeg") + bytes(1000),
    "a png": save("png"),
    "a grey png": save("png", "L"),
    "a png that says it is upright": save("png", exif=turned(1)),
    "a webp": save("webp"),
    "a lossless webp": save("webp", lossless=True),
    "a webp that says it is upright": save("webp", exif=turned(1)),
    "a bitmap": save("bmp"),
}
NOT_PLAIN = {
    "inks": save("jpeg", "CMYK"),
    "a turned jpeg": save("jpeg", exif=turned(6)),
    "a mirrored jpeg": save("jpeg", exif=turned(2)),
    "a turned png": save("png", exif=turned(3)),
    "a turned webp": save("webp", exif=turned(8)),
    "a palette": save("png", "P"),
    "black and white": save("png", "1"),
    "16 bits": save("png", "I;16"),
    "grey with alpha": save("png", "LA"),
    "a png with alpha": transparent("png"),
    "a png with a transparent colour": with_chunk(save("png"), b"tRNS", bytes(6)),
    "an animated png": moving("png"),
    "a webp with alpha": transparent("webp"),
    "a lossless webp with alpha": transparent("webp", lossless=True),
    "an animated webp": moving("webp"),
    "a bitmap with a palette": save("bmp", "P"),
    "a bitmap with alpha": transparent("bmp"),
    "a bitmap with the oldest header": b"BM"
    + struct.pack("<IHHI", 0, 0, 0, 26)
    + struct.pack("<IHHHH", 12, 40, 30, 1, 24),
    "a jpeg cut short": save("jpeg")[:-30],
    "a png cut short": save("png")[:-30],
    "a webp cut short": save("webp")[:-30],
    "a bitmap cut short": save("bmp")[:-130],
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_every_decoder_shows_alike_is_plain(name: str) -> None:
    image = look(PLAIN[name])
    with Pillow.open(io.BytesIO(image.data)) as picture:
        seen = np.asarray(picture.convert("RGB"))

    assert image.plain
    assert (seen == decode(image)).all()


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_leaves_a_doubt_is_not_plain(name: str) -> None:
    assert not look(NOT_PLAIN[name]).plain


def test_twelve_bits_and_rare_codes_are_not_plain() -> None:
    data = save("jpeg")
    frame = data.index(b"\xff\xc0")
    for marker, depth in ((b"\xff\xc0", b"\x0c"), (b"\xff\xc9", b"\x08"), (b"\xff\xc3", b"\x08")):
        changed = data[:frame] + marker + data[frame + 2 : frame + 4] + depth + data[frame + 5 :]
        assert not look(changed).plain


@pytest.mark.parametrize(
    ("name", "lossless"),
    [("a jpeg", False), ("a png", True), ("a webp", False), ("a lossless webp", True)],
)
def test_whether_anything_was_lost_is_known(name: str, *, lossless: bool) -> None:
    image = look(PLAIN[name])
    assert read_header(image.data, image.format).lossless == lossless
