import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from readstone.core.chat import (
    ChatRequest,
    Document,
    DocumentPart,
    Image,
    ImagePart,
    Message,
    Part,
    TextPart,
)
from readstone.core.errors import EngineFailed
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines.http.manner import Manner
from readstone.engines.http.payload import encode

MODEL = Model("Public/Name", "vision", "engine", KIND_DEFAULTS["vision"], 9, upstream="inner")
SMALL = b"small image"
LARGE = bytes(range(256)) * 1024


def image(data: bytes) -> ImagePart:
    return ImagePart(Image(data, "png", 8, 8, "image"))


def request(*messages: Message, **extras: bytes) -> ChatRequest:
    return ChatRequest(
        id="req_1",
        key_id="key",
        model=MODEL,
        model_name="Public/Name",
        messages=messages,
        max_tokens=16384,
        temperature=0.1,
        top_p=1.0,
        arrived=0.0,
        extras=extras,
    )


async def sent(*messages: Message, **extras: bytes) -> dict[str, Any]:
    return json.loads(b"".join(await encode(request(*messages, **extras), Manner(100))))


def turn(*parts: Part, **extras: bytes) -> Message:
    return Message("user", parts, extras)


async def test_the_engine_is_asked_for_a_stream_with_usage_under_its_own_name() -> None:
    body = await sent(turn(TextPart("Hi")))
    assert body == {
        "model": "inner",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 100,
        "temperature": 0.1,
        "top_p": 1.0,
        "messages": [{"role": "user", "content": "Hi"}],
    }


async def test_a_model_without_another_name_is_called_by_its_id() -> None:
    assert Model("a/b", "chat", "e", KIND_DEFAULTS["chat"], 1).name_at_engine == "a/b"


async def test_what_the_client_sent_besides_goes_on_as_it_came() -> None:
    schema = b'{"type": "json_schema", "json_schema": {"b": 1.50, "a": [null]}}'
    body = await encode(request(turn(), response_format=schema, mine=b'"x"', seed=b"7"), Manner(1))
    assert schema in b"".join(body)
    found = json.loads(b"".join(body))
    assert (found["mine"], found["seed"]) == ("x", 7)


async def test_what_is_ours_to_say_is_not_said_by_the_client() -> None:
    body = await sent(turn(), model=b'"other"', stream=b"false", stream_options=b"null")
    assert (body["model"], body["stream"]) == ("inner", True)


async def test_a_messages_own_members_go_on() -> None:
    calls = b'[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]'
    body = await sent(
        Message("assistant", (), {"tool_calls": calls}),
        Message("tool", (TextPart("3"),), {"tool_call_id": b'"c"'}),
    )
    assert body["messages"] == [
        {"role": "assistant", "tool_calls": json.loads(calls), "content": None},
        {"role": "tool", "tool_call_id": "c", "content": "3"},
    ]


async def test_a_parts_own_members_go_on() -> None:
    body = await sent(turn(TextPart("a", {"cache_control": b'{"type":"ephemeral"}'})))
    (part,) = body["messages"][0]["content"]
    assert part == {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}


async def test_an_images_own_members_go_on() -> None:
    shown = replace(
        image(SMALL), extras={"min_pixels": b"784"}, beside_url={"a": b"[1]", "b": b"{}"}
    )
    body = await sent(turn(shown))
    (part,) = body["messages"][0]["content"]
    url = part["image_url"].pop("url")
    assert base64.b64decode(url.partition(",")[2]) == SMALL
    assert part == {"type": "image_url", "image_url": {"a": [1], "b": {}}, "min_pixels": 784}


@pytest.mark.parametrize("data", [SMALL, LARGE])
async def test_texts_and_images_keep_their_order_and_their_bytes(data: bytes) -> None:
    body = await sent(turn(TextPart("a"), image(data), image(SMALL), TextPart("b")))
    content = body["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "image_url", "text"]
    url = content[1]["image_url"]["url"]
    assert url.startswith("data:image/png;base64,")
    assert base64.b64decode(url.partition(",")[2]) == data


async def test_a_large_image_is_a_piece_of_its_own() -> None:
    pieces = await encode(request(turn(TextPart("a"), image(LARGE), TextPart("b"))), Manner(1))
    assert len(pieces) == 3
    assert base64.b64decode(pieces[1]) == LARGE


async def test_small_requests_are_one_piece() -> None:
    assert len(await encode(request(turn(TextPart("a"), image(SMALL)), turn()), Manner(1))) == 1


async def test_a_document_never_reaches_an_engine() -> None:
    with pytest.raises(EngineFailed):
        await sent(turn(DocumentPart(Document(b"%PDF", 1, 1, "file"))))
