"""Images and PDFs that an engine would not take as they are, seen by a real one behind our server."""

import json
from typing import Any

import pytest

import pdfs
from e2e.engines import QUESTION, RGB, SEER, SIZE, Engines, flat
from e2e.pages import ask, data_uri, image_part, text_part

pytestmark = pytest.mark.e2e


def pages(*colours: str) -> bytes:
    """A PDF of a page for each colour, in the size that the model sees best."""
    width, height = (side * 72 / 150 + 0.1 for side in SIZE)
    red_green_blue = ([value / 255 for value in RGB[colour]] for colour in colours)
    return pdfs.pdf(
        *(
            pdfs.Sheet(b"%g %g %g rg 0 0 99 99 re f" % tuple(ink), box=f"0 0 {width} {height}")
            for ink in red_green_blue
        )
    )


def file_part(document: bytes) -> Any:
    address = data_uri(document, "application/pdf")
    return {"type": "file", "file": {"file_data": address, "filename": "colours.pdf"}}


def answer(engines: Engines, *parts: Any) -> Any:
    messages = ask(*parts, text_part(QUESTION))
    asked = {"model": SEER, "messages": messages, "temperature": 0, "stream": False}
    return engines.server.chat(json.dumps(asked).encode())


def said(reply: Any) -> str:
    assert reply.status == 200, reply.content
    return reply.json["choices"][0]["message"]["content"]


def test_formats_that_the_engine_does_not_decode_are_seen(engines: Engines) -> None:
    reply = answer(engines, image_part(flat("blue", "webp")), image_part(flat("red", "webp")))
    assert said(reply) == "blue, red"


def test_the_pages_of_a_pdf_are_seen_in_their_order(engines: Engines) -> None:
    reply = answer(engines, file_part(pages("red", "green", "blue")))

    drawn = answer(engines, *(image_part(flat(colour)) for colour in ("red", "green", "blue")))
    assert said(reply) == said(drawn) == "red, green, blue"
    assert reply.json["usage"]["prompt_tokens"] == drawn.json["usage"]["prompt_tokens"]


def test_a_pdf_stays_in_its_place_between_images(engines: Engines) -> None:
    parts = (image_part(flat("yellow")), file_part(pages("black")), image_part(flat("white")))
    assert said(answer(engines, *parts)) == "yellow, black, white"


def test_a_pdf_of_more_pages_than_the_model_takes_images_is_refused(engines: Engines) -> None:
    reply = answer(engines, image_part(flat("red")), file_part(pages(*["red"] * 16)))

    assert reply.status == 400
    error = reply.json["error"]
    assert error["code"] == "too_many_images"
    assert error["param"] == "messages[0].content[1].file.file_data"
    assert "16 pages" in error["message"]
    assert "15 more" in error["message"]
    assert "max_images" in error["message"]


def test_a_broken_pdf_is_the_clients_fault(engines: Engines) -> None:
    reply = answer(engines, file_part(b"%PDF-1.7\nnothing"))

    assert reply.status == 400
    error = reply.json["error"]
    assert error["code"] == "invalid_image"
    assert error["param"] == "messages[0].content[0].file.file_data"
