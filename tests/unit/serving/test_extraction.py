import json
import threading
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from readstone.core.chat import (
    ChatRequest,
    Document,
    DocumentPart,
    Finish,
    Image,
    ImagePart,
    Message,
    TextDelta,
    TextPart,
)
from readstone.core.errors import EngineTimeout, InvalidRequest, UnsupportedParameter
from readstone.core.extraction import Schema, written
from readstone.core.limit import Limits
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.core.usage import Usage
from readstone.engines.fake import FakeEngine
from readstone.extraction.schema import parse_schema
from readstone.serving.admission import Admission
from readstone.serving.catalogue import EMBEDDED, EXTRACT, Catalogue
from readstone.serving.extraction import Extractor, plain_text
from readstone.serving.gateway import Backend, Gateway, GatewayEvent, Served
from readstone.serving.limits.limiter import Limiter, Terms
from readstone.serving.limits.memory import MemoryCounters
from readstone.serving.wanted import Wanted
from readstone.store.memory import MemoryStore
from unit.serving.paging import TOKENS, PageEngine, page

LINES = ("ACME Ltd", "Invoice No: A-17", "Total: 12.50")
PROMPT = 'Fill in {"no": "Invoice No", "total": "Total"}.'
TALKER = Model("talker", "chat", "gpu", KIND_DEFAULTS["chat"], 2)
ASKING = replace(EXTRACT, id="asking", language_model="talker")
SEER = Model("seer", "vision", "gpu", KIND_DEFAULTS["vision"], 2)
FORMAT = json.dumps(
    {
        "type": "json_schema",
        "json_schema": {
            "name": "Bill",
            "schema": {"type": "object", "properties": {"total": {"type": "number"}}},
        },
    }
).encode()
OBJECT = b'{"type": "json_object"}'


class Office:
    """An extractor over an engine of pages and a language model that follows a script."""

    def __init__(self, *pages: Sequence[str], limits: Limits | None = None) -> None:
        counters = MemoryCounters(lambda: 1_795_262_400.0)
        self.limiter = (
            Limiter(counters, MemoryStore(), Terms(limits, 600, fail_open=False))
            if limits
            else None
        )
        self.reader = PageEngine(*(pages or (LINES,)))
        self.talker = FakeEngine(name="gpu")
        self.talker.become("ready")
        catalogue = Catalogue([EMBEDDED, EXTRACT, TALKER, ASKING, SEER])
        gateway = Gateway(
            {
                "reader": Backend(self.reader, Admission(1, 0)),
                "gpu": Backend(self.talker, Admission(1, 0)),
            },
            limiter=self.limiter,
        )
        self.extractor = Extractor(gateway, catalogue.find)

    async def chat(self, request: ChatRequest) -> list[GatewayEvent]:
        wanted = await self.extractor.wanted(request)
        assert wanted is not None
        async with aclosing(self.extractor.chat(request, wanted)) as events:
            return [event async for event in events]

    async def answer(self, request: ChatRequest) -> tuple[Any, Served]:
        delta, served = await self.chat(request)
        assert isinstance(delta, TextDelta)
        assert isinstance(served, Served)
        return json.loads(delta.text), served


def asked(
    prompt: str, *, model: Model = EMBEDDED, most: int = 8192, **extras: bytes
) -> ChatRequest:
    image = ImagePart(Image(b"x", "png", 1000, 1000, "image"))
    return ChatRequest(
        id="req_1",
        key_id="tester",
        model=model,
        model_name=model.id,
        messages=(Message("user", (image, TextPart(prompt))),),
        max_tokens=most,
        temperature=0.1,
        top_p=1.0,
        arrived=0.0,
        extras=extras,
    )


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Extract all text.",
        "Preserve the layout.",
        "Read this as markdown, please.",
        "invoice number, date, total",
    ],
)
async def test_a_reading_model_goes_on_reading(prompt: str) -> None:
    assert await Office().extractor.wanted(asked(prompt)) is None


@pytest.mark.parametrize(
    "request_",
    [
        asked(PROMPT),
        asked(PROMPT, response_format=OBJECT),
        asked(PROMPT, response_format=b'{"type": "text"}'),
        asked(PROMPT, response_format=b"null"),
        asked("Read the bill.", response_format=FORMAT),
        asked("", response_format=FORMAT),
        asked("Extract the content of the fields: ['no','total'] and return it in JSON format."),
        asked("invoice number, total", model=EXTRACT),
    ],
)
async def test_a_schema_in_the_prompt_or_the_format_makes_it_extract(request_: ChatRequest) -> None:
    assert isinstance(await Office().extractor.wanted(request_), Wanted)


