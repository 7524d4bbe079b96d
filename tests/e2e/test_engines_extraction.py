"""Extraction with a real engine: what a model that knows nothing answers is held to its form, and none of it gets through."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from engines.real import SIGHTED, RealEngine, llama, started
from models.tiny import SEER
from readstone.core.chat import Message, TextPart
from readstone.core.extraction import Field, Group, Schema
from readstone.extraction.llm.answer import claims, parsed
from readstone.extraction.llm.extract import extract_with_llm
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
    launch = llama(SEER / "seer.gguf", SIGHTED, slots=1)
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

    found = await extract_with_llm([PRINTED], schema, "general", asking.ask)

    given = parsed(asking.answers[0])
    assert given is not None
    assert list(given) == [key for key, _ in schema.root.members]
    assert [claim.path for claim in claims(given, schema)] == [
        (key,) for key, _ in schema.root.members
    ]
    assert found.content == dict.fromkeys(given)
    assert found.values == ()
