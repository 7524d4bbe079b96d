"""A request's images as an engine takes them: what is passed on, what is made, what is refused."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from readstone.core.chat import (
    ChatRequest,
    Document,
    DocumentPart,
    Image,
    ImagePart,
    Message,
    Source,
    TextPart,
)
from readstone.core.errors import ConfigurationError, InvalidImage, InvalidRequest
from readstone.engines.pictures import Untouched, Wanted, pictured, too_many_pages
from readstone.serving.catalogue import EMBEDDED

WANTED = Wanted(frozenset({"jpeg", "png"}))
PLAIN = Image(b"plain", "png", 20, 10, "messages[0].content[0]", plain=True)
TURNED = Image(b"turned", "jpeg", 20, 10, "messages[0].content[1]")
DOCUMENT = Document(b"%PDF-", 100, 1000, "messages[0].content[2]")


def request(*messages: Message, most: int = 16) -> ChatRequest:
    return ChatRequest(
        id="req_1",
        key_id="tester",
        model=replace(EMBEDDED, max_images=most),
        model_name=EMBEDDED.id,
        messages=messages,
        max_tokens=10,
        temperature=0.1,
        top_p=1.0,
        arrived=0.0,
    )


class Painter:
    """Makes images at once, three of every document; `failing` is the data that it finds broken."""

    wanted = WANTED

    def __init__(self, failing: bytes = b"none") -> None:
        self.failing = failing
        self.made: list[tuple[str, str]] = []
        self.ended = 0
        self.busy = asyncio.Event()

    async def prepare(self, source: Source, key_id: str, most: int) -> AsyncGenerator[Image]:
        self.made.append((source.param, key_id))
        try:
            if source.data == self.failing:
                raise InvalidImage("It is broken.", param=source.param)
            if self.failing != b"none":
                if len(self.made) > 1:
                    self.busy.set()
                await asyncio.Event().wait()
            count = 3 if isinstance(source, Document) else 1
            if isinstance(source, Document) and count > most:
                raise too_many_pages(source, count, most)
            for page in range(count):
                yield Image(source.data + b"%d" % page, "jpeg", 2, 1, source.param, plain=True)
        finally:
            self.ended += 1


def images(asked: ChatRequest) -> list[bytes]:
    return [
        part.image.data
        for message in asked.messages
        for part in message.parts
        if isinstance(part, ImagePart)
    ]


async def test_a_request_whose_images_are_as_wanted_is_passed_on_itself() -> None:
    asked = request(Message("user", (TextPart("look"), ImagePart(PLAIN))))
    painter = Painter()

    assert await pictured(asked, painter) is asked
    assert painter.made == []


async def test_everything_stays_in_its_place_and_a_document_becomes_its_pages() -> None:
    first = Message("system", (TextPart("see"),))
    second = Message(
        "user",
        (ImagePart(TURNED), TextPart("and"), DocumentPart(DOCUMENT), TextPart("then")),
        {"name": b'"ann"'},
    )
    third = Message("user", (ImagePart(PLAIN), ImagePart(TURNED)))

    made = await pictured(request(first, second, third), Painter())

    assert made.messages[0] is first
    assert made.messages[1].extras == {"name": b'"ann"'}
    kinds = [type(part).__name__ for part in made.messages[1].parts]
    assert kinds == ["ImagePart", "TextPart", *["ImagePart"] * 3, "TextPart"]
    pages = [b"%%PDF-%d" % page for page in range(3)]
    assert images(made) == [b"turned0", *pages, b"plain0", b"turned0"]


async def test_images_are_made_for_the_key_that_asks() -> None:
    painter = Painter()
    await pictured(request(Message("user", (ImagePart(TURNED),))), painter)
    assert painter.made == [(TURNED.param, "tester")]


async def test_pages_and_images_together_are_no_more_than_the_model_takes() -> None:
    parts = (ImagePart(PLAIN), DocumentPart(DOCUMENT), DocumentPart(DOCUMENT))

    assert len(images(await pictured(request(Message("user", parts), most=7), Painter()))) == 7
    with pytest.raises(InvalidRequest, match=r"has 3 pages.*at most 2 more.*max_images") as caught:
        await pictured(request(Message("user", parts), most=6), Painter())

    assert (caught.value.param, caught.value.code) == (DOCUMENT.param, "too_many_images")


async def test_the_first_that_fails_ends_the_others() -> None:
    painter = Painter(failing=TURNED.data)
    slow = replace(TURNED, data=b"slow")
    parts = (ImagePart(slow), ImagePart(TURNED), DocumentPart(DOCUMENT))

    with pytest.raises(InvalidImage) as caught:
        await pictured(request(Message("user", parts)), painter)

    assert caught.value.param == TURNED.param
    assert painter.ended == len(painter.made)


async def test_a_request_that_is_given_up_ends_what_is_being_made() -> None:
    painter = Painter(failing=b"nothing of this")
    parts = (ImagePart(TURNED), DocumentPart(DOCUMENT))
    task = asyncio.create_task(pictured(request(Message("user", parts)), painter))
    await painter.busy.wait()

    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()
    assert painter.ended == 2


@pytest.mark.parametrize(
    ("image", "held"),
    [
        (PLAIN, True),
        (replace(PLAIN, plain=False), False),
        (replace(PLAIN, format="webp"), False),
        (replace(PLAIN, width=1001), True),
        (replace(PLAIN, width=1001, height=1001), False),
    ],
)
def test_what_an_engine_wants_is_decided_by_the_header(image: Image, held: bool) -> None:  # noqa: FBT001
    assert Wanted(frozenset({"jpeg", "png"}), pixels=1_000_000).holds(image) == held


@pytest.mark.parametrize(
    "wrong",
    [
        {"formats": frozenset({"webp"})},
        {"formats": frozenset({"png"}), "pixels": 100},
        {"formats": frozenset({"png"}), "dpi": 0.0},
    ],
)
def test_what_cannot_be_given_is_a_configuration_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Wanted(**wrong)  # type: ignore[arg-type]


async def test_an_engine_without_a_worker_gets_images_untouched_and_nothing_else() -> None:
    untouched = Untouched(WANTED)
    asked = request(Message("user", (ImagePart(PLAIN),)))
    assert await pictured(asked, untouched) is asked
    assert [image async for image in untouched.prepare(PLAIN, "tester", 1)] == [PLAIN]

    for part in (ImagePart(TURNED), DocumentPart(DOCUMENT)):
        with pytest.raises(InvalidImage, match=r"messages\[0\]"):
            await pictured(request(Message("user", (part,))), untouched)
