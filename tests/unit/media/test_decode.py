import io
import struct
import zlib
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw
from PIL.Image import Transpose

from readstone.core.chat import Image, ImageFormat
from readstone.core.errors import InvalidImage, TooLarge
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


def scene() -> Pillow.Image:
    """24 x 16 pixels that look different from each of the eight sides."""
    picture = Pillow.new("RGB", (24, 16), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 7, 7), "red")
    draw.rectangle((16, 0, 23, 7), "blue")
    draw.rectangle((0, 8, 7, 15), "green")
    return picture


def near(pixels: Pixels, expected: Pixels, tolerance: int) -> bool:
    return pixels.shape == expected.shape and bool(
        (np.abs(pixels.astype(int) - expected.astype(int)) <= tolerance).all()
    )


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("png", {}, 0),
        ("bmp", {}, 0),
        ("webp", {"lossless": True}, 0),
        ("jpeg", {"quality": 100, "subsampling": 0}, 6),
        ("jpeg", {"quality": 100, "subsampling": 0, "progressive": True}, 6),
        ("jpeg", {"quality": 100, "keep_rgb": True}, 6),
    ],
)
def test_colours_come_back_as_they_were_saved(
    kind: str, options: dict[str, object], tolerance: int
) -> None:
    assert near(read(save(scene(), kind, **options)), np.asarray(scene()), tolerance)


@pytest.mark.parametrize("colour", ["red", "green", "blue", "white", "black"])
def test_a_lossy_webp_keeps_its_colour(colour: str) -> None:
    picture = Pillow.new("RGB", (16, 16), colour)
    assert near(read(save(picture, "webp", quality=95)), np.asarray(picture), 4)


# What a camera held in each way has stored of an upright scene.
STORED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


@pytest.mark.parametrize(
    ("kind", "options"),
    [("png", {}), ("webp", {"lossless": True}), ("jpeg", {"quality": 100, "subsampling": 0})],
)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_back_upright(
    kind: str, options: dict[str, object], orientation: int
) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    stored = scene() if orientation == 1 else scene().transpose(STORED[orientation])
    data = save(stored, kind, exif=exif.tobytes(), **options)
    assert near(read(data), np.asarray(scene()), 6)


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


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
@pytest.mark.parametrize("kind", ["png", "bmp"])
def test_every_mode_of_a_plain_picture_is_read(kind: str, mode: str) -> None:
    picture = Pillow.new("L", (9, 5), 255)
    picture.paste(0, (0, 0, 4, 5))
    pixels = read(save(picture.convert(mode), kind))
    assert pixels[2, 0].tolist() == [0, 0, 0]
    assert pixels[2, 8].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Pillow.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
    options: dict[str, object] = {"lossless": True} if kind == "webp" else {}
    data = save(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert read(data)[0, 0].tolist() == [255, 0, 0]


def test_a_broken_animation_still_gives_its_picture() -> None:
    animation = chunk(b"acTL", struct.pack(">II", 0, 0)) * 2
    data = save(scene(), "png")
    assert near(read(data[:33] + animation + data[33:]), np.asarray(scene()), 0)


def test_profiles_and_texts_of_any_size_are_no_problem() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    extra = chunk(b"iCCP", b"x\0\0" + bomb) + chunk(b"zTXt", b"x\0\0" + bomb) * 3
    data = save(scene(), "png")
    assert near(read(data[:33] + extra + data[33:-12] + extra + data[-12:]), np.asarray(scene()), 0)


def noise(size: tuple[int, int] = (64, 64)) -> Pillow.Image:
    values = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Pillow.fromarray(values)


@pytest.mark.parametrize("kind", get_args(ImageFormat))
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_an_image_cut_short_is_refused_with_its_param(kind: ImageFormat, part: float) -> None:
    data = save(noise(), kind)
    image = inspect(data[: int(len(data) * part)], ImageLimits(), ALL, "files[3]")
    with pytest.raises(InvalidImage) as caught:
        decode(image)
    assert caught.value.message == "The image in files[3] is cut short."
    assert caught.value.param == "files[3]"


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return (
        data[:middle]
        + bytes(byte ^ 0xFF for byte in data[middle : middle + 40])
        + data[middle + 40 :]
    )


def with_an_odd_compression(data: bytes) -> bytes:
    return data[:30] + struct.pack("<I", 99) + data[34:]


def with_an_odd_depth(data: bytes) -> bytes:
    return data[:24] + b"\7" + data[25:]


def with_zeros(data: bytes) -> bytes:
    return data[:30] + bytes(1000) + data[1030:]


@pytest.mark.parametrize(
    ("data", "harm"),
    [
        (save(noise(), "png"), flip),
        (save(noise(), "bmp"), with_an_odd_compression),
        (save(noise(), "png"), with_an_odd_depth),
        (save(noise(), "webp", lossless=True), with_zeros),
    ],
)
def test_a_broken_image_is_refused_without_words_of_the_library(
    data: bytes, harm: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(InvalidImage) as caught:
        read(harm(data))
    assert caught.value.message == "The image in image is broken."
    assert caught.value.__suppress_context__


def test_an_image_that_is_not_what_it_was_inspected_as_is_refused() -> None:
    image = inspect(save(scene(), "png"), ImageLimits(), ALL, "image")
    smaller = Image(image.data, image.format, image.width - 1, image.height, image.param)
    with pytest.raises(InvalidImage):
        decode(smaller)


def test_a_picture_larger_than_one_strip_is_read_whole() -> None:
    picture = Pillow.new("L", (2500, 2500), 255)
    picture.paste(0, (0, 2000, 2500, 2500))
    pixels = read(save(picture, "png"))
    assert pixels[1999, 0, 0] == 255
    assert not pixels[2000:].any()


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
