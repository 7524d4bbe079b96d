"""What is asked of a server: the request, the pace, and how its upstream answers."""

import base64
import io
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np
from PIL import Image

Kind: TypeAlias = Literal["whole", "stream"]

MODEL: Final = "mock-model"
_PROMPT: Final = "Say what the page says, word by word, and nothing else. " * 12
_SIDE: Final = 1115


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load.

    `rate` is in requests per second, 0 for a closed loop; streams have `chunks` with text, `interval_us` apart.
    """

    name: str
    sentence: str
    kind: Kind
    connections: int
    rate: int = 0
    chunks: int = 16
    interval_us: int = 0
    image: bool = False


SCENARIOS: Final = (
    Scenario("requests", "whole answers, 64 connections", "whole", 64),
    Scenario("latency", "whole answers, 50 per second", "whole", 64, rate=50),
    Scenario(
        "first",
        "streams of 10 chunks 10 ms apart, 50 per second",
        "stream",
        64,
        rate=50,
        chunks=10,
        interval_us=10_000,
    ),
    Scenario("chunks", "streams of 100 chunks, 16 connections", "stream", 16, chunks=100),
    Scenario(
        "streams",
        "500 open streams of 60 chunks 50 ms apart",
        "stream",
        500,
        chunks=60,
        interval_us=50_000,
    ),
    Scenario("images", "bodies of 1.5 MB, 8 connections", "whole", 8, image=True),
)


def request(scenario: Scenario, headers: dict[str, str]) -> bytes:
    """The whole HTTP request, head and body, as it goes over the socket."""
    body = msgspec.json.encode(
        {
            "model": MODEL,
            "messages": [
                {"role": "system", "content": "You read pages."},
                {"role": "user", "content": _content(image=scenario.image)},
            ],
            "max_tokens": 256,
            "temperature": 0.2,
            "stream": scenario.kind == "stream",
        }
    )
    lines = {
        "host": "127.0.0.1",
        "user-agent": "benchmark",
        "accept": "text/event-stream" if scenario.kind == "stream" else "application/json",
        "content-type": "application/json",
        "content-length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n".encode() + body


def _content(*, image: bool) -> str | list[dict[str, object]]:
    if not image:
        return _PROMPT
    url = "data:image/jpeg;base64," + base64.b64encode(_photo()).decode()
    return [
        {"type": "text", "text": _PROMPT},
        {"type": "image_url", "image_url": {"url": url}},
    ]


def _photo() -> bytes:
    """A JPEG of noise, 1.1 MB: 1.5 MB as a data URI."""
    pixels = np.random.default_rng(0).integers(0, 255, (_SIDE, _SIDE, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "jpeg", quality=90)
    return stream.getvalue()
