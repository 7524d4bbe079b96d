"""The official openai SDK against a started server."""

import asyncio
import re
from typing import Any

import openai
import pytest
from PIL import Image as Pillow

from e2e.pages import (
    ALIAS,
    MODEL,
    ask,
    body,
    document,
    drawn,
    image_part,
    png,
    text_part,
    truth,
    word_f1,
)
from e2e.server import Server, readstone

pytestmark = pytest.mark.e2e

RECEIPT = image_part(document("receipt.jpg"))
INVOICE = image_part(document("invoice.png"))
SMALL = image_part(drawn(4, "Small"))
MODELS = [MODEL, ALIAS, "u1-ocr-extract"]
FIVE = image_part(drawn(5, "Five"))


def read(client: openai.OpenAI, *parts: Any, **properties: Any) -> Any:
    create: Any = client.chat.completions.create
    return create(model=MODEL, messages=ask(*parts), **properties)


def text_of(answer: Any) -> str:
    return str(answer.choices[0].message.content)


def streamed_text(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("receipt.jpg", 0.97),
        ("invoice.png", 0.98),
        ("columns.png", 0.98),
        ("screen.png", 0.96),
        ("languages.png", 0.97),
    ],
)
def test_a_page_is_read(client: openai.OpenAI, name: str, bound: float) -> None:
    answer = read(client, image_part(document(name)))
    assert word_f1(text_of(answer), truth(name)) >= bound
    assert answer.choices[0].finish_reason == "stop"


def test_a_whole_answer_has_all_its_members(client: openai.OpenAI) -> None:
    answer = read(client, text_part("Extract all text."), SMALL)
    assert re.fullmatch(r"chatcmpl-\w+", answer.id)
    assert (answer.object, answer.model) == ("chat.completion", MODEL)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.refusal is None
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    details = usage.prompt_tokens_details
    assert 0 < details.image_tokens < usage.prompt_tokens
    assert details.cached_tokens == 0
    metrics = answer.model_extra["x_metrics"]
    assert 0 < metrics["ttft_seconds"] <= metrics["total_time_seconds"]
    assert metrics["tps"] > 0


def test_a_streamed_answer_is_the_whole_one_in_pieces(client: openai.OpenAI) -> None:
    whole = read(client, SMALL)
    chunks = list(read(client, SMALL, stream=True))
    assert streamed_text(chunks) == text_of(whole)
    assert sum(bool(chunk.choices[0].delta.content) for chunk in chunks) >= 4
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage
    assert chunks[-1].model_extra["x_metrics"]["total_time_seconds"] > 0
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1


def test_usage_comes_in_one_more_chunk_where_it_was_asked_for(client: openai.OpenAI) -> None:
    *chunks, last = read(client, SMALL, stream=True, stream_options={"include_usage": True})
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage.completion_tokens > 0
    assert last.model_extra["x_metrics"]["engine"] == "reader"


def test_the_sdks_own_stream_helper_gathers_the_answer(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=ask(SMALL)) as stream:
        completion = stream.get_final_completion()
    assert completion.choices[0].message.content == text_of(read(client, SMALL))


async def test_the_async_client_reads_several_pages_at_once(
    async_client: openai.AsyncOpenAI,
) -> None:
    create = async_client.chat.completions.create
    whole, stream, other = await asyncio.gather(
        create(model=MODEL, messages=ask(SMALL)),
        create(model=MODEL, messages=ask(SMALL), stream=True),
        create(model=MODEL, messages=ask(FIVE)),
    )
    assert streamed_text([chunk async for chunk in stream]) == text_of(whole)
    assert "Five number 4" in text_of(other)


async def test_the_async_client_lists_models(async_client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in async_client.models.list()] == MODELS


def test_models_are_listed_and_an_alias_with_a_slash_is_found(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == MODELS
    alias = client.models.retrieve(ALIAS)
    assert (alias.id, alias.object, alias.owned_by) == (ALIAS, "model", "readstone")
    assert alias.model_extra is not None
    assert alias.model_extra["alias_of"] == MODEL
    assert alias.model_extra["kind"] == "ocr"
    assert alias.model_extra["engine_state"] == "ready"


def test_an_alias_answers_under_its_own_name(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=ALIAS, messages=ask(SMALL))
    assert answer.model == ALIAS
    assert text_of(answer) == text_of(read(client, SMALL))


def test_the_id_of_a_request_is_in_the_header_the_answer_and_the_log(
    server: Server, client: openai.OpenAI
) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=ask(SMALL))
    answer = raw.parse()
    request_id = raw.headers["x-request-id"]
    assert request_id == answer._request_id  # pyright: ignore[reportPrivateUsage]
    assert int(raw.headers["openai-processing-ms"]) >= 0
    (line,) = server.requests(id=request_id)
    assert (line["status"], line["model"], line["finish"]) == (200, MODEL, "stop")
    assert "Small" not in str(server.log)


