"""Extraction with a real engine: what a model that knows nothing answers is held to its form, and none of it gets through."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from e2e.pages import ask, drawn, image_part, text_part
from e2e.server import Server
from engines.real import SIGHTED, RealEngine, llama, started
from models.tiny import SEER
from readstone.core.chat import Message, TextPart
from readstone.core.extraction import Field, Group, Schema
from readstone.extraction.llm.answer import claims, parsed
from readstone.extraction.llm.extract import Papers, extract_with_llm
from unit.extraction.llm.scripted import page

pytestmark = pytest.mark.e2e

PRINTED = page("Invoice No: INV-9", "Total EUR 7.20")
SCHEMA = Schema(
    Group((("invoice_date", Field("Invoice Date", "date")), ("total", Field("Total", "number"))))
)
CHOICES = Schema(
    Group(
        (
            ("kind", Field("Kind", "choice", ("invoice", "receipt"))),
            ("paid", Field("Paid", "boolean")),
        )
    )
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEngine]:
    launch = llama(SEER / "seer.gguf", SIGHTED, SEER / "seer-mmproj.gguf", slots=1)
    with started(launch, tmp_path_factory.mktemp("seer") / "log") as running:
        yield running


@dataclass
class Asking:
    """Asks the engine, and keeps what it answered."""

    engine: RealEngine
    answers: list[str] = field(default_factory=list[str])

    async def ask(self, messages: Sequence[Message], response_format: bytes) -> str:
        said = [{"role": message.role, "content": _text(message)} for message in messages]
        answer: Any = await asyncio.to_thread(
            self.engine.chat,
            said,
            response_format=json.loads(response_format),
            max_tokens=1200,
            temperature=0,
        )
        assert "choices" in answer, answer
        self.answers.append(answer["choices"][0]["message"]["content"])
        return self.answers[-1]


def _text(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, TextPart))


@pytest.mark.parametrize("schema", [SCHEMA, CHOICES], ids=["values", "choices"])
async def test_an_engine_holds_a_model_to_the_form_and_nothing_it_makes_up_gets_through(
    engine: RealEngine, schema: Schema
) -> None:
    asking = Asking(engine)

    found = await extract_with_llm(Papers([PRINTED]), schema, "general", asking.ask)

    given = parsed(asking.answers[0])
    assert given is not None
    assert isinstance(schema.root, Group)
    assert list(given) == [key for key, _ in schema.root.members]
    assert [claim.path for claim in claims(given, schema)] == [
        (key,) for key, _ in schema.root.members
    ]
    assert found.content == dict.fromkeys(given)
    assert found.values == ()


SETTINGS = """
[engines.seer]
type = "http"
url = "{url}"

[models.seer]
kind = "vision"
engine = "seer"
upstream = "{name}"
context_length = 2048
defaults.max_tokens = 700

[models.asking]
kind = "extract"
engine = "reader"
language_model = "seer"

[models.showing]
kind = "extract"
engine = "reader"
language_model = "seer"
show_pages = true
"""


def test_a_server_asks_its_language_model_and_believes_nothing_the_page_does_not_print(
    engine: RealEngine, tmp_path: Path
) -> None:
    settings = SETTINGS.format(url=engine.url, name=SIGHTED)
    (tmp_path / "readstone.toml").write_text(settings, encoding="utf-8")
    server = Server(tmp_path)
    tokens: dict[str, int] = {}
    try:
        wanted = text_part('{"date": "Invoice Date, YYYY-MM-DD", "total": "integer"}')
        messages = ask(image_part(drawn(2, "Page")), wanted)
        for model in ("asking", "showing"):
            asked = {"model": model, "messages": messages, "stream": False}
            reply = server.chat(json.dumps(asked).encode())
            assert reply.status == 200, reply.json
            content = json.loads(reply.json["choices"][0]["message"]["content"])
            assert content["date"] is None
            assert content["total"] in {None, 0, 1}  # the page prints "number 0" and "number 1"
            tokens[model] = reply.json["usage"]["prompt_tokens"]
    finally:
        assert server.stop() == 0

    assert 500 < tokens["asking"] < tokens["showing"]
    assert [line for line in server.log if "exception" in line] == []
