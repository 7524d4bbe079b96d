"""What may happen between a server and a real engine: a client leaves, the engine dies, is down, is full, says nothing."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.engines import tiny
from e2e.pages import ask, text_part
from e2e.server import Server, wait_until
from e2e.visitor import Visitor, in_band
from engines.real import RealEngine, started

pytestmark = pytest.mark.e2e

LONG = 30_720
"""Tokens of an answer that nobody waits for."""
CONTEXT = 2 * LONG
SETTINGS = """
[engines.tiny]
type = "http"
url = "{url}"

[models.tiny]
kind = "chat"
engine = "tiny"

[engines.impatient]
type = "http"
url = "{url}"
first_seconds = 0.5
silence_seconds = 0.5

[models.impatient]
kind = "chat"
engine = "impatient"
upstream = "tiny"
"""

both_ways = pytest.mark.parametrize("stream", [False, True])


@dataclass(frozen=True, slots=True)
class Lonely:
    """A server with one engine that may be killed and frozen."""

    server: Server
    engine: RealEngine

    @property
    def written(self) -> int:
        """Tokens that the engine has written since it was started."""
        return self.engine.metric("llamacpp:tokens_predicted_total")


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Generator[Lonely]:
    folder = tmp_path_factory.mktemp("lonely")
    launch = tiny(folder, "qwen3", slots=2, context=CONTEXT)
    with started(launch, folder / "engine.log") as engine:
        settings = SETTINGS.format(url=engine.url)
        (folder / "readstone.toml").write_text(settings, encoding="utf-8")
        server = Server(folder)
        yield Lonely(server, engine)
        assert server.stop() == 0
        assert [line for line in server.log if "exception" in line] == []


def request(model: str, **properties: Any) -> bytes:
    asked = {"temperature": 0, "max_tokens": 4, "stream": False, **properties}
    return json.dumps({"model": model, "messages": ask(text_part("hello")), **asked}).encode()


def endless(model: str, *, stream: bool) -> bytes:
    """A request for an answer that takes seconds."""
    return request(model, stream=stream, max_tokens=LONG, ignore_eos=True)


@both_ways
def test_a_client_that_leaves_stops_the_engine(lonely: Lonely, *, stream: bool) -> None:
    before = lonely.written
    note = f"left-{stream}"
    with Visitor(lonely.server, note).ask(endless("tiny", stream=stream)) as visitor:
        if stream:
            visitor.first_text()
        wait_until(lambda: lonely.engine.busy == 1, "the engine works")
        with lonely.engine.frozen():
            visitor.leave()
            lonely.server.requests(client_id=note, status=499)
    wait_until(lambda: lonely.engine.busy == 0, "the engine is idle")
    assert lonely.written - before < LONG


def test_clients_that_leave_the_engines_queue_are_never_answered(lonely: Lonely) -> None:
    before = lonely.engine.metric("llamacpp:n_decode_total")
    visitors = [
        Visitor(lonely.server, "queued").ask(endless("tiny", stream=True)) for _ in range(6)
    ]
    wait_until(lambda: lonely.engine.busy == 2, "the engine is full")
    for visitor in visitors:
        visitor.leave()
    wait_until(
        lambda: len(lonely.server.requests(client_id="queued", status=499)) == len(visitors),
        "all are gone",
    )
    wait_until(lambda: lonely.engine.busy == 0, "the engine is idle")
    assert lonely.engine.metric("llamacpp:n_decode_total") - before < LONG
    assert lonely.server.chat(request("tiny")).status == 200


def test_an_engine_killed_in_mid_stream_is_an_error_in_band(lonely: Lonely) -> None:
    with Visitor(lonely.server, "killed").ask(endless("tiny", stream=True)) as visitor:
        answer = visitor.first_text()
        with lonely.engine.killed():
            error = in_band(answer)
    assert (error["type"], error["code"]) == ("upstream_error", "engine_crashed")
    assert_tells_nothing(json.dumps(error), lonely.engine)
    wait_until(lambda: lonely.server.chat(request("tiny")).status == 200, "it answers again")


def test_an_engine_killed_over_a_whole_answer_is_a_502(lonely: Lonely) -> None:
    with Visitor(lonely.server, "whole").ask(endless("tiny", stream=False)) as visitor:
        wait_until(lambda: lonely.engine.busy == 1, "the engine works")
        with lonely.engine.killed():
            answer = visitor.answer()
            content = answer.read().decode()
    assert answer.status == 502
    assert json.loads(content)["error"]["code"] == "engine_crashed"
    assert_tells_nothing(content, lonely.engine)
    wait_until(lambda: lonely.server.chat(request("tiny")).status == 200, "it answers again")


@both_ways
def test_an_engine_that_says_nothing_runs_out_of_time(lonely: Lonely, *, stream: bool) -> None:
    with lonely.engine.frozen():
        reply = lonely.server.chat(request("impatient", stream=stream))
    assert (reply.status, reply.error["code"]) == (504, "engine_timeout")
    assert lonely.server.chat(request("impatient")).status == 200


def test_an_engine_that_falls_silent_in_mid_stream_is_an_error_in_band(lonely: Lonely) -> None:
    with Visitor(lonely.server, "silent").ask(endless("impatient", stream=True)) as visitor:
        answer = visitor.first_text()
        with lonely.engine.frozen():
            error = in_band(answer)
    assert (error["type"], error["code"]) == ("timeout_error", "engine_timeout")
    wait_until(lambda: lonely.engine.busy == 0, "the engine is idle")


@both_ways
def test_a_prompt_that_is_too_long_is_told_so(lonely: Lonely, *, stream: bool) -> None:
    messages = ask(text_part("hello " * CONTEXT))
    reply = lonely.server.chat(request("tiny", stream=stream, messages=messages))
    assert (reply.status, reply.error["code"]) == (400, "context_length_exceeded")
    assert str(CONTEXT) in str(reply.error["message"])


@both_ways
def test_an_engine_that_is_down_is_a_502_that_says_when(lonely: Lonely, *, stream: bool) -> None:
    with lonely.engine.killed():
        reply = lonely.server.chat(request("tiny", stream=stream))
    assert (reply.status, reply.error["type"]) == (502, "upstream_error")
    assert int(reply.headers["retry-after"]) >= 1
    assert_tells_nothing(reply.content.decode(), lonely.engine)
    wait_until(lambda: lonely.server.chat(request("tiny")).status == 200, "it answers again")


def assert_tells_nothing(content: str, engine: RealEngine) -> None:
    """Nothing of where the engine is, or of what went wrong in our code."""
    for secret in (str(engine.port), "127.0.0.1", "Errno", "Error(", str(Path.home())):
        assert secret not in content