@pytest.mark.parametrize("tokens", [1, 7])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_is_cut_after_exactly_as_many_tokens(
    client: openai.OpenAI, tokens: int, name: str
) -> None:
    answer = read(client, SMALL, **{name: tokens})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == tokens
    assert text_of(read(client, SMALL)).startswith(text_of(answer))


def test_the_instruction_chooses_the_rendering(client: openai.OpenAI) -> None:
    plain = text_of(read(client, text_part("Extract all text from this document."), INVOICE))
    markdown = text_of(read(client, text_part("Convert the page to markdown."), INVOICE))
    layout = text_of(read(client, text_part("Extract the text and preserve layout."), INVOICE))
    assert len({plain, markdown, layout}) == 3
    assert re.search(r"^\|.*\|$", markdown, re.MULTILINE)
    assert "|" not in plain
    assert re.search(r"\S {3,}\S", layout)
    assert "   " not in plain
    assert min(word_f1(text, truth("invoice.png")) for text in (plain, layout)) >= 0.9


def test_the_images_of_a_request_are_read_in_their_order(client: openai.OpenAI) -> None:
    answer = text_of(read(client, SMALL, text_part("Read both."), FIVE))
    assert answer.index("Small number 3") < answer.index("\f") < answer.index("Five number 0")


@pytest.mark.parametrize("stream", [False, True])
def test_a_page_without_text_is_an_empty_answer(client: openai.OpenAI, *, stream: bool) -> None:
    blank = image_part(png(Pillow.new("L", (280, 280), 255)))
    answer = read(client, blank, stream=stream)
    if stream:
        *_, answer = answer
        assert answer.choices[0].finish_reason == "stop"
    else:
        assert text_of(answer) == ""
    usage = (answer.usage.completion_tokens, answer.usage.prompt_tokens_details.image_tokens)
    assert usage == (0, 100)


def test_the_same_bytes_get_the_same_answer(client: openai.OpenAI) -> None:
    first, second = (read(client, RECEIPT) for _ in range(2))
    assert text_of(first) == text_of(second)
    assert first.system_fingerprint == second.system_fingerprint


def test_what_a_reader_cannot_do_is_refused_once(server: Server, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        read(
            client,
            text_part("Describe this picture."),
            SMALL,
            extra_headers={"X-Client-Request-Id": "describe"},
        )
    assert (caught.value.param, caught.value.code) == ("messages", "unsupported_instruction")
    assert "vision" in caught.value.message
    assert len(server.requests(client_id="describe")) == 1


@pytest.mark.parametrize(
    ("properties", "param", "code"),
    [
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
        ({"extra_body": {"top_k": 5}}, "top_k", "unsupported_parameter"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(
    client: openai.OpenAI, properties: Any, param: str, code: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        read(client, SMALL, **properties)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.type == "invalid_request_error"


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-5", messages=ask(SMALL))
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-5/turbo")


def test_a_wrong_key_is_refused(client: openai.OpenAI) -> None:
    stranger = client.with_options(api_key="rs-wrong")
    with pytest.raises(openai.AuthenticationError) as caught:
        read(stranger, SMALL)
    assert caught.value.code == "invalid_api_key"
    assert caught.value.response.headers["www-authenticate"] == "Bearer"


def test_a_revoked_key_is_refused_at_once(server: Server, client: openai.OpenAI) -> None:
    made = readstone(server.folder, "keys", "create", "guest", "--data-dir", "data")
    guest = client.with_options(api_key=made.stdout.strip())
    assert text_of(read(guest, SMALL))
    public_id = made.stdout.split("-")[1]
    revoked = readstone(server.folder, "keys", "revoke", public_id, "--data-dir", "data")
    assert revoked.returncode == 0
    with pytest.raises(openai.AuthenticationError):
        read(guest, SMALL)


def test_an_error_in_a_stream_request_keeps_its_status(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        read(client, text_part("No image here."), stream=True)
    assert caught.value.code == "no_image"


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_an_ocr_model_answers_whole_where_stream_is_left_out(server: Server, accept: str) -> None:
    reply = server.chat(body(SMALL), accept=accept)
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["object"] == "chat.completion"
