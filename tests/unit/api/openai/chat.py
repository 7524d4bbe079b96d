"""What the tests of the OpenAI protocol share: a catalogue of one model of each kind, images, bodies."""

import base64
import io
import json
from typing import Any

from PIL import Image as Pillow

from readstone.core.errors import InvalidImage
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.serving.catalogue import Catalogue

MODELS = tuple(
    Model(
        id=f"{kind}-model",
        kind=kind,
        engine="fake",
        defaults=defaults,
        max_images=3,
        aliases=(f"Some/{kind.upper()}-1B",),
    )
    for kind, defaults in KIND_DEFAULTS.items()
)
CATALOGUE = Catalogue(MODELS)


def picture(kind: str = "png", size: tuple[int, int] = (40, 30)) -> bytes:
    stream = io.BytesIO()
    Pillow.new("RGB", size, "white").save(stream, kind)
    return stream.getvalue()


PNG = picture()


class Shelf:
    """What stands at URLs, for requests that name them; `asked` keeps the order."""

    def __init__(self, things: dict[str, bytes]) -> None:
        self.asked: list[str] = []
        self._things = things

    async def fetch(self, url: str, param: str) -> bytes:
        self.asked.append(url)
        if url not in self._things:
            raise InvalidImage("Not on the shelf.", param=param, code="unsupported_image_url")
        return self._things[url]


def data_uri(data: bytes = PNG, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def image_part(url: str | None = None, **more: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_uri() if url is None else url, **more}}


def body(model: object = "ocr-model", content: object = "Read.", **properties: object) -> bytes:
    messages = [{"role": "user", "content": content}]
    return json.dumps({"model": model, "messages": messages, **properties}).encode()
