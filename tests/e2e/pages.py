"""Pages to read: the documents of tests/data, drawn ones, broken ones; and how well they were read."""

import base64
import io
import json
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

DATA = Path(__file__).parent.parent / "data"
MODEL = "readstone-ocr"
ALIAS = "Hunyuan/Hunyuan-OCR-1B"


def document(name: str) -> bytes:
    """A document of tests/data by its file name."""
    return (DATA / name).read_bytes()


def truth(name: str) -> str:
    """What is written in it."""
    return (DATA / name).with_suffix(".txt").read_text(encoding="utf-8")


def png(picture: Pillow.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "png")
    return stream.getvalue()


def drawn(lines: int, word: str, *, size: int = 28) -> bytes:
    """A page of that many lines, each with the word and its number; size: of the letters, in pixels."""
    step = size * 11 // 7
    page = Pillow.new("L", (520, 40 + step * lines), 255)
    draw = ImageDraw.Draw(page)
    for line in range(lines):
        text = f"{word} number {line} of many"
        draw.text((20, 20 + step * line), text, 0, font=ImageFont.load_default(size=size))
    return png(page)


def header_only(width: int, height: int) -> bytes:
    """The beginning of a PNG that promises a size."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + head + struct.pack(">I", zlib.crc32(head))


def data_uri(image: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(image).decode()}"


def image_part(image: bytes) -> Any:
    return {"type": "image_url", "image_url": {"url": data_uri(image)}}


def text_part(text: str) -> Any:
    return {"type": "text", "text": text}


def ask(*parts: Any) -> Any:
    """The messages of a request with one user message."""
    return [{"role": "user", "content": list(parts)}]


def body(*parts: Any, **properties: object) -> bytes:
    return json.dumps({"model": MODEL, "messages": ask(*parts), **properties}).encode()


def word_f1(found: str, expected: str) -> float:
    """The harmonic mean of how many words are right and how many were found, their order aside."""
    ours, theirs = Counter(found.split()), Counter(expected.split())
    common = (ours & theirs).total()
    return 2 * common / (ours.total() + theirs.total())
