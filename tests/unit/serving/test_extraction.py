import threading

import pytest

from readstone.core.chat import ChatRequest, TextDelta
from readstone.core.errors import EngineTimeout, InvalidRequest, UnsupportedParameter
from readstone.core.extraction import Schema
from readstone.core.model import Model
from readstone.extraction.schema import parse_schema
from readstone.serving.catalogue import EMBEDDED, EXTRACT
from readstone.serving.extraction import plain_text
from readstone.serving.gateway import Served
from readstone.serving.wanted import Wanted
from unit.serving.office import FORMAT, OBJECT, PROMPT, SEER, TALKER, Office, asked
from unit.serving.paging import TOKENS, page


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


def test_only_models_of_an_engine_that_tells_lines_extract() -> None:
    extractor = Office().extractor
    assert extractor.takes(EXTRACT) is EXTRACT
    with pytest.raises(InvalidRequest, match="kind 'vision'"):
        extractor.takes(SEER)


def test_the_text_of_pages_is_as_it_is_read() -> None:
    assert plain_text([page("One", "Two"), page("Three")]) == "One\nTwo\n\fThree"
