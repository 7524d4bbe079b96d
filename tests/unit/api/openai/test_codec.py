import asyncio
import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.api.errors import body as error_body
from readstone.api.openai import schema
from readstone.api.openai.codec import ChatCodec, Origin
from readstone.api.openai.lifting import lift
from readstone.core.chat import ChatRequest, ImagePart, Part, TextPart
from readstone.core.errors import (
    InvalidImage,
    InvalidRequest,
    ModelNotFound,
    RequestError,
    TooLarge,
    UnsupportedParameter,
)
from readstone.media.attachments import Attachments
from readstone.media.inspect import DocumentLimits, ImageLimits
from unit.api.openai.chat import (
    CATALOGUE,
    MODELS,
    PNG,
    Shelf,
    body,
    data_uri,
    image_part,
    text_part,
)
from unit.api.openai.chat import picture as draw

LIMIT = 10_000
SHELF = Shelf({"https://example.com/page.png": PNG})
CODEC = ChatCodec(
    CATALOGUE, Attachments(ImageLimits(bytes=LIMIT, pixels=20_000), DocumentLimits(), SHELF, 2)
)
SDK = "application/json"


@dataclass(frozen=True)
class Decoded:
    chat: ChatRequest
    stream: bool
    include_usage: bool


def decode(content: bytes, accept: str | None = SDK) -> Decoded:
    envelope = CODEC.open(lift(content), accept)
    chat = asyncio.run(CODEC.decode(envelope, Origin("req_1", "key_1", 12.5)))
    return Decoded(chat, envelope.stream, envelope.include_usage)


def refused(kind: type[RequestError], content: bytes) -> RequestError:
    with pytest.raises(kind) as caught:
        decode(content)
    assert type(caught.value) is kind
    return caught.value


def parts(content: object) -> tuple[Part, ...]:
    return decode(body(content=content)).chat.messages[0].parts


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_what_is_left_out_comes_from_the_defaults_of_the_model(model: Any) -> None:
    decoded = decode(body(model.id), None)
    chat, defaults = decoded.chat, model.defaults
    assert (chat.max_tokens, chat.temperature) == (defaults.max_tokens, defaults.temperature)
    assert (chat.top_p, decoded.stream) == (defaults.top_p, defaults.stream)
    assert not decoded.include_usage
    assert chat.extras == {}


def test_what_is_null_counts_as_left_out() -> None:
    content = body(temperature=None, top_p=None, max_tokens=None, stream=None, stream_options=None)
    decoded = decode(content)
    assert (decoded.chat.temperature, decoded.chat.max_tokens, decoded.stream) == (0.1, 8192, False)


def test_what_is_sent_wins_over_the_defaults_zero_included() -> None:
    chat = decode(body(temperature=0, top_p=0, max_tokens=1)).chat
    assert (chat.temperature, chat.top_p, chat.max_tokens) == (0.0, 0.0, 1)


def test_the_id_and_the_arrival_of_a_request_are_kept() -> None:
    chat = decode(body()).chat
    assert (chat.id, chat.arrived) == ("req_1", 12.5)


@pytest.mark.parametrize(
    ("properties", "tokens"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_completion_tokens": 7, "max_tokens": 5}, 7),
        ({"max_tokens": 5, "max_completion_tokens": None}, 5),
    ],
)
def test_max_completion_tokens_wins(properties: dict[str, object], tokens: int) -> None:
    assert decode(body(**properties)).chat.max_tokens == tokens


@pytest.mark.parametrize(
    ("model", "asked", "accept", "stream"),
    [
        ("chat-model", None, None, True),
        ("chat-model", None, "", True),
        ("chat-model", None, "*/*", True),
        ("chat-model", None, "text/event-stream", True),
        ("chat-model", None, "application/json, text/event-stream", True),
        ("chat-model", None, "application/json", False),
        ("chat-model", None, "APPLICATION/JSON", False),
        ("chat-model", None, "application/json, text/plain, */*", False),
        ("vision-model", None, "*/*", True),
        ("vision-model", None, "application/json;q=0.9", False),
        ("ocr-model", None, "*/*", False),
        ("ocr-model", None, "text/event-stream", False),
        ("extract-model", None, None, False),
        ("chat-model", False, "text/event-stream", False),
        ("chat-model", False, "*/*", False),
        ("chat-model", True, "application/json", True),
        ("ocr-model", True, "application/json", True),
        ("ocr-model", True, None, True),
    ],
)
def test_the_rule_of_stream(
    *, model: str, asked: bool | None, accept: str | None, stream: bool
) -> None:
    properties = {} if asked is None else {"stream": asked}
    assert decode(body(model, **properties), accept).stream == stream


