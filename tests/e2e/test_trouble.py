"""What may happen to a running server: its worker dies, its client leaves, it is told to end."""

import os
import signal
import socket
import threading
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from e2e.pages import body, drawn, image_part
from e2e.server import Reply, Server, wait_until

pytestmark = pytest.mark.e2e

SMALL = image_part(drawn(4, "Small"))
LINES = 45


def page(word: str) -> bytes:
    """A streamed request for a page that takes a while."""
    return body(image_part(drawn(LINES, word)), stream=True)


def post(connection: HTTPConnection, server: Server, content: bytes) -> None:
    headers = {"authorization": f"Bearer {server.key}", "x-client-request-id": "trouble"}
    connection.request("POST", "/v1/chat/completions", content, headers)


def begin(connection: HTTPConnection, server: Server, content: bytes) -> HTTPResponse:
    """Send a streamed request and wait for its first text: from then on it is in mid-page."""
    post(connection, server, content)
    answer = connection.getresponse()
    assert answer.status == 200
    for line in iter(answer.readline, b""):
        if b'"content":"' in line and b'"content":""' not in line:
            assert answer.readline() == b"\n"
            return answer
    raise AssertionError("the stream ended before its first text")


def kill_worker(server: Server) -> int:
    worker = server.worker
    os.kill(worker, signal.SIGKILL)
    return worker


def in_background(server: Server, content: bytes) -> tuple[threading.Thread, list[Reply]]:
    """Send a request from a thread of its own; its reply is in the list when the thread has ended."""
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(server.chat(content)))
    thread.start()
    return thread, replies


def test_a_worker_that_dies_in_mid_page_ends_its_streams_and_no_other(server: Server) -> None:
    with closing(server.connect()) as connection:
        answer = begin(connection, server, page("Killed"))
        worker = kill_worker(server)
        rest = answer.read()
    *_, error, done, nothing = rest.split(b"\n\n")
    assert (done, nothing) == (b"data: [DONE]", b"")
    assert error.startswith(b'data: {"error":{"message":"')
    assert b'"type":"upstream_error","param":null,"code":"engine_crashed"}}' in error
    assert b'"finish_reason":"' not in rest
    reply = server.chat(body(SMALL))
    assert reply.json["choices"][0]["message"]["content"].startswith("Small number 0")
    wait_until(lambda: server.worker != worker, "a new worker is ready")
    assert [line["code"] for line in server.log if line["event"] == "reader worker died"][-1] == -9


def test_a_worker_that_dies_in_mid_page_fails_whole_requests_with_502(server: Server) -> None:
    whole = body(image_part(drawn(LINES, "Whole")))
    thread, replies = in_background(server, whole)
    with closing(server.connect()) as connection:
        answer = begin(connection, server, page("Beside"))
        # Its page was sent before the stream's and is as long, so it is in its middle too.
        assert not replies
        kill_worker(server)
        answer.read()
    thread.join(30)
    (reply,) = replies
    assert (reply.status, reply.error["code"]) == (502, "engine_crashed")
    assert reply.headers["retry-after-ms"] == "1000"
    assert server.chat(body(SMALL)).status == 200


def test_the_sdk_sends_a_request_again_that_the_worker_died_of(
    server: Server, client: openai.OpenAI
) -> None:
    answers: list[Any] = []
    create: Any = client.chat.completions.create
    messages = [{"role": "user", "content": [image_part(drawn(LINES, "Again"))]}]
    thread = threading.Thread(
        target=lambda: answers.append(create(model="readstone-ocr", messages=messages))
    )
    thread.start()
    with closing(server.connect()) as connection:
        answer = begin(connection, server, page("Other"))
        assert not answers
        kill_worker(server)
        answer.read()
    thread.join(60)
    (completion,) = answers
    assert f"Again number {LINES - 1}" in completion.choices[0].message.content


def cpu_ticks(pid: int) -> int:
    """What a process has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_client_that_leaves_in_mid_page_is_noted_and_stops_the_work(server: Server) -> None:
    assert server.chat(body(SMALL)).status == 200
    worker = server.worker
    start = cpu_ticks(worker)
    assert server.chat(page("Left")).status == 200
    full = cpu_ticks(worker) - start
    for number in range(3):
        with closing(server.connect()) as connection:
            begin(connection, server, page(f"Left {number}"))  # a page that is not read yet
    wait_until(lambda: len(server.requests(status=499)) >= 3, "three clients left")
    assert all(line["error"] is None for line in server.requests(status=499) if "error" in line)
    # Had they not stopped, they would be done when this equal page is: lines are read in turn.
    assert server.chat(page("Left")).status == 200
    assert cpu_ticks(worker) - start - full < 3 * full


def test_a_client_that_leaves_a_whole_answer_is_noted(server: Server) -> None:
    with closing(server.connect()) as connection:
        headers = {
            "authorization": f"Bearer {server.key}",
            "x-client-request-id": "impatient",
        }
        content = body(image_part(drawn(LINES, "Impatient")))
        connection.request("POST", "/v1/chat/completions", content, headers)
        with closing(server.connect()) as other:
            begin(other, server, page("Patient"))
    assert [line["status"] for line in server.requests(client_id="impatient")] == [499]
    assert server.chat(body(SMALL)).status == 200


def listens(server: Server) -> bool:
    url = urlsplit(server.address)
    try:
        socket.create_connection((url.hostname, url.port or 0), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_server_told_to_end_finishes_what_it_reads(own_server: Server) -> None:
    with closing(own_server.connect()) as connection:
        answer = begin(connection, own_server, page("Drained"))
        own_server.terminate()
        wait_until(lambda: not listens(own_server), "it takes no new connections")
        rest = answer.read().decode()
    assert f"number {LINES - 1} of many" in rest
    assert '"finish_reason":"stop"' in rest
    assert rest.endswith("\n\ndata: [DONE]\n\n")
    assert own_server.process.wait(30) == 0
    assert not any(alive(line) for line in own_server.log)


def test_a_server_told_to_end_at_once_leaves_no_worker(own_server: Server) -> None:
    assert own_server.stop() == 0
    assert not any(alive(line) for line in own_server.log)


def test_a_server_killed_leaves_no_worker(own_server: Server) -> None:
    ready = [line for line in own_server.log if line["event"] == "reader ready"]
    own_server.process.kill()
    own_server.process.wait(30)
    wait_until(lambda: not any(map(alive, ready)), "its worker has ended")


def alive(line: dict[str, Any]) -> bool:
    """Whether the worker of a `reader ready` line still runs."""
    if line["event"] != "reader ready":
        return False
    try:
        os.kill(line["pid"], 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{line['pid']}/stat")
    return not status.exists() or status.read_text(encoding="utf-8").split()[2] != "Z"
