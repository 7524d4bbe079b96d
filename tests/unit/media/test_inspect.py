import io
import struct
import zlib
from dataclasses import replace
from typing import get_args

import pytest
from PIL import Image as Pillow

from readstone.core.chat import Image, ImageFormat
from readstone.core.errors import ConfigurationError, InvalidImage, TooLarge
from readstone.media.inspect import ImageLimits, inspect

ALL: frozenset[ImageFormat] = frozenset(get_args(ImageFormat))
PARAM = "messages[0].content[1].image_url"


def look(
    data: bytes, limits: ImageLimits | None = None, allowed: frozenset[ImageFormat] = ALL
) -> Image:
    return inspect(data, limits or ImageLimits(), allowed, PARAM)


def encode(
    kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: object
) -> bytes:
    stream = io.BytesIO()
    Pillow.new(mode, size).save(stream, kind, **options)
    return stream.getvalue()


def turned(orientation: int) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize("kind", get_args(ImageFormat))
def test_format_and_size_are_read_from_the_bytes(kind: ImageFormat) -> None:
    data = encode(kind)
    assert look(data) == Image(data, kind, 40, 30, PARAM, plain=True)


@pytest.mark.parametrize(
    "data",
    [
        encode("jpeg", progressive=True),
        encode("jpeg", mode="L"),
        encode("jpeg", mode="CMYK"),
        encode("jpeg", comment=b"\xff\xd9" * 1000),
        encode("png", mode="P"),
        encode("png", mode="1"),
        encode("png", mode="I;16"),
        encode("webp", lossless=True),
        encode("webp", mode="RGBA"),
        encode("webp", exif=turned(1)),
        encode("webp", save_all=True, append_images=[Pillow.new("RGB", (40, 30), "red")]),
        encode("png", save_all=True, append_images=[Pillow.new("RGB", (40, 30), "red")]),
        encode("bmp", mode="1"),
        encode("bmp", mode="P"),
        encode("bmp", mode="RGBA"),
    ],
)
def test_the_size_is_found_in_every_variant_of_a_format(data: bytes) -> None:
    image = look(data)
    assert (image.width, image.height) == (40, 30)


def test_the_size_of_a_bitmap_with_the_oldest_header_is_found() -> None:
    data = b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, 40, 30, 1, 24)
    image = look(data)
    assert (image.width, image.height) == (40, 30)


def test_a_bitmap_stored_from_the_top_down_has_a_height() -> None:
    data = bytearray(encode("bmp"))
    data[22:26] = struct.pack("<i", -30)
    assert look(bytes(data)).height == 30


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_has_the_size_of_the_upright_one(kind: str, orientation: int) -> None:
    image = look(encode(kind, exif=turned(orientation)))
    assert (image.width, image.height) == ((30, 40) if orientation >= 5 else (40, 30))


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 9, 0),
        b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHH", 0x0112, 2, 1, 6, 0),
        b"Exif\0\0XX*\0\x08\0\0\0\1\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0),
        b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHI", 0x0112, 3, 1),
    ],
)
def test_broken_exif_data_is_ignored(exif: bytes) -> None:
    assert look(encode("jpeg", exif=exif)).width == 40


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_read_in_both_byte_orders(order: str) -> None:
    exif = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, 1)
    exif += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, 6, 0)
    assert look(encode("jpeg", exif=b"Exif\0\0" + exif)).width == 30


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (encode("gif"), "a GIF image"),
        (encode("tiff"), "a TIFF image"),
        (encode("avif"), "an AVIF image"),
        (encode("ico"), "an icon file"),
        (encode("jpeg2000"), "a JPEG 2000 image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC image"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\r\n\r\n%PDF-1.7\n", "a PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///'>]><svg/>", "an SVG"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b"PK\x03\x04\x14\0", "a ZIP archive or an office document"),
        (b"data:image/png;base64,AAAA", "a data URI inside the data"),
        (b"just a text that somebody called scan.png", "text"),
        ("Ein schöner Text".encode(), "text"),
        (b"BM is how this text begins", "text"),
        (b"\0\1\2\3", "not an image"),
    ],
)
def test_what_is_no_image_we_read_is_named_in_the_refusal(data: bytes, what: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        look(data, allowed=frozenset({"jpeg", "png", "webp"}))
    assert caught.value.message == f"What was sent in {PARAM} is {what}; send jpeg, png or webp."
    assert caught.value.param == PARAM


def test_a_format_we_read_but_do_not_allow_here_is_refused_by_name() -> None:
    with pytest.raises(InvalidImage, match=r"is a BMP image; send jpeg\.$"):
        look(encode("bmp"), allowed=frozenset({"jpeg"}))


def test_no_data_is_refused() -> None:
    with pytest.raises(InvalidImage, match="is empty"):
        look(b"")


def test_a_file_of_exactly_the_byte_limit_passes_and_one_more_does_not() -> None:
    data = encode("png")
    limits = ImageLimits(bytes=len(data))
    assert look(data, limits).width == 40
    with pytest.raises(TooLarge, match=rf"{len(data) + 1} bytes; at most {len(data)} "):
        look(data + b"\0", limits)


def test_a_header_that_promises_900_million_pixels_is_refused_with_the_numbers() -> None:
    with pytest.raises(InvalidImage, match=r"30000 x 30000 = 900000000 pixels; at most 120000000"):
        look(png_header(30_000, 30_000))


@pytest.mark.parametrize(("width", "height"), [(12_000, 10_000), (4, 30_000_000)])
def test_exactly_the_pixel_limit_passes(width: int, height: int) -> None:
    assert look(png_header(width, height)).width == width


def test_an_image_past_the_warning_of_the_library_but_within_our_limit_passes() -> None:
    limits = ImageLimits(pixels=170_000_000)
    assert look(png_header(13_000, 13_000), limits).width == 13_000


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 100), (100, 3)])
def test_a_side_that_is_too_short_is_refused(width: int, height: int) -> None:
    with pytest.raises(InvalidImage, match=rf"is {width} x {height} pixels; .* at least 4"):
        look(encode("png", (width, height)))


@pytest.mark.parametrize("kind", get_args(ImageFormat))
def test_a_header_cut_short_is_refused(kind: ImageFormat) -> None:
    with pytest.raises(InvalidImage, match="broken or cut short"):
        look(encode(kind)[:18])


def test_a_jpeg_without_a_frame_is_refused() -> None:
    with pytest.raises(InvalidImage, match="broken or cut short"):
        look(b"\xff\xd8\xff\xd9")


def test_a_header_buried_under_too_many_pieces_is_refused() -> None:
    data = b"\xff\xd8" + b"\xff\xe0\0\2" * 30_000 + encode("jpeg")[2:]
    with pytest.raises(InvalidImage, match="broken or cut short"):
        look(data)


def test_a_profile_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    bomb = b"iCCP" + b"x\0\0" + zlib.compress(bytes(50_000_000))
    chunk = struct.pack(">I", len(bomb) - 4) + bomb + struct.pack(">I", zlib.crc32(bomb))
    data = encode("png")
    assert look(data[:33] + chunk + data[33:]).width == 40


@pytest.mark.parametrize(
    "wrong", [{"pixels": 0}, {"pixels": 200_000_000}, {"bytes": 0}, {"min_side": 0}]
)
def test_limits_out_of_range_are_a_configuration_error(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        replace(ImageLimits(), **wrong)