def test_an_alias_finds_its_model_and_the_name_that_was_used_is_kept() -> None:
    chat = decode(body("Some/OCR-1B")).chat
    assert (chat.model.id, chat.model_name) == ("ocr-model", "Some/OCR-1B")


def test_an_unknown_model_is_told_with_the_nearest() -> None:
    error = refused(ModelNotFound, body("ocr-modal"))
    assert error.param == "model"
    assert "Did you mean 'ocr-model'?" in error.message


def test_content_may_be_a_string_or_absent() -> None:
    messages = [{"role": "assistant", "content": None}, {"role": "user", "content": "a"}]
    messages.append({"role": "tool"})
    chat = decode(json.dumps({"model": "ocr-model", "messages": messages}).encode()).chat
    assert [message.parts for message in chat.messages] == [(), (TextPart("a"),), ()]
    assert [message.role for message in chat.messages] == ["assistant", "user", "tool"]


def test_parts_keep_their_order() -> None:
    found = parts(
        [text_part("a"), image_part(), text_part("b"), {"type": "refusal", "refusal": "c"}]
    )
    assert [type(part) for part in found] == [TextPart, ImagePart, TextPart, TextPart]
    assert found[2:] == (TextPart("b"), TextPart("c"))


def test_an_image_is_checked_and_knows_where_it_came_from() -> None:
    found = parts([text_part("a"), image_part()])[1]
    assert isinstance(found, ImagePart)
    image = found.image
    assert (image.data, image.format, image.width, image.height) == (PNG, "png", 40, 30)
    assert image.param == "messages[0].content[1].image_url.url"


def test_the_type_of_an_image_is_read_from_its_bytes() -> None:
    found = parts([image_part(data_uri(draw("jpeg"), "image/png"))])[0]
    assert isinstance(found, ImagePart)
    assert found.image.format == "jpeg"


@pytest.mark.parametrize("detail", ["auto", "low", "high", None, "anything"])
def test_detail_is_accepted_and_has_no_effect(detail: str | None) -> None:
    assert parts([image_part(detail=detail)]) == parts([image_part()])


def test_an_image_may_come_as_a_file() -> None:
    file = {"file_data": data_uri(), "filename": "page.pdf"}
    found = parts([{"type": "file", "file": file}])[0]
    assert isinstance(found, ImagePart)
    assert (found.image.data, found.image.param) == (PNG, "messages[0].content[0].file.file_data")


def test_a_file_that_the_server_should_keep_is_refused() -> None:
    content = body(content=[{"type": "file", "file": {"file_id": "file-1"}}])
    error = refused(UnsupportedParameter, content)
    assert error.param == "messages[0].content[0].file.file_id"


def test_a_file_without_data_is_refused() -> None:
    error = refused(InvalidRequest, body(content=[{"type": "file", "file": {"filename": "x"}}]))
    assert error.param == "messages[0].content[0].file.file_data"
    assert error.code == "missing_parameter"


def test_audio_is_refused() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
    error = refused(UnsupportedParameter, body(content=[text_part("a"), audio]))
    assert error.param == "messages[0].content[1]"


def test_several_images_are_taken_over_several_messages() -> None:
    messages = [
        {"role": "user", "content": [image_part(), image_part()]},
        {"role": "user", "content": [image_part()]},
    ]
    chat = decode(json.dumps({"model": "ocr-model", "messages": messages}).encode()).chat
    assert [len(message.parts) for message in chat.messages] == [2, 1]


def test_more_images_than_the_model_takes_are_refused_before_they_are_looked_at() -> None:
    file = {"type": "file", "file": {"file_data": "data:"}}
    content = body(content=[image_part("data:"), file, image_part("data:"), image_part("data:")])
    error = refused(InvalidRequest, content)
    assert (error.param, error.code) == ("messages", "too_many_images")
    assert "4 images" in error.message
    assert "at most 3" in error.message


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "a"}] * 16_385,
        [{"role": "user", "content": [text_part("a")] * 8_192}] * 2,
    ],
)
def test_more_messages_and_parts_than_a_conversation_has_are_refused(
    messages: list[object],
) -> None:
    content = json.dumps({"model": "chat-model", "messages": messages}).encode()
    error = refused(InvalidRequest, content)
    assert (error.param, error.code) == ("messages", "too_many_messages")
    assert "at most 16384" in error.message


