"""The look at an image or a PDF before it is let in: what it is and how large, from its header alone."""

from dataclasses import dataclass

from readstone.core.chat import Document, Image, ImageFormat
from readstone.core.errors import ConfigurationError, InvalidImage, TooLarge
from readstone.media.header import read_header
from readstone.media.signature import describe, is_pdf, sniff

_MOST_PIXELS = 178_956_970  # the WebP reader of Pillow takes no more
_ORDER: tuple[ImageFormat, ...] = ("jpeg", "png", "webp", "bmp")


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What an image may be at most and at least, limits included.

    `bytes` of the encoded image, `pixels` after decoding (up to 178,956,970), `min_side` in pixels of the shorter
    side. Raises ConfigurationError for a limit out of range.
    """

    bytes: int = 20 * 1024 * 1024
    pixels: int = 120_000_000
    min_side: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.pixels <= _MOST_PIXELS:
            raise ConfigurationError(f"The pixel limit must be between 1 and {_MOST_PIXELS}.")
        if self.bytes < 1 or self.min_side < 1:
            raise ConfigurationError("The limits of an image's bytes and side must be at least 1.")


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a PDF may be at most, limits included: `bytes` as sent, `pages`, and `pixels` of a page as it is drawn.

    A page of more pixels is not refused but drawn smaller. Raises ConfigurationError for a limit out of range.
    """

    bytes: int = 50 * 1024 * 1024
    pages: int = 100
    pixels: int = 25_000_000

    def __post_init__(self) -> None:
        if min(self.bytes, self.pages, self.pixels) < 1:
            raise ConfigurationError("The limits of a document must be at least 1.")


def inspect_document(data: bytes, limits: DocumentLimits, param: str) -> Document:
    """Hold a PDF against the limits that its bytes tell; its pages are counted where it is opened.

    Raises InvalidImage for what is not a PDF, TooLarge for more than `limits.bytes`; both with `param`.
    """
    if not is_pdf(data):
        raise InvalidImage(
            f"What was sent in {param} is {describe(data)}; send a PDF.", param=param
        )
    if len(data) > limits.bytes:
        raise TooLarge(
            f"The PDF in {param} has {len(data)} bytes; at most {limits.bytes} are taken "
            "(limits.document_bytes).",
            param=param,
        )
    return Document(data, limits.pages, limits.pixels, param)


def inspect(data: bytes, limits: ImageLimits, allowed: frozenset[ImageFormat], param: str) -> Image:
    """Hold an encoded image against the limits; reads its header only, in well under a millisecond for honest files.

    The format is read from the bytes. Raises InvalidImage for what is not an image in an `allowed` format, has a broken
    header, too many pixels or too short a side, and TooLarge for more than `limits.bytes`; both with `param`.
    """
    if not data:
        raise InvalidImage(f"The image in {param} is empty.", param=param)
    if len(data) > limits.bytes:
        raise TooLarge(
            f"The image in {param} has {len(data)} bytes; at most {limits.bytes} are taken.",
            param=param,
        )
    image_format = sniff(data)
    if image_format is None or image_format not in allowed:
        raise InvalidImage(
            f"What was sent in {param} is {describe(data)}; send {_list(allowed)}.", param=param
        )
    header = read_header(data, image_format)
    width, height = header.upright
    _check_size(width, height, limits, param)
    return Image(data, image_format, width, height, param, header.plain)


def _check_size(width: int, height: int, limits: ImageLimits, param: str) -> None:
    if not width or not height:
        raise InvalidImage(
            f"The image in {param} is broken or cut short: its header gives no size.", param=param
        )
    if width * height > limits.pixels:
        raise InvalidImage(
            f"The image in {param} has {width} x {height} = {width * height} pixels; "
            f"at most {limits.pixels} are read.",
            param=param,
        )
    if min(width, height) < limits.min_side:
        raise InvalidImage(
            f"The image in {param} is {width} x {height} pixels; "
            f"each side must have at least {limits.min_side}.",
            param=param,
        )


def _list(allowed: frozenset[ImageFormat]) -> str:
    """The allowed formats in words: 'jpeg, png or webp'."""
    names = [name for name in _ORDER if name in allowed]
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
