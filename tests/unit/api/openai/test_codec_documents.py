"""Which parts of a request are PDFs, and what is checked of them before they are opened."""

from typing import Any

import pytest

from readstone.api.openai.codec import ChatCodec, Origin
from readstone.api.openai.lifting import lift
from readstone.core.chat import DocumentPart, ImagePart, Part
from readstone.core.errors import InvalidImage, RequestError, TooLarge
from readstone.media.attachments import Attachments
from readstone.media.inspect import DocumentLimits, ImageLimits
from unit.api.openai.chat import CATALOGUE, PNG, Shelf, body, data_uri, image_part

PDF = b"%PDF-1.7 and what follows"
LIMIT = 2000
CODEC = ChatCodec(
    CATALOGUE,
    Attachments(ImageLimits(bytes=1000), DocumentLimits(bytes=LIMIT, pages=7), Shelf({}), 0),
)


def file_part(data: bytes) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data_uri(data), "filename": "scan.png"}}


async def part(content: dict[str, Any], kind: str = "ocr") -> Part:
    envelope = CODEC.open(lift(body(f"{kind}-model", [content])), None)
    chat = await CODEC.decode(envelope, Origin("req_1", "key", 0.0))
    return chat.messages[0].parts[0]


async def refused(content: dict[str, Any], kind: str = "ocr") -> RequestError:
    with pytest.raises(RequestError) as caught:
        await part(content, kind)
    return caught.value


@pytest.mark.parametrize("kind", ["ocr", "extract", "vision"])
async def test_a_file_that_is_a_pdf_is_a_document_for_every_model_that_sees(kind: str) -> None:
    found = await part(file_part(PDF), kind)

    assert isinstance(found, DocumentPart)
    document = found.document
    assert (document.data, document.pages) == (PDF, 7)
    assert document.param == "messages[0].content[0].file.file_data"


@pytest.mark.parametrize("kind", ["ocr", "extract"])
async def test_a_pdf_may_stand_where_an_image_does_for_models_that_read(kind: str) -> None:
    found = await part(image_part(data_uri(PDF)), kind)

    assert isinstance(found, DocumentPart)
    assert found.document.param == "messages[0].content[0].image_url.url"


async def test_a_text_model_takes_neither_images_nor_documents() -> None:
    for content in (file_part(PDF), image_part(data_uri(PDF))):
        error = await refused(content, "chat")

        assert error.code == "images_unsupported"
        assert error.param
        assert "kind 'vision'" in error.message


async def test_a_pdf_is_no_image_for_a_vision_model() -> None:
    error = await refused(image_part(data_uri(PDF)), "vision")

    assert isinstance(error, InvalidImage)
    assert "a PDF" in error.message


async def test_an_image_is_an_image_whatever_stands_in_it() -> None:
    assert isinstance(await part(file_part(PNG + b"%PDF-1.7")), ImagePart)


async def test_a_document_as_large_as_its_limit_is_taken_and_one_byte_more_is_not() -> None:
    assert isinstance(await part(file_part(PDF.ljust(LIMIT))), DocumentPart)
    error = await refused(file_part(PDF.ljust(LIMIT + 1)))
    assert isinstance(error, TooLarge)
    assert error.param == "messages[0].content[0].file.file_data"


async def test_the_limit_of_documents_does_not_let_larger_images_in() -> None:
    error = await refused(file_part(PNG.ljust(1001)))

    assert isinstance(error, TooLarge)
    assert "at most 1000" in error.message


def test_documents_count_as_images_do() -> None:
    parts = [file_part(PDF), image_part(), file_part(PDF), image_part()]

    with pytest.raises(RequestError) as caught:
        CODEC.open(lift(body("ocr-model", parts)), None)

    assert caught.value.code == "too_many_images"
