"""llama.cpp as a child of the server: it sees, and when it is killed it comes back by itself."""

import json
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from e2e.engines import CAPITAL, read_stream, shown
from e2e.pages import ask, text_part
from e2e.server import Server, wait_until
from e2e.visitor import Visitor, cpu_ticks, in_band
from models.tiny import SEER, write_tiny

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc"),
]

LONG = 30_720
SETTINGS = """
[engines.seer]
type = "llamacpp"
model = "{seer}/seer.gguf"
mmproj = "{seer}/seer-mmproj.gguf"
context = 2048
threads = 1

[models."Tiny/Seer"]
kind = "vision"
engine = "seer"
upstream = "seer-qwen2.5-vl"

[engines.tiny]
type = "llamacpp"
model = "{tiny}"
context = {context}
threads = 1

[models.tiny]
kind = "chat"
engine = "tiny"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    folder = tmp_path_factory.mktemp("supervised")
    tiny = write_tiny("qwen3", folder / "tiny.gguf")
    settings = SETTINGS.format(seer=SEER, tiny=tiny, context=2 * LONG)
    (folder / "readstone.toml").write_text(settings, encoding="utf-8")
    started = Server(folder)
    yield started
    engines = [engine_of(started, name) for name in ("seer", "tiny")]
    assert started.stop() == 0
    assert [line for line in started.log if "exception" in line] == []
    wait_until(lambda: not any(map(is_alive, engines)), "nothing of its engines is left")


def body(model: str, messages: Any, **properties: object) -> bytes:
    asked = {"model": model, "messages": messages, "temperature": 0, "stream": False}
    return json.dumps({**asked, **properties}).encode()


def endless(*, stream: bool) -> bytes:
    messages = ask(text_part("hello"))
    return body("tiny", messages, stream=stream, max_tokens=LONG, ignore_eos=True)


def engine_of(server: Server, name: str) -> int:
    """The process id of an engine's server: the child of the launcher that the log names."""
    ready = [line for line in server.log if line["event"] == "engine ready"]
    launcher = [line["pid"] for line in ready if line["engine"] == name][-1]
    (child,) = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return int(child)


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def starts(server: Server, name: str) -> int:
    ready = [line for line in server.log if line["event"] == "engine ready"]
    return sum(line["engine"] == name for line in ready)


def test_a_child_sees(server: Server) -> None:
    answer = server.chat(body("Tiny/Seer", shown("blue", "red"))).json
    assert answer["choices"][0]["message"]["content"] == "blue, red"
    assert answer["usage"]["prompt_tokens"] == 34
    assert answer["x_metrics"]["engine"] == "seer"


def test_tools_that_a_model_would_never_see_are_refused(server: Server) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    messages = ask(text_part("hello"))
    answer = server.chat(body("Tiny/Seer", messages, tools=[tool]))
    assert (answer.status, answer.error["param"]) == (400, "tools")
    assert "its chat template has no place for them" in (answer.error["message"] or "")
    for model in ("Tiny/Seer", "tiny"):
        free = body(model, messages, tools=[tool], tool_choice="none", max_tokens=4)
        assert server.chat(free).status == 200
    # llama.cpp takes any choice that is no word for "auto", and fails on this model then.
    chosen = {"type": "function", "function": {"name": "look"}}
    named = body("tiny", messages, tools=[tool], tool_choice=chosen, max_tokens=4)
    assert server.chat(named).status == 200


@pytest.mark.parametrize("stream", [True, False])
def test_a_child_that_is_killed_ends_its_answer_and_comes_back(
    server: Server, *, stream: bool
) -> None:
    before = starts(server, "tiny")
    child = engine_of(server, "tiny")
    idle = cpu_ticks(child)
    with Visitor(server, f"killed-{stream}").ask(endless(stream=stream)) as visitor:
        # A whole answer shows nothing before its end, but its engine computes.
        answer = visitor.first_text() if stream else None
        wait_until(lambda: cpu_ticks(child) > idle + 5, "it computes")
        os.kill(child, signal.SIGKILL)
        answer = answer or visitor.answer()
        told = in_band(answer) if stream else json.loads(answer.read())["error"]
    assert answer.status == (200 if stream else 502)
    assert (told["type"], told["code"]) == ("upstream_error", "engine_crashed")
    other = server.chat(body("Tiny/Seer", ask(text_part(CAPITAL))))
    assert other.json["choices"][0]["message"]["content"] == "Paris."
    wait_until(lambda: starts(server, "tiny") == before + 1, "it was started again")
    again = server.chat(body("tiny", ask(text_part("hello")), max_tokens=8, stream=True))
    assert read_stream(again.content)[-1]["choices"][0]["finish_reason"] == "length"
