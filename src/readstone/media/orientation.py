"""The EXIF orientation of an image: which of eight ways the camera was held."""

from typing import Literal

UPRIGHT = 1
_LAST = 8
_TAG = 0x0112
_TYPES = {b"\0\3": 2, b"\0\4": 4}  # SHORT and LONG, big-endian, and their sizes in bytes
_ENTRY = 12  # bytes
_MOST_ENTRIES = 512


def read_orientation(exif: bytes) -> int:
    r"""Return the orientation tag of an EXIF block, 1..8 (EXIF 2.32, 4.6.4 A); 1 where it is missing or broken.

    `exif` is a TIFF structure with or without the leading 'Exif\0\0'. Never raises.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order: Literal["little", "big"]
    match tiff[:2]:
        case b"II":
            order = "little"
        case b"MM":
            order = "big"
        case _:
            return UPRIGHT
    start = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[start : start + 2], order)
    for index in range(min(count, _MOST_ENTRIES)):
        position = start + 2 + index * _ENTRY
        if int.from_bytes(tiff[position : position + 2], order) == _TAG:
            return _value(tiff[position : position + _ENTRY], order)
    return UPRIGHT


def _value(entry: bytes, order: Literal["little", "big"]) -> int:
    kind = int.from_bytes(entry[2:4], order).to_bytes(2)
    size = _TYPES.get(kind, 0)
    value = int.from_bytes(entry[8 : 8 + size], order)
    return value if UPRIGHT <= value <= _LAST else UPRIGHT
