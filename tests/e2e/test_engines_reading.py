"""Models that read, on real engines: asked in the words of their makers, and stopped where they loop."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from e2e.engines import QUESTION, SIZE, flat, joined, read_stream, tiny
from e2e.pages import ask, image_part, text_part
from e2e.server import Server, wait_until
from engines.real import SIGHTED, RealEngine, seeing_llama, started
from readstone.engines.http.image_tokens import estimate
from readstone.engines.http.loop_stop import LOOPED
from readstone.engines.http.prompts import PROMPTS, SYSTEM

pytestmark = pytest.mark.e2e

SETTINGS = """
[engines.tiny]
type = "http"
url = "{url}"

[engines.seer]
type = "http"
url = "{seer}"

[models."Tiny/Reader"]
kind = "ocr"
engine = "seer"
upstream = "{sighted}"
family = "qwen2-vl"

[models."Tiny/OCR"]
kind = "ocr"
engine = "tiny"
upstream = "tiny"

[models."Tiny/Chat"]
kind = "chat"
engine = "tiny"
upstream = "tiny"
"""
LONG = 6_000
RED = 419
"""Id of the token that says " red"."""
WITHOUT_END: dict[str, Any] = {
    "messages": ask(text_part("Extract all text.")),
    "max_tokens": LONG,
    "temperature": 0,
    "logit_bias": {str(RED): 100},
}
"""A request after which the model says one word and never ends."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Our server, an engine that sees behind it, and one whose model may loop."""

    server: Server
    seer: RealEngine
    engine: RealEngine


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Generator[Reading]:
    folder = tmp_path_factory.mktemp("reading")
    with (
        started(tiny(folder, "qwen3", slots=1, context=16_384), folder / "qwen3.log") as engine,
        started(seeing_llama(), folder / "seer.log") as seer,
    ):
        settings = SETTINGS.format(url=engine.url, seer=seer.url, sighted=SIGHTED)
        (folder / "readstone.toml").write_text(settings, encoding="utf-8")
        server = Server(folder)
        yield Reading(server, seer, engine)
        assert server.stop() == 0


def test_a_model_that_reads_is_stopped_where_it_loops(reading: Reading) -> None:
    body = {"model": "Tiny/OCR", "stream": False, **WITHOUT_END}

    answer = reading.server.chat(json.dumps(body).encode()).json

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["x_metrics"]["notes"] == [LOOPED]
    assert 0 < answer["usage"]["completion_tokens"] < LONG
    assert answer["usage"]["prompt_tokens"] > 0


def test_its_stream_ends_as_any_other_and_the_engine_is_free(reading: Reading) -> None:
    body = {"model": "Tiny/OCR", "stream": True, **WITHOUT_END}

    chunks = read_stream(reading.server.chat(json.dumps(body).encode()).content)

    assert chunks[-1]["x_metrics"]["notes"] == [LOOPED]
    assert len(joined(chunks) + joined(chunks, "reasoning_content")) > 4_000
    wait_until(lambda: reading.engine.busy == 0, "the engine is free")


def test_a_model_that_chats_may_repeat_itself(reading: Reading) -> None:
    body = {"model": "Tiny/Chat", "stream": False, **WITHOUT_END}

    answer = reading.server.chat(json.dumps(body).encode()).json

    assert answer["usage"]["completion_tokens"] == LONG
    assert "notes" not in answer["x_metrics"]


def test_a_wish_for_text_reaches_the_engine_in_the_words_of_its_makers(reading: Reading) -> None:
    picture = image_part(flat("red"))
    wished = ask(picture, text_part("Please extract all the text."))
    system = {"role": "system", "content": SYSTEM["qwen2-vl"]}
    prompted = [system, *ask(picture, text_part(PROMPTS["qwen2-vl"]["plain"]))]

    ours = _read(reading, wished)

    theirs = reading.seer.chat(prompted, max_tokens=8, temperature=0)
    assert ours["usage"]["prompt_tokens"] == theirs["usage"]["prompt_tokens"]
    assert ours["choices"][0]["message"]["content"] == theirs["choices"][0]["message"]["content"]
    assert ours["usage"]["prompt_tokens_details"]["image_tokens"] == estimate("qwen2-vl", *SIZE)


def test_any_other_question_reaches_it_as_it_is(reading: Reading) -> None:
    asked = ask(image_part(flat("red")), text_part(QUESTION))

    ours = _read(reading, asked)

    theirs = reading.seer.chat(asked, max_tokens=8, temperature=0)
    assert ours["choices"][0]["message"]["content"] == "red"
    assert ours["usage"]["prompt_tokens"] == theirs["usage"]["prompt_tokens"]


def _read(reading: Reading, messages: Any) -> Any:
    body = {"model": "Tiny/Reader", "messages": messages, "max_tokens": 8, "temperature": 0}
    return reading.server.chat(json.dumps({**body, "stream": False}).encode()).json
