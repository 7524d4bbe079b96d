"""Extraction by a language model: what it is asked and shown, what is kept of its answers, and what it costs."""

import json
from dataclasses import replace

import pytest

from readstone.core.chat import (
    Document,
    DocumentPart,
    Finish,
    ImagePart,
    Message,
    TextDelta,
    TextPart,
)
from readstone.core.errors import EngineTimeout
from readstone.core.extraction import written
from readstone.core.limit import Limits
from readstone.core.usage import Usage
from unit.serving.office import ASKING, PROMPT, Office, asked
from unit.serving.paging import TOKENS


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
