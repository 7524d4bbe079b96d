"""The header of an encoded image: its size and which way up it is, read without any decoder.

It runs in the API process on bytes nobody has vouched for. The general readers of an imaging library go through a
file byte by byte, unpack text chunks and colour profiles, and hold the server for seconds on a hostile file of 20 MB;
here every walk is bounded, nothing is unpacked and no native code sees the bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import assert_never

from readstone.core.chat import ImageFormat
from readstone.media.orientation import UPRIGHT, read_orientation

_MOST_PIECES = 20_000  # segments or chunks walked; a 20 MB PNG in chunks of 4 KiB has 5,000
_FIRST_TURNED = 5  # orientations 5..8 swap width and height

_JPEG_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_JPEG_LAST = 0xD9  # end of image
_JPEG_SCAN = 0xDA
_JPEG_END = frozenset({_JPEG_LAST, _JPEG_SCAN})
_JPEG_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_COMMON = frozenset(
    {0xC0, 0xC1, 0xC2}
)  # baseline, extended and progressive, by Huffman's codes
_JPEG_CHANNELS = frozenset({1, 3})  # four are inks
_JPEG_EXIF = 0xE1
# What ends the coded data of a scan: no byte that is stuffed, and no restart (B.1.1.5).
_JPEG_AFTER_SCAN = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_JPEG_TRAILER = 1 << 16  # bytes; cameras put more than an image into a file

_PNG_SIMPLE = frozenset({b"\x08\x00", b"\x08\x02"})  # 8 bits, grey or RGB
_PNG_SPECIAL = frozenset({b"tRNS", b"acTL", b"CgBI"})  # transparent, animated, Apple's own

_WEBP_ALPHA_OR_MOVING = 0x12

_BMP_CORE_HEADER = 12  # bytes; the oldest header, with sizes of 16 bits


@dataclass(frozen=True, slots=True)
class Header:
    """Width and height in pixels as stored (0 where the header is broken), EXIF orientation 1..8.

    `simple`: a still image of opaque grey or RGB with 8 bits a sample, which every decoder shows alike, and by the
    look of it whole; false where there is a doubt. `lossless`: nothing was lost when it was encoded.
    """

    width: int
    height: int
    orientation: int
    simple: bool = False
    lossless: bool = False

    @property
    def plain(self) -> bool:
        """Whether every decoder shows the upright image, also one that knows nothing of EXIF."""
        return self.simple and self.orientation == UPRIGHT

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the upright image."""
        if self.orientation >= _FIRST_TURNED:
            return self.height, self.width
        return self.width, self.height


def read_header(data: bytes, image_format: ImageFormat) -> Header:
    """Read the header of an image; never raises, whatever the bytes.

    A header that is broken or cut short gives a width or height of 0; broken EXIF data is no EXIF data.
    """
    match image_format:
        case "jpeg":
            return _jpeg(data)
        case "png":
            return _png(data)
        case "webp":
            return _webp(data)
        case "bmp":
            return _bmp(data)
        case _:
            assert_never(image_format)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type, start and end of the content of each chunk (PNG specification, 5.3).

    The end may lie past the end of `data` where the file is cut short.
    """
    position = 8
    while len(kind := data[position + 4 : position + 8]) == 4:  # noqa: PLR2004 a chunk type's length
        start = position + 8
        end = start + int.from_bytes(data[position : position + 4])
        yield kind, start, end
        position = end + 4


def has_more_scans(data: bytes, most: int) -> bool:
    """Whether a JPEG has more scans than `most`, or so many segments that nobody counts on: each scan is a pass over all pixels."""
    position, scans = 2, 0
    for _ in range(_MOST_PIECES):
        found = _JPEG_AFTER_SCAN.search(data, position)
        if found is None or (marker := found[1][0]) == _JPEG_LAST:
            return False
        position = found.end()
        if marker not in _JPEG_BARE:
            scans += marker == _JPEG_SCAN
            position += max(int.from_bytes(data[position : position + 2]), 2)
        if scans > most:
            return True
    return True


def _jpeg(data: bytes) -> Header:
    """ITU-T T.81, annex B: segments up to the first scan."""
    width = height = 0
    simple = False
    exif = b""
    position = 2
    for _ in range(_MOST_PIECES):
        found = _JPEG_MARKER.search(data, position)
        if found is None or (marker := found[1][0]) in _JPEG_END:
            break
        position = found.end()
        if marker in _JPEG_BARE:
            continue
        if marker in _JPEG_FRAME and not width:
            height = int.from_bytes(data[position + 3 : position + 5])
            width = int.from_bytes(data[position + 5 : position + 7])
            simple = marker in _JPEG_COMMON and _is_common(data[position + 2 : position + 8])
        length = int.from_bytes(data[position : position + 2])
        if marker == _JPEG_EXIF and not exif and data.startswith(b"Exif\0\0", position + 2):
            exif = data[position + 2 : position + length]
        position += max(length, 2)
    whole = data.rfind(b"\xff\xd9", max(position, len(data) - _JPEG_TRAILER)) >= 0
    return Header(width, height, read_orientation(exif), simple and whole)


def _is_common(frame: bytes) -> bool:
    """Whether a JPEG's frame has 8 bits a sample, and grey or three colours."""
    return frame[:1] == b"\x08" and frame[-1] in _JPEG_CHANNELS


