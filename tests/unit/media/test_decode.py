import io
import struct
import zlib
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw
from PIL.Image import Transpose

from readstone.core.chat import Image, ImageFormat
from readstone.core.errors import InvalidImage
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


def progressive(*, scans: int, between: bytes = b"") -> bytes:
    """A progressive JPEG whose last scan is there again and again."""
    data = save(scene(), "jpeg", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + (between + last) * scans + b"\xff\xd9"


# A comment that looks like the end of the image is none.
@pytest.mark.parametrize("between", [b"", b"\xff\xfe\x00\x06\xff\xd9\xff\xd9"])
def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded(between: bytes) -> None:
    assert read(progressive(scans=5, between=between)).shape == (16, 24, 3)
    with pytest.raises(InvalidImage, match="more than 100 scans"):
        read(progressive(scans=3000, between=between))


def test_as_is_one_of_segments_without_end() -> None:
    data = save(scene(), "jpeg")
    scan = data.index(b"\xff\xda")
    with pytest.raises(InvalidImage, match="scans"):
        read(data[:scan] + b"\xff\xfe\x00\x02" * 20_000 + data[scan:])


def test_what_follows_an_image_in_its_file_is_not_counted() -> None:
    data = save(scene(), "jpeg")
    assert read(data + b"\xff\xda\x00\x02" * 500).shape == (16, 24, 3)
    thumbnail = b"\xff\xe1" + (2 + 4 * 400).to_bytes(2) + b"\xff\xda\x00\x02" * 400
    assert read(data[:2] + thumbnail + data[2:]).shape == (16, 24, 3)