def test_an_image_by_url_is_fetched() -> None:
    chat = decode(body(content=[image_part("https://example.com/page.png")])).chat
    (part,) = chat.messages[0].parts
    assert isinstance(part, ImagePart)
    assert part.image.data == PNG
    assert part.image.param == "messages[0].content[0].image_url.url"


def test_more_images_by_url_than_are_fetched_are_refused_before_any_is() -> None:
    SHELF.asked.clear()
    remote = image_part("https://example.com/page.png")
    error = refused(InvalidRequest, body(content=[remote] * 3))
    assert (error.param, error.code) == (
        "messages[0].content[2].image_url.url",
        "too_many_images",
    )
    assert SHELF.asked == []


@pytest.mark.parametrize(
    "url", ["http://x/a.png", "https://x/a.png", "file:///a.png", "ftp://x", "/a.png", "", "data"]
)
def test_what_cannot_be_fetched_is_refused_with_its_field(url: str) -> None:
    error = refused(InvalidImage, body(content=[image_part(url)]))
    assert error.param == "messages[0].content[0].image_url.url"
    assert error.code == "unsupported_image_url"


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (InvalidImage, "data:image/png;base64,"),
        (InvalidImage, "data:image/png,AAAA"),
        (InvalidImage, "data:image/png;base64,????"),
        (InvalidImage, data_uri(b"just text", "image/png")),
        (InvalidImage, data_uri(PNG[:20])),
        (InvalidImage, data_uri(draw("bmp"))),
        (InvalidImage, data_uri(draw("gif"))),
        (InvalidImage, data_uri(draw(size=(1, 1)))),
        (InvalidImage, data_uri(draw(size=(200, 200)))),
        (TooLarge, data_uri(b"\x89PNG" + b"0" * LIMIT)),
    ],
)
def test_what_is_not_an_image_within_the_limits_is_refused(
    kind: type[RequestError], url: str
) -> None:
    error = refused(kind, body(content=[text_part("a"), image_part(url)]))
    assert error.param == "messages[0].content[1].image_url.url"


def test_an_image_as_large_as_the_limit_is_taken() -> None:
    data = PNG + b"\0" * (LIMIT - len(PNG))
    assert len(parts([image_part(data_uri(data))])) == 1


