"""Engines with an environment of their own, vLLM and transformers: what they say through us is what they say."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from e2e.engines import CAPITAL, joined, read_stream, shown
from e2e.pages import ask, text_part
from e2e.server import Server, wait_until
from e2e.visitor import Visitor, in_band
from engines.real import SIGHTED, RealEngine, elsewhere, started

MODEL = "Tiny/Seer"
SETTINGS = """
[engines.away]
type = "http"
url = "{url}"
refuses = {refuses}

[models."Tiny/Seer"]
kind = "vision"
engine = "away"
upstream = "{name}"
"""
IGNORED = {"vllm": [], "transformers": ["response_format", "n", "logprobs", "tools"]}
"""What an engine would accept and ignore: it is refused by us instead."""
LONG = 1500
COLOUR: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "colour",
        "schema": {
            "type": "object",
            "properties": {"colour": {"enum": ["red", "blue"]}},
            "required": ["colour"],
            "additionalProperties": False,
        },
    },
}
COLOURS = [("red",), ("red", "blue"), ("blue", "red"), ("red", "green", "blue")]


@dataclass(frozen=True, slots=True)
class Away:
    """A server in front of one engine."""

    server: Server
    engine: RealEngine

    def chat(self, messages: Any, **properties: Any) -> Any:
        """Our answer, without randomness where nothing else is asked for."""
        asked = {"model": MODEL, "temperature": 0, "stream": False, **properties}
        return self.server.chat(json.dumps({"messages": messages, **asked}).encode())


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("vllm", marks=pytest.mark.vllm),
        pytest.param("transformers", marks=pytest.mark.transformers),
    ],
)
def away(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Away]:
    folder = tmp_path_factory.mktemp("away")
    with started(elsewhere(request.param), folder / "engine.log") as engine:
        settings = SETTINGS.format(url=engine.url, refuses=IGNORED[request.param], name=engine.name)
        (folder / "readstone.toml").write_text(settings, encoding="utf-8")
        server = Server(folder)
        yield Away(server, engine)
        assert server.stop() == 0
        assert [line for line in server.log if "exception" in line] == []


@pytest.mark.parametrize("colours", COLOURS)
def test_images_are_seen_and_counted_as_the_engine_does(
    away: Away, colours: tuple[str, ...]
) -> None:
    messages = shown(*colours)
    direct = away.engine.chat(messages, temperature=0)
    ours = away.chat(messages).json
    assert ours["choices"][0]["message"]["content"] == ", ".join(colours)
    assert ours["choices"][0]["message"]["content"] == direct["choices"][0]["message"]["content"]
    for member in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert ours["usage"][member] == direct["usage"][member]
    # The tokens of an image are derived from the model's family, which only its name tells.
    tokens = 6 * len(colours) if away.engine.name == SIGHTED else 0
    assert ours["usage"]["prompt_tokens_details"]["image_tokens"] == tokens
    streamed = read_stream(away.chat(messages, stream=True).content)
    assert joined(streamed) == ", ".join(colours)
    assert streamed[-1]["choices"][0]["finish_reason"] == "stop"


def test_text_is_answered(away: Away) -> None:
    reply = away.chat(ask(text_part(CAPITAL)))
    assert reply.json["choices"][0]["message"]["content"] == "Paris."


def test_an_answer_is_cut_where_it_is_said(away: Away) -> None:
    counting = ask(text_part("Count to five."))
    ours = away.chat(counting, max_tokens=3).json
    assert ours["choices"][0]["finish_reason"] == "length"
    assert ours["usage"]["completion_tokens"] == 3
    stopped = away.chat(counting, stop=["3"])
    if _kind(away) == "vllm":
        assert stopped.json["choices"][0]["message"]["content"] == "1, 2, "
        assert stopped.json["choices"][0]["finish_reason"] == "stop"
    else:
        # transformers' server fails over stop strings of a model that sees, and says so in its stream.
        assert (stopped.status, stopped.error["code"]) == (502, "engine_failed")


def test_a_schema_shapes_the_answer_or_is_refused(away: Away) -> None:
    reply = away.chat(shown("red"), response_format=COLOUR)
    if "response_format" in IGNORED[_kind(away)]:
        assert (reply.status, reply.error["param"]) == (400, "response_format")
    else:
        assert json.loads(reply.json["choices"][0]["message"]["content"]) == {"colour": "red"}


def test_several_choices_and_logprobs_are_there_or_refused(away: Away) -> None:
    asked: Any = {"n": 2, "temperature": 1, "seed": 1, "logprobs": True, "top_logprobs": 2}
    reply = away.chat(ask(text_part("hello")), **asked)
    if "n" in IGNORED[_kind(away)]:
        assert (reply.status, reply.error["param"]) in {(400, "n"), (400, "logprobs")}
    else:
        choices = reply.json["choices"]
        assert [choice["index"] for choice in choices] == [0, 1]
        assert all(choice["logprobs"]["content"] for choice in choices)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_the_engine(away: Away, *, stream: bool) -> None:
    if _kind(away) != "vllm":
        pytest.skip("it does not tell what it works on")
    asked = {"model": MODEL, "max_tokens": LONG, "ignore_eos": True, "stream": stream}
    content = json.dumps({"messages": ask(text_part("hello")), **asked}).encode()
    before = away.engine.metric("vllm:generation_tokens_total")
    with Visitor(away.server, f"left-{stream}").ask(content):
        wait_until(lambda: away.engine.busy == 1, "the engine works")
    wait_until(lambda: away.engine.busy == 0, "the engine is idle")
    assert away.engine.metric("vllm:generation_tokens_total") - before < LONG


def test_a_prompt_that_is_too_long_is_told_so(away: Away) -> None:
    if _kind(away) != "vllm":
        pytest.skip("it has no limit")
    reply = away.chat(ask(text_part("hello " * 3000)))
    assert (reply.status, reply.error["code"]) == (400, "context_length_exceeded")


def test_what_an_engine_refuses_is_our_refusal(away: Away) -> None:
    reply = away.chat(ask(text_part("hello")), response_format={"type": "sound"})
    assert reply.status == 400


def test_an_engine_killed_in_mid_stream_is_an_error_in_band_and_comes_back(away: Away) -> None:
    asked = {"model": MODEL, "max_tokens": LONG, "ignore_eos": True, "stream": True}
    content = json.dumps({"messages": ask(text_part("Count to five.")), **asked}).encode()
    if _kind(away) != "vllm":
        pytest.skip("it cannot be asked for a long answer")
    with Visitor(away.server, "killed").ask(content) as visitor:
        answer = visitor.first_text()
        with away.engine.killed():
            assert in_band(answer)["code"] == "engine_crashed"
    wait_until(lambda: away.chat(ask(text_part(CAPITAL))).status == 200, "it answers again")


def _kind(away: Away) -> str:
    """Which of them it is: only vLLM tells what it works on."""
    return "vllm" if away.engine.tells else "transformers"