async def test_a_vision_models_engine_answers_by_itself() -> None:
    extractor = Office().extractor
    assert await extractor.wanted(asked(PROMPT, model=SEER, response_format=FORMAT)) is None


@pytest.mark.parametrize(
    ("model", "threads"), [(EMBEDDED, 1), (EXTRACT, 1), (SEER, 0), (TALKER, 0)]
)
async def test_words_are_looked_through_off_the_loop_and_only_where_pages_are_read(
    model: Model, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[threading.Thread] = []

    def parse(prompt: str, response_format: bytes | None = None) -> Schema | None:
        seen.append(threading.current_thread())
        return parse_schema(prompt, response_format)

    monkeypatch.setattr("readstone.serving.wanted.parse_schema", parse)
    await Office().extractor.wanted(asked(PROMPT, model=model))
    assert len(seen) == threads
    assert threading.main_thread() not in seen


async def test_a_model_that_extracts_needs_a_schema() -> None:
    with pytest.raises(InvalidRequest) as caught:
        await Office().extractor.wanted(asked("Extract all text.", model=EXTRACT))
    assert caught.value.code == "missing_schema"


async def test_a_format_is_not_of_any_length() -> None:
    with pytest.raises(InvalidRequest, match="response_format"):
        await Office().extractor.wanted(asked("", response_format=b" " * 300_000))


async def test_a_scene_can_be_named_in_a_chat_too() -> None:
    extractor = Office().extractor
    medical = await extractor.wanted(asked(PROMPT, scene=b' "medical" '))
    assert medical is not None
    assert medical.scene == "medical"
    with pytest.raises(UnsupportedParameter, match="general, medical"):
        await extractor.wanted(asked(PROMPT, scene=b'"legal"'))


async def test_the_answer_is_json_with_what_it_took() -> None:
    content, served = await Office().answer(asked(PROMPT))
    assert content == {"no": "A-17", "total": "12.50"}
    assert served.finish.reason == "stop"
    assert served.finish.usage.image_tokens == TOKENS
    assert served.finish.usage.completion_tokens > 0
    assert served.metrics.engine == "reader"
    assert 0 < served.metrics.ttft_seconds <= served.metrics.total_time_seconds


async def test_numbers_are_numbers_where_the_format_says_so() -> None:
    content, _ = await Office().answer(asked("", response_format=FORMAT))
    assert content == {"total": 12.5}


async def test_all_pages_of_a_document_are_looked_at() -> None:
    office = Office(["Invoice No: A-17"], ["Total: 12.50"])
    content, served = await office.answer(asked(PROMPT))
    assert content == {"no": "A-17", "total": "12.50"}
    assert served.finish.usage.image_tokens == 2 * TOKENS


async def test_an_answer_is_cut_at_its_tokens_and_says_so() -> None:
    delta, served = await Office().chat(asked(PROMPT, most=3))
    assert isinstance(delta, TextDelta)
    assert isinstance(served, Served)
    assert delta.tokens == served.finish.usage.completion_tokens == 3
    assert '{"no":"A-17","total":"12.50"}'.startswith(delta.text)
    assert served.finish.reason == "length"


async def test_the_reader_is_not_asked_to_honour_what_extraction_does() -> None:
    office = Office()
    await office.answer(asked("", response_format=FORMAT, scene=b'"general"', seed=b"1"))
    assert set(office.reader.requests[0].extras) == {"seed"}


async def test_permits_are_free_again_whatever_happens() -> None:
    office = Office()
    office.reader.failure = EngineTimeout("Too long.")
    with pytest.raises(EngineTimeout):
        await office.chat(asked(PROMPT))
    office.reader.failure = None
    assert await office.chat(asked(PROMPT))


async def test_a_key_that_no_text_can_hold_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="Unicode"):
        await Office().chat(asked('{"a\\ud800": "Total"}', model=EXTRACT))


async def test_a_language_model_is_asked_and_only_what_the_lines_say_is_kept() -> None:
    office = Office()
    said = {
        "no": {"value": "A-17", "lines": [2]},
        "total": {"value": "99.99", "lines": [3]},
    }
    usage = Usage(50, 20)
    office.talker.scripts.append((TextDelta(json.dumps(said), 20), Finish("stop", usage)))
    office.talker.scripts.append((TextDelta("{}", 1), Finish("stop", usage)))

    content, served = await office.answer(asked(PROMPT, model=ASKING))

    assert content["no"] == "A-17"
    assert content["total"] != "99.99"
    first = office.talker.requests[0]
    assert first.model.id == "talker"
    assert first.temperature == 0
    assert set(first.extras) == {"response_format"}
    assert json.loads(first.extras["response_format"])["type"] == "json_schema"
    asks = len(office.talker.requests)
    assert served.finish.usage.prompt_tokens > TOKENS + 50 * asks
    assert served.finish.usage.image_tokens == TOKENS


