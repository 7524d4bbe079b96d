"""Images: whatever follows a signature is decoded to the size its header told, or refused."""

import io

from PIL import Image as Pillow

from fuzz.refusal import refused
from readstone.core.chat import ImageFormat
from readstone.media.decode import decode
from readstone.media.inspect import ImageLimits, inspect

_FORMATS: frozenset[ImageFormat] = frozenset({"jpeg", "png", "webp", "bmp"})
_LIMITS = ImageLimits(pixels=250_000)
_PARAM = "image"


def seeds() -> list[bytes]:
    """Small pictures of every format and of the colours and extras that take paths of their own."""
    scene = Pillow.linear_gradient("L").resize((24, 16)).convert("RGB")
    exif = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"
    return [
        _saved(scene, "jpeg", exif=exif),
        _saved(scene.convert("CMYK"), "jpeg", progressive=True),
        _saved(scene.convert("P"), "png", transparency=0),
        _saved(scene.convert("I;16"), "png"),
        _saved(scene, "png", save_all=True, append_images=[scene.rotate(180)]),
        _saved(scene, "webp"),
        _saved(scene.convert("RGBA"), "webp", lossless=True, exif=exif),
        _saved(scene.convert("1"), "bmp"),
    ]


def attempt(data: bytes) -> None:
    """Look at the bytes as the server does, then decode them as the worker does."""
    with refused(_PARAM):
        image = inspect(data, _LIMITS, _FORMATS, _PARAM)
        pixels = decode(image)
        if pixels.shape != (image.height, image.width, 3):
            raise AssertionError(f"{pixels.shape} is not {image.height} x {image.width}")


def _saved(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()
