"""From an encoded image to upright RGB pixels; runs in the worker, where a native crash is survived."""

import io
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
from PIL.BmpImagePlugin import BmpImageFile
from PIL.Image import Image as Picture
from PIL.Image import fromarray
from PIL.Image import new as new_picture
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from readstone.core.chat import Image
from readstone.core.errors import InvalidImage
from readstone.media.header import Header, has_more_scans, png_chunks, read_header

_STRIP = 1 << 17
"""Pixels converted at a time: memory peaks at the picture and the result, and a strip stays in the processor's cache,
which makes converting 12 megapixels 12 times as quick (14 ms) as in strips of 4 megapixels, each in new memory."""
# Chunks that make pixels. The rest (animation, text, profiles) is not shown to the library: it
# would warn about it, unpack it, or take the frame of an animation for the picture.
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MOST_SCANS = 100
"""Of a progressive JPEG; usual are ten. 3000 in a file of 150 KB took 100 seconds."""
_PNG_DEPTH = 24  # where the bits per sample are
_BYTE = 8  # bits


def decode(image: Image) -> NDArray[np.uint8]:
    """Return the pixels of an image: (image.height, image.width, 3), uint8, RGB, contiguous, upright.

    CMYK, palettes, grey and 16-bit samples (scaled, not clipped) are converted; transparency is laid on white; an
    animation gives its first frame. Raises InvalidImage with `image.param` where the data are broken or cut short, and for a JPEG
    of more scans than anybody writes.
    """
    header = read_header(image.data, image.format)
    if image.format == "jpeg" and has_more_scans(image.data, _MOST_SCANS):
        raise InvalidImage(
            f"The image in {image.param} has more than {_MOST_SCANS} scans: save it again.",
            param=image.param,
        )
    try:
        pixels = _pixels(_load(image, header))
    except Exception as error:  # noqa: BLE001 a broken file raises nearly anything in the readers
        raise _refusal(image, error) from None
    pixels = np.ascontiguousarray(_turn(pixels, header.orientation))
    if pixels.shape != (image.height, image.width, 3):
        raise InvalidImage(f"The image in {image.param} is broken.", param=image.param)
    return pixels


def _refusal(image: Image, error: Exception) -> InvalidImage:
    riff_size = int.from_bytes(image.data[4:8], "little")
    if image.format == "webp":
        cut = riff_size + 8 > len(image.data)
    else:
        cut = "truncated" in str(error).lower()
    what = "cut short" if cut else "broken"
    return InvalidImage(f"The image in {image.param} is {what}.", param=image.param)


def _load(image: Image, header: Header) -> ImageFile:
    """Decode with the one reader the bytes are for.

    The readers are called without `PIL.Image.open`: its limits are process-wide settings and warnings, ours were
    checked before. The size is compared before any pixel is decoded.
    """
    picture = _open(image)
    if picture.size != (header.width, header.height):
        raise ValueError("the header was read differently")
    picture.load()
    key = picture.info.get("transparency")
    if isinstance(picture, PngImageFile) and picture.mode != "P" and key is not None:
        picture.info["transparency"] = _colour_key(key, image.data[_PNG_DEPTH])
    if isinstance(picture, BmpImageFile) and _is_invisible(picture):
        picture.putalpha(255)
    return picture


def _open(image: Image) -> ImageFile:
    match image.format:
        case "jpeg":
            return JpegImageFile(io.BytesIO(image.data))
        case "png":
            return PngImageFile(io.BytesIO(_png_pixels(image.data)))
        case "webp":
            return WebPImageFile(io.BytesIO(image.data))
        case "bmp":
            return BmpImageFile(io.BytesIO(image.data))
        case _:
            assert_never(image.format)


def _png_pixels(data: bytes) -> bytes:
    view = memoryview(data)
    kept = (
        view[start - 8 : end + 4] for kind, start, end in png_chunks(data) if kind in _PNG_PIXELS
    )
    return b"".join([view[:8], *kept])


def _colour_key(key: int | tuple[int, ...], depth: int) -> int | tuple[int, ...]:
    """The transparent colour in 8 bits: the library scales the samples, but not this."""
    if isinstance(key, tuple):
        return tuple(sample >> max(depth - _BYTE, 0) for sample in key)
    if depth in {2, 4}:
        return key * 255 // ((1 << depth) - 1)
    return key >> max(depth - _BYTE, 0)


def _is_invisible(picture: Picture) -> bool:
    """Whether a bitmap has an alpha channel that nobody filled in: screenshots come like this."""
    return picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0)


def _pixels(picture: Picture) -> NDArray[np.uint8]:
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = np.asarray(_rgb(picture.crop((0, top, width, bottom))))
    return pixels


def _rgb(strip: Picture) -> Picture:
    if strip.mode == "I;16":
        info = strip.info
        strip = fromarray((np.asarray(strip) >> _BYTE).astype(np.uint8))
        strip.info = info
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    strip = strip.convert("RGBA")
    paper = new_picture("RGB", strip.size, "white")
    paper.paste(strip, mask=strip.getchannel("A"))
    return paper


def _turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """EXIF 2.32, 4.6.4 A: where row 0 and column 0 are stored; a view."""
    if orientation >= 5:  # noqa: PLR2004 5..8 swap rows and columns
        pixels = pixels.swapaxes(0, 1)
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels
