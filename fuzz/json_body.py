"""Bodies of chat requests: through the door and the codec to an engine; never a 500, always the contract's error."""

import asyncio
import base64
import io
import json

import msgspec
from PIL import Image as Pillow
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Scope

from readstone.api.http import Door
from readstone.api.openai.codec import ChatCodec
from readstone.api.openai.completions import ChatCompletions, ChatLimits
from readstone.core.errors import InvalidImage
from readstone.core.key import mint
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines.fake import FakeEngine
from readstone.media.attachments import Attachments
from readstone.media.inspect import DocumentLimits, ImageLimits
from readstone.serving.admission import Admission
from readstone.serving.catalogue import Catalogue
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.intake import Intake
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore

DOCUMENTED = frozenset({200, 400, 404, 413})
"""What a body may lead to: an answer, or an error that blames its sender."""

_PATH = "/v1/chat/completions"
_BODY_BYTES = 4096


class _Problem(msgspec.Struct, forbid_unknown_fields=True):
    """The contract's error: four members, all always there."""

    message: str
    type: str
    param: str | None
    code: str | None


class _Refusal(msgspec.Struct, forbid_unknown_fields=True):
    error: _Problem


class _Nowhere:
    """A source that has nothing at any URL."""

    async def fetch(self, url: str, param: str) -> bytes:
        """Refuse."""
        raise InvalidImage(f"There is nothing at {len(url)} letters.", param=param)


def seeds() -> list[bytes]:
    """Requests with every kind of part and most properties, and a few that are none."""
    stream = io.BytesIO()
    Pillow.new("RGB", (8, 6), "white").save(stream, "png")
    uri = f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
    paper = f"data:application/pdf;base64,{base64.b64encode(b'%PDF-1.7 ').decode()}"
    parts: list[object] = [
        {"type": "text", "text": "Read \u00e4 \U0001f642."},
        {"type": "image_url", "image_url": {"url": uri, "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/page.png"}},
        {"type": "file", "file": {"file_data": paper, "filename": "a.pdf"}},
    ]
    messages: list[object] = [
        {"role": "system", "content": "Keep the layout."},
        {"role": "user", "content": parts[:2]},
        {"role": "assistant", "content": None, "refusal": "no", "tool_calls": []},
        {"role": "user", "content": [parts[0], parts[3]]},
    ]
    properties: dict[str, object] = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "max_completion_tokens": 7,
        "temperature": 0.5,
        "top_p": 1,
        "n": 1,
        "stop": ["a"],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "metadata": {"a": "b"},
        "user": "somebody",
        "unknown": [1, -2.5e3, None, {"a": []}],
    }
    head: dict[str, object] = {"model": "ocr-model", "messages": messages}
    return [
        json.dumps(head).encode(),
        json.dumps({**head, **properties}).encode(),
        json.dumps(
            {"model": "Some/OCR", "messages": [{"role": "user", "content": parts}]}
        ).encode(),
        b'{"model": "chat-model", "messages": [{"role": "user", "content": "\\ud83d\\ude42"}]}',
        b"[[[]]]",
    ]


def attempt(data: bytes) -> None:
    """Send the bytes as a body and hold the answer against the contract."""
    status, content = asyncio.run(_post(data))
    if status not in DOCUMENTED:
        raise AssertionError(f"{status}: {content[:500]!r}")
    if status != 200:  # noqa: PLR2004
        msgspec.json.decode(content, type=_Refusal)
    elif content.startswith(b"data: "):
        *events, done, nothing = content.split(b"\n\n")
        if (done, nothing) != (b"data: [DONE]", b""):
            raise AssertionError("the stream does not end as streams do")
        for event in events:
            msgspec.json.decode(event.removeprefix(b"data: "))
    else:
        msgspec.json.decode(content)


async def _post(data: bytes) -> tuple[int, bytes]:
    key, written = mint("fuzzer", 0)
    store = MemoryStore()
    await store.add_key(key)
    upload: list[Message] = [{"type": "http.request", "body": data, "more_body": False}]
    status = 0
    content = bytearray()

    async def receive() -> Message:
        if not upload:
            await asyncio.Event().wait()
        return upload.pop()

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        content.extend(message.get("body", b""))

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": _PATH,
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"authorization", f"Bearer {written}".encode()),
            (b"transfer-encoding", b"chunked"),
        ],
    }
    await _application(store)(scope, receive, send)
    return status, bytes(content)


def _application(store: MemoryStore) -> ASGIApp:
    models = tuple(
        Model(f"{kind}-model", kind, "fake", defaults, 3, (f"Some/{kind.upper()}",))
        for kind, defaults in KIND_DEFAULTS.items()
    )
    attachments = Attachments(ImageLimits(), DocumentLimits(), _Nowhere(), 8)
    completions = ChatCompletions(
        ChatCodec(Catalogue(models), attachments),
        Gateway({"fake": Backend(FakeEngine(), Admission(1, 0))}),
        Intake(2 * _BODY_BYTES, 0),
        ChatLimits(_BODY_BYTES, 10),
    )
    return Door(Router([Route(_PATH, completions)]), Authenticator(store))
