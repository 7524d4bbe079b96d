"""The bytes on the wire, as a client without an SDK sees them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from e2e.pages import body, drawn, image_part
from e2e.server import Server, environment

pytestmark = pytest.mark.e2e

SMALL = image_part(drawn(4, "Small"))
CURL = shutil.which("curl")


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
@pytest.mark.parametrize("include_usage", [False, True])
def test_curl_sees_a_stream_of_events(
    *, server: Server, tmp_path: Path, include_usage: bool
) -> None:
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    (tmp_path / "body.json").write_bytes(body(SMALL, stream=True, **options))
    done = subprocess.run(
        [
            *(CURL or "curl", "--silent", "--no-buffer", "--include", "--max-time", "30"),
            *("--header", f"Authorization: Bearer {server.key}", "--data", "@body.json"),
            f"{server.address}/v1/chat/completions",
        ],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        check=True,
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    assert_head(head.decode().lower().split("\r\n"))
    assert content.endswith(b"\n\ndata: [DONE]\n\n")
    assert b"\r" not in content
    *events, done_event, rest = content.split(b"\n\n")
    assert (done_event, rest) == (b"data: [DONE]", b"")
    assert all(event.startswith(b"data: {") and event.count(b"\n") == 0 for event in events)
    chunks = [json.loads(event[6:]) for event in events]
    assert_chunks(chunks, include_usage=include_usage)


def assert_head(lines: list[str]) -> None:
    assert lines[0] == "http/1.1 200 ok"
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-processing-ms"].isdigit()
    assert "server" not in headers


def assert_chunks(chunks: list[Any], *, include_usage: bool) -> None:
    assert [len(chunk["choices"]) for chunk in chunks] == (
        [1] * (len(chunks) - 1) + [0 if include_usage else 1]
    )
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all(("usage" in chunk) == include_usage for chunk in chunks[:-1])
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert chunks[-1]["x_metrics"]["ttft_seconds"] > 0
    text = "".join(
        choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"]
    )
    assert text.splitlines()[0] == "Small number 0 of many"


@pytest.mark.parametrize("host", ["x/health?x=", "x/ready#", "/docs"])
def test_a_forged_host_opens_nothing(server: Server, host: str) -> None:
    reply = server.call("GET", "/v1/models", host=host)
    assert reply.status in {400, 401}
    assert b"readstone-ocr" not in reply.content


def test_the_public_routes_need_no_key(server: Server) -> None:
    assert server.call("GET", "/health").json == {"status": "ok"}
    assert server.call("GET", "/ready").json["engines"] == {"reader": "ready"}
    assert server.call("GET", "/openapi.json").json["info"]["title"] == "Readstone"
    assert server.call("GET", "/docs").headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/models/", 404, "model_not_found"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("GET", "/%FF%ED%A0%80", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_told_in_json(
    server: Server, method: str, path: str, status: int, code: str
) -> None:
    assert server.call(method, path).status == 401
    reply = server.call(method, path, authorization=f"Bearer {server.key}")
    assert (reply.status, reply.error["code"]) == (status, code)
    assert list(reply.error) == ["message", "type", "param", "code"]
    assert "x-request-id" in reply.headers
    assert "openai-processing-ms" in reply.headers
