"""Forms as clients write them, and the route behind the door with an engine of pages."""

import io
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image as Pillow
from starlette.routing import Route, Router

from readstone.api.extract.route import PATH, ExtractLimits, ImageExtraction
from readstone.api.extract.status import Refusals
from readstone.api.http import Door, Paths
from readstone.core.key import Key, mint
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines.fake import FakeEngine
from readstone.media.inspect import ImageLimits
from readstone.serving.admission import Admission
from readstone.serving.catalogue import EMBEDDED, EXTRACT, Catalogue
from readstone.serving.extraction import Extractor
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.intake import Intake
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore
from unit.api.asgi import Call
from unit.serving.paging import PageEngine

BOUNDARY = "a-boundary"
PROMPT = 'Extract by this schema: {"no": "Invoice No", "total": "Total"}'
IMAGE_BYTES = 20_000
SECONDS = 60.0
CHAT = Model("talker", "chat", "gpu", KIND_DEFAULTS["chat"], 2)
LINES = ("ACME Ltd", "Invoice No: A-17", "Total: 12.50")

Sent = bytes | str | tuple[str, bytes]
"""A field: a text, bytes, or a file's name and bytes."""


def picture(kind: str = "png", size: tuple[int, int] = (40, 30)) -> bytes:
    stream = io.BytesIO()
    Pillow.new("RGB", size, "white").save(stream, kind)
    return stream.getvalue()


PNG = picture()


def part(name: str, sent: Sent, more: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    if isinstance(sent, tuple):
        head += f'; filename="{sent[0]}"\r\nContent-Type: application/octet-stream'
    content = sent[1] if isinstance(sent, tuple) else sent
    content = content.encode() if isinstance(content, str) else content
    return f"--{BOUNDARY}\r\n{head}{more}\r\n\r\n".encode() + content + b"\r\n"


def form(*fields: tuple[str, Sent]) -> bytes:
    return b"".join(part(*field) for field in fields) + f"--{BOUNDARY}--\r\n".encode()


def usual(**changed: Sent | None) -> bytes:
    """The form of a request that is answered, but for what is changed; None leaves a field out."""
    fields: dict[str, Sent | None] = {
        "model": "u1-ocr-extract",
        "image": ("a.png", PNG),
        "prompt": PROMPT,
        **changed,
    }
    return form(*((name, sent) for name, sent in fields.items() if sent is not None))


class Counter:
    """The route behind the door; `engine` reads LINES for every image."""

    def __init__(
        self,
        *,
        key: tuple[Key, str] | None = None,
        running: int = 4,
        seconds: float = SECONDS,
        always_200: bool = False,
    ) -> None:
        self.key, self._written = key or mint("tester", 0)
        self.engine = PageEngine(LINES)
        self.intake = Intake(10 * IMAGE_BYTES + 2**20, 0)
        backends = {
            "reader": Backend(self.engine, Admission(running, 0)),
            "gpu": Backend(FakeEngine(name="gpu"), Admission(1, 0)),
        }
        catalogue = Catalogue([EMBEDDED, EXTRACT, CHAT])
        gateway = Gateway(backends, catalogue.find)
        limits = ExtractLimits(ImageLimits(bytes=IMAGE_BYTES), seconds)
        route = ImageExtraction(catalogue, Extractor(gateway, catalogue.find), self.intake, limits)
        self._store = MemoryStore()
        self._door = Door(
            Router([Route(PATH, route)]),
            Authenticator(self._store),
            Paths({PATH: route}, {PATH: Refusals(always_200)}),
        )

    async def post(
        self,
        *pieces: bytes,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        stalls: bool = False,
    ) -> Call:
        """Begin a call; end() waits for its answer."""
        if not await self._store.list_keys():
            await self._store.add_key(self.key)
        sent = {
            "authorization": f"Bearer {self._written}",
            "content-type": f"multipart/form-data; boundary={BOUNDARY}",
            "content-length": str(sum(map(len, pieces))),
            **(headers or {}),
        }
        sent = {name: value for name, value in sent.items() if value}
        return Call(self._door, PATH, method=method, headers=sent, pieces=pieces, stalls=stalls)

    async def ask(self, body: bytes, **options: Any) -> Call:
        return await (await self.post(body, **options)).end()


def code(call: Call) -> tuple[int | None, int]:
    """The HTTP status and the status code of an answer, once it is in the route's own form."""
    assert list(call.json)[:3] == ["content", "usage", "base_resp"]
    assert list(call.json["base_resp"]) == ["status_code", "status_msg"]
    if call.json["base_resp"]["status_code"]:
        assert call.json["content"] == ""
        assert set(call.json["usage"].values()) == {0}
    return call.status, call.json["base_resp"]["status_code"]


def message(call: Call) -> str:
    return call.json["base_resp"]["status_msg"]


def content(call: Call) -> Any:
    return json.loads(call.json["content"])