def _png(data: bytes) -> Header:
    if data[12:16] != b"IHDR":
        return Header(0, 0, UPRIGHT)
    exif = b""
    kinds: set[bytes] = set()
    for kind, start, end in islice(png_chunks(data), _MOST_PIECES):
        kinds.add(kind)
        if kind == b"eXIf" and not exif:
            exif = data[start:end]
    simple = data[24:26] in _PNG_SIMPLE and b"IEND" in kinds and kinds.isdisjoint(_PNG_SPECIAL)
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    return Header(width, height, read_orientation(exif), simple, lossless=True)


def _webp(data: bytes) -> Header:
    """RFC 9649: the first chunk holds the size, in one of three ways."""
    match data[12:16]:
        case b"VP8X":
            width = 1 + int.from_bytes(data[24:27], "little")
            height = 1 + int.from_bytes(data[27:30], "little")
            simple = not int.from_bytes(data[20:21]) & _WEBP_ALPHA_OR_MOVING
        case b"VP8L" if data[20:21] == b"\x2f":
            bits = int.from_bytes(data[21:25], "little")
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
            simple = not bits >> 28 & 1  # its alpha channel
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            width = int.from_bytes(data[26:28], "little") & 0x3FFF
            height = int.from_bytes(data[28:30], "little") & 0x3FFF
            simple = True
        case _:
            return Header(0, 0, UPRIGHT)
    whole = int.from_bytes(data[4:8], "little") + 8 <= len(data)
    exif, lossless = _webp_contents(data)
    return Header(width, height, read_orientation(exif), simple and whole, lossless)


def _webp_contents(data: bytes) -> tuple[bytes, bool]:
    """The EXIF data, and whether the picture is a lossless one."""
    exif = b""
    lossless = False
    for kind, start, end in islice(_webp_chunks(data), _MOST_PIECES):
        lossless |= kind == b"VP8L"
        if kind == b"EXIF" and not exif:
            exif = data[start:end]
    return exif, lossless


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type, start and end of the content of each chunk (RFC 9649, 2.3)."""
    position = 12
    while kind := data[position : position + 4]:
        start = position + 8
        end = start + int.from_bytes(data[position + 4 : start], "little")
        yield kind, start, end
        position = end + (end - start) % 2


def _bmp(data: bytes) -> Header:
    if int.from_bytes(data[14:18], "little") == _BMP_CORE_HEADER:
        width = int.from_bytes(data[18:20], "little")
        height = int.from_bytes(data[20:22], "little")
        return Header(width, height, UPRIGHT, lossless=True)
    width = max(int.from_bytes(data[18:22], "little", signed=True), 0)
    # A negative height says that the rows are stored from the top down.
    height = abs(int.from_bytes(data[22:26], "little", signed=True))
    # 24 bits a pixel, not packed: all that every reader of bitmaps knows.
    simple = data[28:34] == b"\x18\0\0\0\0\0" and len(data) > 3 * width * height
    return Header(width, height, UPRIGHT, simple, lossless=True)
