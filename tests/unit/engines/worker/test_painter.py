"""What is made of images of every kind: upright, opaque RGB in a format the engine takes."""

import io
import struct
import zlib
from contextlib import aclosing

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw
from PIL.Image import Transpose

import pdfs
from pdfs import Sheet
from readstone.core.chat import Document, Image, ImageFormat, Source
from readstone.core.errors import InvalidImage
from readstone.engines.pictures import Wanted
from readstone.engines.worker.frames import Painted
from readstone.engines.worker.painter import Painter
from readstone.engines.worker.threads import Threads
from readstone.media.inspect import ImageLimits, inspect

WANTED = Wanted(frozenset({"jpeg", "png"}))
ALL: frozenset[ImageFormat] = frozenset({"jpeg", "png", "webp", "bmp"})
Pixels = NDArray[np.uint8]
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


@pytest.fixture
def painter() -> Painter:
    return Painter(Threads(1))


def scene() -> Pillow.Image:
    """48 x 32 pixels that look different from each of the eight sides."""
    picture = Pillow.new("RGB", (48, 32), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 15, 15), "red")
    draw.rectangle((32, 0, 47, 15), "blue")
    draw.rectangle((0, 16, 15, 31), "green")
    return picture


def save(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def image(data: bytes) -> Image:
    return inspect(data, ImageLimits(), ALL, "messages[0].content[0]")


async def paint(painter: Painter, source: Source, wanted: Wanted = WANTED) -> list[Painted]:
    async with aclosing(painter.paint(7, source, wanted)) as pictures:
        return [picture async for picture in pictures]


def seen(picture: Painted) -> Pixels:
    """The pixels as a decoder without EXIF, alpha or palettes in mind sees them."""
    assert image(picture.data).plain
    assert image(picture.data).format == picture.format
    with Pillow.open(io.BytesIO(picture.data)) as opened:
        assert opened.mode == "RGB"
        assert opened.size == (picture.width, picture.height)
        return np.asarray(opened, np.uint8)


async def made(painter: Painter, data: bytes, wanted: Wanted = WANTED) -> tuple[Painted, Pixels]:
    (picture,) = await paint(painter, image(data), wanted)
    assert (picture.id, picture.page, picture.pages) == (7, 0, 1)
    return picture, seen(picture)


def near(pixels: Pixels, expected: object, tolerance: int) -> bool:
    return bool((np.abs(pixels.astype(int) - np.asarray(expected, int)) <= tolerance).all())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("png", {}, 0),
        ("webp", {"lossless": True}, 0),
        ("jpeg", {"quality": 100, "subsampling": 0}, 12),
    ],
)
async def test_every_orientation_comes_out_upright(
    painter: Painter, kind: str, options: dict[str, object], tolerance: int, orientation: int
) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    stored = scene() if orientation == 1 else scene().transpose(STORED[orientation])
    data = save(stored, kind, exif=exif.tobytes(), **options)

    picture, pixels = await made(painter, data)

    assert picture.format == ("png" if tolerance == 0 else "jpeg")
    assert near(pixels, scene(), tolerance)


async def test_inks_become_colours(painter: Painter) -> None:
    data = save(Pillow.new("CMYK", (16, 16), (0, 255, 255, 0)), "jpeg", quality=100)
    _, pixels = await made(painter, data)
    assert near(pixels, [255, 0, 0], 4)


async def test_16_bits_are_scaled(painter: Painter) -> None:
    values = [0, 255, 0x8000, 0xFFFF]
    deep = Pillow.frombytes("I;16", (4, 1), struct.pack("<4H", *values)).resize((4, 4))
    _, pixels = await made(painter, save(deep, "png"))
    assert pixels[0, :, 1].tolist() == [value >> 8 for value in values]


@pytest.mark.parametrize("kind", ["png", "webp", "bmp"])
async def test_transparency_is_laid_on_white(painter: Painter, kind: str) -> None:
    picture = Pillow.new("RGBA", (8, 8), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (4, 0, 8, 8))
    options = {"lossless": True} if kind == "webp" else {}
    _, pixels = await made(painter, save(picture, kind, **options))
    if kind != "bmp":  # a bitmap saved like this does not say that it has an alpha channel
        assert near(pixels[:, :4], [255, 255, 255], 0)
    assert near(pixels[:, 4:], [255, 0, 0], 0)


@pytest.mark.parametrize("kind", ["png", "webp"])
async def test_an_animation_gives_its_first_frame(painter: Painter, kind: str) -> None:
    frames = [Pillow.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
    data = save(frames[0], kind, save_all=True, append_images=frames[1:])
    _, pixels = await made(painter, data)
    assert near(pixels, [255, 0, 0], 6)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA"])
async def test_every_mode_becomes_colours_of_8_bits(painter: Painter, mode: str) -> None:
    picture = Pillow.new("L", (10, 6), 255)
    picture.paste(0, (0, 0, 4, 6))
    _, pixels = await made(painter, save(picture.convert(mode), "png"))
    assert near(pixels, np.asarray(picture)[..., None].repeat(3, axis=2), 0)


def noise(width: int, height: int) -> Pillow.Image:
    values = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return Pillow.fromarray(values)


@pytest.mark.parametrize(
    ("kind", "size", "formats", "becomes"),
    [
        ("webp", (64, 48), {"jpeg", "png"}, "jpeg"),
        ("jpeg", (64, 48), {"png"}, "png"),
        ("bmp", (64, 48), {"jpeg", "png"}, "png"),
        ("bmp", (64, 48), {"jpeg", "webp"}, "jpeg"),
        ("bmp", (1200, 1000), {"jpeg", "png"}, "jpeg"),
        ("bmp", (1200, 1000), {"png"}, "png"),
    ],
)
async def test_the_format_is_one_the_engine_takes_and_fits_what_came(
    painter: Painter, kind: str, size: tuple[int, int], formats: set[ImageFormat], becomes: str
) -> None:
    picture, _ = await made(painter, save(noise(*size), kind), Wanted(frozenset(formats)))
    assert picture.format == becomes


async def test_a_strip_longer_than_a_jpeg_may_be_is_a_png_or_smaller(painter: Painter) -> None:
    strip = save(Pillow.new("RGB", (8, 70_000), "red"), "png")

    whole, _ = await made(painter, strip)
    less, _ = await made(painter, strip, Wanted(frozenset({"jpeg"})))

    assert (whole.format, whole.height) == ("png", 70_000)
    assert (less.format, less.height) == ("jpeg", 65_500)


async def test_a_picture_of_too_many_pixels_becomes_smaller(painter: Painter) -> None:
    bound = Wanted(frozenset({"jpeg"}), pixels=10_000)
    picture, _ = await made(painter, save(noise(400, 100), "jpeg"), bound)
    assert (picture.width, picture.height) == (200, 50)


async def test_a_documents_pages_come_in_their_order_at_the_resolution_wanted(
    painter: Painter,
) -> None:
    greys = (0, 60, 120, 180)
    sheets = [
        Sheet(pdfs.picture(144, 72), "0 0 144 72", picture=Pillow.new("L", (2, 1), grey))
        for grey in greys
    ]
    document = Document(pdfs.pdf(*sheets), 100, 25_000_000, "file")

    pictures = await paint(painter, document, Wanted(frozenset({"jpeg"}), dpi=100))

    assert [(picture.page, picture.pages) for picture in pictures] == [(n, 4) for n in range(4)]
    assert [(picture.width, picture.height) for picture in pictures] == [(200, 100)] * 4
    assert all(near(seen(p), [grey] * 3, 3) for p, grey in zip(pictures, greys, strict=True))


async def test_pages_are_drawn_within_the_bounds_of_pixels(painter: Painter) -> None:
    data = pdfs.pdf(Sheet(b""))

    for most, bound in ((1_000_000, None), (25_000_000, 1_000_000), (500_000, 1_000_000)):
        document = Document(data, 100, most, "file")
        (page,) = await paint(painter, document, Wanted(frozenset({"png"}), pixels=bound))
        assert 0.98 * min(most, 1_000_000) < page.width * page.height <= min(most, 1_000_000)


def broken_png() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + struct.pack(">I", zlib.crc32(header))
    return head + save(noise(40, 30), "png")[200:]


@pytest.mark.parametrize(
    "source",
    [
        image(broken_png()),
        image(save(noise(64, 64), "webp", lossless=True)[:2000]),
        Document(pdfs.locked(), 100, 1_000_000, "messages[0].content[0]"),
        Document(b"%PDF-1.7\nnothing", 100, 1_000_000, "messages[0].content[0]"),
        Document(pdfs.pdf(*[Sheet(b"")] * 3), 2, 1_000_000, "messages[0].content[0]"),
    ],
)
async def test_what_is_broken_is_refused_with_its_field(painter: Painter, source: Source) -> None:
    with pytest.raises(InvalidImage) as caught:
        await paint(painter, source)
    assert caught.value.param == "messages[0].content[0]"