@pytest.mark.parametrize(
    ("properties", "param"),
    [
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": False, "stream_options": {}}, "stream_options"),
        (
            {"stream": True, "stream_options": {"include_obfuscation": True}},
            "stream_options.include_obfuscation",
        ),
        (
            {"stream": True, "stream_options": {"continuous_usage_stats": True}},
            "stream_options.continuous_usage_stats",
        ),
        ({"stream": True, "stream_options": {"other": None}}, "stream_options.other"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused(
    properties: dict[str, object], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode(body(**properties))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("options", "usage"),
    [
        ({}, False),
        ({"include_usage": None}, False),
        ({"include_usage": False, "include_obfuscation": False}, False),
        ({"include_usage": True, "continuous_usage_stats": False}, True),
        ({"include_usage": True}, True),
    ],
)
def test_usage_is_included_where_it_was_asked_for(
    *, options: dict[str, object], usage: bool
) -> None:
    assert decode(body(stream=True, stream_options=options)).include_usage == usage


def test_a_parts_other_members_are_kept_as_they_were_written() -> None:
    address = {"url": data_uri(PNG), "detail": "low", "max_pixels": 9}
    hint = {"cache_control": {"type": "ephemeral"}}
    content = [{"type": "image_url", "image_url": address, **hint}, {**text_part("a"), **hint}]
    image, text = parts([*content, image_part(data_uri(PNG))])[:2]
    assert isinstance(image, ImagePart)
    assert isinstance(text, TextPart)
    assert image.image.data == PNG
    assert image.beside_url == {"max_pixels": b"9"}
    assert image.extras == text.extras == {"cache_control": b'{"type": "ephemeral"}'}


def test_extras_hold_every_other_property_as_it_was_written() -> None:
    content = (
        b'{"model":"ocr-model","messages":[{"role":"user","content":"x"}],"stream":true,'
        b'"stream_options":{},"temperature":1,"top_p":1,"max_tokens":1,"max_completion_tokens":1,'
        b'"tools": [ {"type" : "x"} ],"seed":12345678901234567890,"stop":null,"top_k": 5.0,'
        b'"\\u00e9":"\\u00e9"}'
    )
    assert decode(content).chat.extras == {
        "tools": b'[ {"type" : "x"} ]',
        "seed": b"12345678901234567890",
        "stop": b"null",
        "top_k": b"5.0",
        "é": b'"\\u00e9"',
    }


def test_every_property_of_the_schema_is_either_applied_or_passed_on() -> None:
    names = set(schema.ChatCompletionRequest.__struct_fields__)
    chat = decode(body(**dict.fromkeys(names - {"model", "messages"}))).chat
    applied = {"max_tokens", "max_completion_tokens", "temperature", "top_p", "stream"}
    assert set(chat.extras) == names - applied - {"model", "messages", "stream_options"}


@pytest.mark.parametrize(
    ("properties", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "x"}]}]},
            "messages[0].content[0].type",
        ),
        ({"model": ""}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"stream": "true"}, "stream"),
        ({"tools": {}}, "tools"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(
    properties: dict[str, object], param: str
) -> None:
    assert refused(InvalidRequest, body(**properties)).param == param


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["user", "text", "image_url", "ocr-model", "data:;base64,", data_uri()]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "image_url", "url", "role", "content", "file"])
            | st.text(st.characters(), max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
PROPERTIES = st.sampled_from(schema.ChatCompletionRequest.__struct_fields__) | st.text(
    st.characters(), max_size=4
)


def outcome(content: bytes) -> None:
    """Decode; an error must be of the tree and must go out as JSON."""
    try:
        decoded = decode(content)
    except RequestError as error:
        msgspec.json.encode(error_body(error))
    else:
        msgspec.json.encode([decoded.chat.model_name, list(decoded.chat.extras)])


@given(st.binary(max_size=64))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    outcome(content)


@given(st.dictionaries(PROPERTIES, VALUES, max_size=6))
def test_no_json_does_more_than_be_refused(value: dict[str, object]) -> None:
    outcome(json.dumps(value).encode())


@given(change=st.dictionaries(PROPERTIES, VALUES, max_size=3), escaped=st.booleans())
def test_no_change_of_a_valid_body_does_more_than_be_refused(
    *, change: dict[str, object], escaped: bool
) -> None:
    request: dict[str, object] = json.loads(body(content=[text_part("a"), image_part()]))
    written = json.dumps({**request, **change}, ensure_ascii=escaped)
    outcome(written.encode(errors="surrogatepass"))


@given(VALUES)
def test_no_part_of_a_message_does_more_than_be_refused(part: object) -> None:
    outcome(body(content=[text_part("a"), part]))


@given(st.data())
def test_no_damage_to_a_valid_body_does_more_than_be_refused(data: st.DataObject) -> None:
    content = bytearray(body(content=[text_part("é"), image_part()], metadata={"a": "b"}, é="é"))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    outcome(bytes(content))


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}, "tools": []}, "tool_choice"),
        (
            {
                "tool_choice": {"type": "function", "function": {"name": "g"}},
                "tools": [{"type": "function", "function": {"name": "f"}}],
            },
            "tool_choice",
        ),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"max_tokens": 2**31}, "max_tokens"),
        ({"max_completion_tokens": 10**30}, "max_completion_tokens"),
    ],
)  # fmt: skip
def test_what_some_engines_would_pass_over_in_silence_is_refused(
    extra: dict[str, Any], param: str
) -> None:
    assert refused(InvalidRequest, body("chat-model", **extra)).param == param


@pytest.mark.parametrize(
    "extra",
    [
        {"tool_choice": "auto"},
        {"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
        {
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "tools": [{"type": "function", "function": {"name": "f"}}],
        },
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}},
        {"response_format": {"type": "json_object"}},
        {"max_tokens": 2**31 - 1},
    ],
)
def test_what_means_something_is_taken(extra: dict[str, Any]) -> None:
    assert decode(body("chat-model", **extra)).chat.model.kind == "chat"
