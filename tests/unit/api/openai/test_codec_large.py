"""Large images on their way through the codec: their base64 stays as it came, and nothing is taken for it that is not."""

import asyncio
import base64
import json
import random
from typing import Any

import pytest

from readstone.api.openai.codec import ChatCodec, Origin
from readstone.api.openai.lifting import lift
from readstone.core.chat import ChatRequest, ImagePart
from readstone.core.errors import InvalidImage, RequestError, TooLarge
from readstone.media.attachments import Attachments
from readstone.media.inspect import DocumentLimits, ImageLimits
from unit.api.openai.chat import CATALOGUE, PNG, Shelf, body, data_uri, image_part

LIMIT = 100_000
CODEC = ChatCodec(
    CATALOGUE, Attachments(ImageLimits(bytes=LIMIT), DocumentLimits(bytes=LIMIT), Shelf({}), 0)
)
END = bytes.fromhex("0000000049454e44ae426082")
PADDING = random.Random(1).randbytes(40_000)
LARGE = PNG.removesuffix(END) + len(PADDING).to_bytes(4) + b"teXt" + PADDING + b"\0\0\0\0" + END
"""A small picture in a large file."""


def decode(content: bytes) -> ChatRequest:
    envelope = CODEC.open(lift(content), None)
    return asyncio.run(CODEC.decode(envelope, Origin("req_1", "key_1", 0.0)))


def images(content: bytes) -> list[ImagePart]:
    parts = [part for message in decode(content).messages for part in message.parts]
    return [part for part in parts if isinstance(part, ImagePart)]


def test_a_large_image_keeps_the_base64_it_came_in() -> None:
    content = body("vision-model", [image_part(data_uri(LARGE)), image_part()])
    first, second = images(content)
    assert (first.image.data, second.image.data) == (LARGE, PNG)
    assert base64.b64decode(first.image.digits) == LARGE
    assert second.image.digits == b""
    assert first.image.weight == len(LARGE) + len(first.image.digits)


def test_the_reader_is_not_given_the_base64_it_has_no_use_for() -> None:
    (part,) = images(body("ocr-model", [image_part(data_uri(LARGE))]))
    assert (part.image.data, part.image.digits) == (LARGE, b"")


@pytest.mark.parametrize(
    "url",
    [
        data_uri(LARGE).replace("+", "-").replace("/", "_"),
        data_uri(LARGE).rstrip("="),
        data_uri(LARGE)[:70] + " " + data_uri(LARGE)[70:],
        data_uri(LARGE).replace("data:image/png;base64,", "DATA:image/png;BASE64,"),
    ],
)
@pytest.mark.parametrize("model", ["ocr-model", "vision-model"])
def test_a_large_image_that_is_spelt_otherwise_is_the_same_image(url: str, model: str) -> None:
    (part,) = images(body(model, [image_part(url)]))
    assert part.image.data == LARGE
    assert part.image.digits in {b"", base64.b64encode(LARGE)}


def test_an_image_that_every_engine_shows_otherwise_is_not_sent_on_as_it_came() -> None:
    cut = LARGE.removesuffix(END)
    (part,) = images(body("vision-model", [image_part(data_uri(cut))]))
    assert not part.image.plain
    assert part.image.digits == b""


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (data_uri(LARGE) + "!", InvalidImage),
        (data_uri(b"text" * 10_000), InvalidImage),
        (data_uri(LARGE * 3), TooLarge),
        ("data:image/png;base64,@0", InvalidImage),
        ("data:image/png;base64,@7", InvalidImage),
        ("data:,@0", InvalidImage),
    ],
)
def test_what_is_wrong_with_a_large_image_is_said_as_with_any(
    url: str, kind: type[RequestError]
) -> None:
    content = body(content=[image_part(data_uri(LARGE)), image_part(url)])
    for each in (content, content.replace(b"@", b"\\u0040")):
        with pytest.raises(kind) as caught:
            decode(each)
        assert caught.value.param == "messages[0].content[1].image_url.url"


def test_a_payload_that_is_no_image_of_a_message_goes_on_where_it_was() -> None:
    tools: list[dict[str, Any]] = [{"type": "function", "url": data_uri(LARGE)}]
    content = body("vision-model", [image_part(data_uri(LARGE))], tools=tools)
    chat = decode(content)
    assert json.loads(chat.extras["tools"]) == tools
    (part,) = images(content)
    assert part.image.data == LARGE
