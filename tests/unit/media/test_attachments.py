"""Attachments: what is loaded from where, and what one failure does to the others."""

import asyncio

import pytest

from readstone.core.chat import DocumentPart, ImagePart
from readstone.core.errors import InvalidImage, InvalidRequest, TooLarge
from readstone.media.attachments import Attachments, Place
from readstone.media.inspect import DocumentLimits, ImageLimits
from unit.api.openai.chat import PNG, Shelf, data_uri

PDF = b"%PDF-1.7\nnothing in it has been looked at"
URL = "https://example.com/a.png"


def attachments(shelf: Shelf, most_remote: int = 8) -> Attachments:
    return Attachments(ImageLimits(), DocumentLimits(), shelf, most_remote)


def place(url: str, *, documents: bool = False) -> Place:
    return Place(f"at {url[:30]}", url, documents)


async def test_what_is_inline_is_not_fetched() -> None:
    shelf = Shelf({})
    loaded = await attachments(shelf).load([place(data_uri())])
    assert [type(part) for part in loaded.values()] == [ImagePart]
    assert shelf.asked == []


async def test_a_pdf_is_a_document_where_one_may_be() -> None:
    shelf = Shelf({URL: PDF})
    loaded = await attachments(shelf).load([place(URL, documents=True)])
    (part,) = loaded.values()
    assert isinstance(part, DocumentPart)
    assert part.document.data == PDF


async def test_a_pdf_is_refused_where_an_image_must_be() -> None:
    with pytest.raises(InvalidImage, match="a PDF"):
        await attachments(Shelf({URL: PDF})).load([place(URL)])


async def test_a_large_inline_image_is_decoded_all_the_same() -> None:
    with pytest.raises(TooLarge):
        await attachments(Shelf({})).load([place(data_uri(b"x" * 30_000_000))])


async def test_the_first_that_fails_ends_the_others() -> None:
    ended = asyncio.Event()

    class Slow(Shelf):
        async def fetch(self, url: str, param: str) -> bytes:
            if url == URL:
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.set()
            return await super().fetch(url, param)

    with pytest.raises(InvalidImage) as caught:
        await attachments(Slow({})).load([place(URL), place("https://example.com/b.png")])

    assert ended.is_set()
    assert caught.value.code == "unsupported_image_url"


async def test_a_server_that_fetches_nothing_says_so() -> None:
    shelf = Shelf({URL: PNG})
    with pytest.raises(InvalidImage, match="does not fetch"):
        await attachments(shelf, most_remote=0).load([place(URL)])
    assert shelf.asked == []


async def test_more_by_url_than_are_fetched_are_refused_before_any_is() -> None:
    shelf = Shelf({URL: PNG})
    with pytest.raises(InvalidRequest, match="at most 1"):
        await attachments(shelf, most_remote=1).load([place(URL), place(URL)])
    assert shelf.asked == []


@pytest.mark.parametrize("url", ["", "iVBORw0KGgo" * 1000, "ftp://example.com/a.png", "http:/a"])
async def test_what_is_neither_inline_nor_remote_is_told_both_forms(url: str) -> None:
    with pytest.raises(InvalidImage, match="must be a data URI") as caught:
        await attachments(Shelf({})).load([place(url)])
    assert caught.value.code == "unsupported_image_url"
    assert caught.value.param == place(url).param


async def test_where_a_pdf_may_be_whoever_sends_neither_is_told_so() -> None:
    shelf = Shelf({URL: b"neither of them"})
    with pytest.raises(InvalidImage, match="is text; send a PDF, or jpeg, png or webp"):
        await attachments(shelf).load([place(URL, documents=True)])
    with pytest.raises(InvalidImage, match="is text; send jpeg, png or webp"):
        await attachments(shelf).load([place(URL)])
