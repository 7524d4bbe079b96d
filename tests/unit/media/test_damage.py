import io
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageDraw

from readstone.core.chat import ImageFormat
from readstone.core.errors import InvalidImage, TooLarge
from readstone.media.decode import decode
from readstone.media.inspect import ImageLimits, inspect

ALL: frozenset[ImageFormat] = frozenset(get_args(ImageFormat))


def save(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def scene() -> Pillow.Image:
    """24 x 16 pixels that look different from each of the eight sides."""
    picture = Pillow.new("RGB", (24, 16), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 7, 7), "red")
    draw.rectangle((16, 0, 23, 7), "blue")
    draw.rectangle((0, 8, 7, 15), "green")
    return picture


SEEDS = [
    save(scene(), "jpeg", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"),
    save(scene(), "jpeg", progressive=True),
    save(scene().convert("CMYK"), "jpeg"),
    save(scene(), "png"),
    save(scene().convert("P"), "png", transparency=0),
    save(scene(), "png", save_all=True, append_images=[Pillow.new("RGB", (24, 16))]),
    save(scene(), "webp"),
    save(scene().convert("RGBA"), "webp", lossless=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
    save(scene(), "bmp"),
    save(scene().convert("P"), "bmp"),
]
SMALL = ImageLimits(pixels=1_000_000)


def survive(data: bytes) -> None:
    try:
        image = inspect(data, SMALL, ALL, "image")
        assert decode(image).shape == (image.height, image.width, 3)
    except (InvalidImage, TooLarge) as refusal:
        # Nothing else is caught; that a refusal names its field is the promise.
        if refusal.param != "image":
            raise


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    st.integers(0, 2000),
)
def test_no_damage_to_an_image_raises_anything_but_a_refusal(
    seed: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(seed)
    for position, value in changes:
        data[position % len(data)] = value
    survive(bytes(data if cut > len(data) else data[:cut]))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"RIFF\0\0\0\0WEBPVP8X", b"BM"]
    ),
    st.binary(max_size=200),
)
def test_no_bytes_after_a_signature_raise_anything_but_a_refusal(
    signature: bytes, rest: bytes
) -> None:
    survive(signature + rest)
