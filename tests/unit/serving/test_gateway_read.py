from contextlib import aclosing

import pytest

from readstone.core.chat import Finish
from readstone.core.engine import PageRead
from readstone.core.errors import EngineFailed, InvalidImage, Overloaded
from readstone.engines.fake import FakeEngine
from readstone.serving.admission import Admission
from readstone.serving.gateway import Backend, Gateway, Meter
from unit.serving.paging import PageEngine
from unit.serving.test_gateway import request


class Library:
    """A gateway to a reader with one place, and to an engine that cannot tell lines."""

    def __init__(self) -> None:
        self.reader = PageEngine(["One"], ["Two"])
        self.admission = Admission(1, 0)
        self.gateway = Gateway(
            {
                "reader": Backend(self.reader, self.admission),
                "gpu": Backend(FakeEngine(name="gpu"), Admission(1, 0)),
            }
        )

    async def read(self, engine: str = "reader") -> list[PageRead | Finish]:
        async with aclosing(self.gateway.read(request(), engine, Meter(0.0, engine))) as events:
            return [event async for event in events]


async def test_pages_come_one_by_one_then_the_finish() -> None:
    *pages, last = await Library().read()

    assert [page.page.lines[0].text for page in pages if isinstance(page, PageRead)] == [
        "One",
        "Two",
    ]
    assert isinstance(last, Finish)


async def test_a_permit_is_held_until_the_pages_are_closed() -> None:
    library = Library()
    async with aclosing(library.gateway.read(request(), "reader", Meter(0.0, "reader"))) as events:
        async for event in events:
            if isinstance(event, Finish):
                with pytest.raises(Overloaded):
                    await library.read()

    assert await library.read()


async def test_closing_the_pages_stops_the_reader() -> None:
    library = Library()
    events = library.gateway.read(request(), "reader", Meter(0.0, "reader"))
    await anext(events)
    assert library.reader.running == 1
    await events.aclose()
    assert library.reader.running == 0


async def test_what_the_reader_raises_is_raised() -> None:
    library = Library()
    library.reader.failure = InvalidImage("Broken.")
    with pytest.raises(InvalidImage):
        await library.read()


async def test_an_engine_that_cannot_tell_lines_is_not_asked_for_them() -> None:
    library = Library()
    assert library.gateway.reads("reader")
    assert not library.gateway.reads("gpu")
    assert not library.gateway.reads("elsewhere")
    with pytest.raises(EngineFailed):
        await library.read("gpu")
