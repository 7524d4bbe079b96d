"""The first bytes of a file: which format it is, whatever its name or its sender says."""

import re

from readstone.core.chat import ImageFormat

_SIGNATURES: tuple[tuple[re.Pattern[bytes], ImageFormat], ...] = (
    (re.compile(rb"\xff\xd8\xff"), "jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp"),
    # Two letters are too few to tell a bitmap from a text: the size of its second header settles it.
    (re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), "bmp"),
)

_PDF = re.compile(rb".{0,1019}%PDF-", re.DOTALL)
# Known only in order to say what was sent instead.
_OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"GIF8[79]a"), "a GIF image"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "a TIFF image"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "an AVIF image"),
    (re.compile(rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL), "a HEIC image"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "a JPEG 2000 image"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "a JPEG XL image"),
    (re.compile(rb"\0\0[\x01\x02]\0"), "an icon file"),
    (re.compile(rb"8BPS"), "a Photoshop file"),
    (_PDF, "a PDF"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive or an office document"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml|<!--|<!DOCTYPE svg|<svg).*", re.DOTALL), "an SVG"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype )?html", re.IGNORECASE), "a web page"),
    (re.compile(rb"(?i:data:)"), "a data URI inside the data"),
    (re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]+\Z"), "text"),
)
_BEGINNING = 1024  # bytes; PDF readers look for '%PDF-' within as many


def sniff(data: bytes) -> ImageFormat | None:
    """Return the format of an image from its first bytes, None where it is not one we read."""
    return next((name for pattern, name in _SIGNATURES if pattern.match(data)), None)


def is_pdf(data: bytes) -> bool:
    """Whether `data` is a PDF: its signature stands among the first 1024 bytes, as PDF readers allow."""
    return sniff(data) is None and _PDF.match(data[:_BEGINNING]) is not None


def describe(data: bytes) -> str:
    """Return what `data` is in words for the client ('a PDF', 'text', 'not an image')."""
    if known := sniff(data):
        return f"a {known.upper()} image"
    beginning = data[:_BEGINNING]
    return next((name for pattern, name in _OTHERS if pattern.match(beginning)), "not an image")