CLAIMS = {
    "no": {"value": "A-17", "lines": [2]},
    "total": {"value": "99.99", "lines": [3]},
}
"""The total is none that the page prints."""


@pytest.mark.parametrize(
    ("lenient", "total", "marks"),
    [(False, None, {"no": "exact"}), (True, "99.99", {"no": "exact", "total": "ungrounded"})],
)
async def test_what_no_words_say_is_null_or_kept_and_marked_where_that_is_asked_for(
    *, lenient: bool, total: str | None, marks: dict[str, str]
) -> None:
    office = Office()
    again = {"1": CLAIMS["total"]}
    for answer in (CLAIMS, again):
        finish = Finish("stop", Usage(50, 20))
        office.talker.scripts.append((TextDelta(json.dumps(answer), 20), finish))
    wanted = office.extractor.parse(PROMPT, "general", lenient=lenient)
    found = await office.extractor.extract(asked(PROMPT, model=ASKING), wanted)
    assert json.loads(found.content) == {"no": "A-17", "total": total}
    assert {written(each.path): each.match for each in found.extraction.values} == marks


@pytest.mark.parametrize(("shows", "pictures"), [(True, 1), (False, 0)])
async def test_a_vision_model_is_shown_the_images_where_it_is_set_to(
    *, shows: bool, pictures: int
) -> None:
    office = Office()
    for answer in (CLAIMS, {"1": CLAIMS["no"]}):
        office.talker.scripts.append(
            (TextDelta(json.dumps(answer), 20), Finish("stop", Usage(1, 1)))
        )
    request = asked(PROMPT, model=replace(ASKING, language_model="seer", shows_pages=shows))
    await office.chat(request)
    for sent in office.talker.requests:
        images = [
            part
            for message in sent.messages
            for part in message.parts
            if isinstance(part, ImagePart)
        ]
        assert len(images) == pictures
        assert all(part in request.messages[0].parts for part in images)


async def test_a_pdf_is_not_shown_for_its_pages_are_no_images_yet() -> None:
    office = Office()
    office.talker.scripts.append((TextDelta(json.dumps({}), 20), Finish("stop", Usage(1, 1))))
    request = asked(PROMPT, model=replace(ASKING, language_model="seer", shows_pages=True))
    pdf = DocumentPart(Document(b"%PDF", 10, 1_000_000, "messages"))
    paper = replace(request, messages=(Message("user", (pdf, TextPart(PROMPT))),))
    await office.chat(paper)
    assert all(
        isinstance(part, TextPart)
        for sent in office.talker.requests
        for message in sent.messages
        for part in message.parts
    )


async def test_the_tokens_of_both_rounds_are_charged_and_the_request_once() -> None:
    office = Office(limits=Limits(requests_per_minute=5, tokens_per_minute=100_000))
    for answer in (CLAIMS, {"1": CLAIMS["total"]}):
        office.talker.scripts.append(
            (TextDelta(json.dumps(answer), 20), Finish("stop", Usage(50, 20)))
        )
    _, served = await office.answer(asked(PROMPT, model=ASKING))
    assert office.limiter is not None
    standing = await office.limiter.standing("tester")
    assert standing.requests is not None
    assert standing.tokens is not None
    assert standing.requests.remaining == 4
    used = 100_000 - standing.tokens.remaining
    assert 2 * 70 + TOKENS < used <= served.finish.usage.total_tokens


async def test_a_language_model_that_takes_too_long_fails_the_request() -> None:
    office = Office()
    office.talker.scripts.append((EngineTimeout("Too long."),))
    with pytest.raises(EngineTimeout):
        await office.chat(asked(PROMPT, model=ASKING))


def test_only_models_of_an_engine_that_tells_lines_extract() -> None:
    extractor = Office().extractor
    assert extractor.takes(EXTRACT) is EXTRACT
    with pytest.raises(InvalidRequest, match="kind 'vision'"):
        extractor.takes(SEER)


def test_the_text_of_pages_is_as_it_is_read() -> None:
    assert plain_text([page("One", "Two"), page("Three")]) == "One\nTwo\n\fThree"
