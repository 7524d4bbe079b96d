"""What is not a page: each is answered once, with the contract's body, and the server goes on."""

import socket
import struct
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from e2e.pages import (
    MODEL,
    ask,
    body,
    data_uri,
    document,
    drawn,
    header_only,
    image_part,
    text_part,
)
from e2e.server import Server

pytestmark = pytest.mark.e2e

SMALL = image_part(drawn(4, "Small"))
PARAM = "messages[0].content[1].image_url.url"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bad:
    """An image that cannot be read, and how that is told."""

    name: str
    url: str
    status: int = 400
    code: str = "invalid_image"


def broken_png() -> bytes:
    """A PNG with a sound header whose pixels are not zlib data."""
    content = b"IDAT" + b"no pixels at all"
    checksum = struct.pack(">I", zlib.crc32(content))
    return header_only(400, 300) + struct.pack(">I", len(content) - 4) + content + checksum


BAD = (
    Bad("cut", data_uri(document("receipt.jpg")[:20_000], "image/jpeg")),
    Bad("tiny", data_uri(header_only(1, 1))),
    Bad("huge", data_uri(header_only(30_000, 30_000))),
    Bad("text", data_uri(b"This is not a picture.")),
    Bad("empty", data_uri(b"")),
    Bad("no-pixels", data_uri(header_only(400, 300))),
    Bad("bad-pixels", data_uri(broken_png())),
    Bad("gif", data_uri(b"GIF89a" + b"\0" * 100)),
    Bad("pdf", data_uri(b"%PDF-1.7\n")),
    Bad("not-base64", "data:image/png;base64,***"),
    Bad("heavy", data_uri(drawn(1, "x") + b"\0" * (21 * MEGABYTE)), 413, "request_too_large"),
)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_image_is_answered_once_and_the_server_goes_on(
    *, server: Server, client: openai.OpenAI, bad: Bad, stream: bool
) -> None:
    note = f"{bad.name}-{stream}"
    part = {"type": "image_url", "image_url": {"url": bad.url}}
    create: Any = client.chat.completions.create
    with pytest.raises(openai.APIStatusError) as caught:
        create(
            model=MODEL,
            messages=ask(text_part("Read."), part),
            stream=stream,
            extra_headers={"X-Client-Request-Id": note},
        )
    error = caught.value
    assert (error.status_code, error.code) == (bad.status, bad.code)
    assert (error.type, error.param) == ("invalid_request_error", PARAM)
    assert error.response.headers["content-type"] == "application/json"
    assert error.response.headers["x-request-id"]
    detail = error.response.json()["error"]
    assert list(detail) == ["message", "type", "param", "code"]
    assert not any(word in detail["message"] for word in ("Traceback", "cv2", "PIL", "/", "Error"))
    assert [line["status"] for line in server.requests(client_id=note)] == [bad.status]
    assert server.chat(body(SMALL)).json["choices"][0]["finish_reason"] == "stop"


def test_the_second_of_two_images_is_named_where_it_is_the_bad_one(server: Server) -> None:
    cut = image_part(document("invoice.png")[:30_000])
    reply = server.chat(body(SMALL, cut))
    assert (reply.status, reply.error["param"]) == (400, "messages[0].content[1].image_url.url")


def test_an_address_is_not_fetched(server: Server) -> None:
    part = {"type": "image_url", "image_url": {"url": f"{server.address}/health"}}
    reply = server.chat(body(part))
    assert reply.status == 400
    assert reply.error["param"] == "messages[0].content[0].image_url.url"


def test_a_body_declared_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    url = urlsplit(server.address)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {server.key}\r\nContent-Length: {65 * MEGABYTE}\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port or 0), timeout=30) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("content", "code", "param"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b'{"model": "\\ud800"}', "invalid_json", None),
        (b'{"\xff": 1}', "invalid_json", None),
        (b"[" * 100_000, "invalid_value", None),
        (b"{}", "missing_parameter", "model"),
        (b'{"model": "readstone-ocr", "messages": []}', "invalid_value", "messages"),
    ],
)
def test_a_malformed_body_is_a_bad_request(
    server: Server, content: bytes, code: str, param: str | None
) -> None:
    reply = server.chat(content)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/json"
    assert (reply.error["code"], reply.error["param"]) == (code, param)
