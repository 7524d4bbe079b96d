"""PDFs through the official openai SDK, to a started server."""

import base64
from typing import Any

import openai
import pytest

import pdfs
from e2e.pages import MODEL, ask, data_uri, document, image_part, text_part
from pdfs import LETTER, OTHER, Sheet

pytestmark = pytest.mark.e2e

THIRD = "The third page was scanned again"
MIXED = pdfs.pdf(
    Sheet(pdfs.text(LETTER)),
    Sheet(pdfs.picture(595, 842), picture=pdfs.written(OTHER, THIRD)),
    Sheet(pdfs.text(OTHER), more=b"/Rotate 180"),
)
TEXT = f"{LETTER}\n\f{OTHER}\n{THIRD}\n\f{OTHER}"


def file_part(data: bytes, media_type: str = "application/pdf") -> Any:
    address = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    return {"type": "file", "file": {"file_data": address, "filename": "scan.pdf"}}


def read(client: openai.OpenAI, *parts: Any, **properties: Any) -> Any:
    create: Any = client.chat.completions.create
    return create(model=MODEL, messages=ask(*parts), **properties)


def test_a_file_part_is_read_page_by_page(client: openai.OpenAI) -> None:
    answer = read(client, text_part("Extract all text."), file_part(MIXED))

    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop"
    details = answer.usage.prompt_tokens_details.model_dump()
    assert details["image_tokens"] == 3 * -(-1239 // 28) * -(-1754 // 28)


def test_the_pages_stream_as_they_are_read(client: openai.OpenAI) -> None:
    stream = read(client, file_part(MIXED), stream=True, stream_options={"include_usage": True})

    deltas = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
    pieces = [text for text in deltas if text]

    assert "".join(pieces) == TEXT
    assert len(pieces) == 4


def test_a_pdf_is_known_by_its_bytes_and_taken_where_an_image_may_stand(
    client: openai.OpenAI,
) -> None:
    url = {"type": "image_url", "image_url": {"url": data_uri(MIXED, "image/png")}}

    for part in (url, file_part(MIXED, "application/octet-stream")):
        assert read(client, part).choices[0].message.content == TEXT


def test_documents_and_images_are_read_in_their_order(client: openai.OpenAI) -> None:
    image = image_part(document("receipt.jpg"))

    answer = read(client, file_part(pdfs.pdf(Sheet(pdfs.text(LETTER)))), image, file_part(MIXED))

    first, receipt, *rest = answer.choices[0].message.content.split("\n\f")
    assert first == LETTER
    assert len(receipt) > 100
    assert "\n\f".join(rest) == TEXT


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (pdfs.locked(), "password"),
        (MIXED[:150], "broken"),
        (pdfs.pdf(*[Sheet(b"", box="0 0 9 9")] * 101), "at most 100"),
    ],
)
@pytest.mark.parametrize("properties", [{}, {"stream": True}])
def test_what_cannot_be_read_is_refused_before_anything_is_sent(
    client: openai.OpenAI, data: bytes, says: str, properties: dict[str, Any]
) -> None:
    with pytest.raises(openai.BadRequestError, match=says) as caught:
        read(client, file_part(data), **properties)

    assert caught.value.code == "invalid_image"
    assert caught.value.param == "messages[0].content[0].file.file_data"
