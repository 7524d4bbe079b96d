"""One worker shared by several processes: what the owner passes on, told apart from a worker of one's own by nothing."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from readstone.core.chat import Image, Source
from readstone.core.document import Box, Line, Word
from readstone.core.engine import EngineState
from readstone.core.errors import EngineCrashed, EngineFailed, EngineTimeout, InvalidImage
from readstone.engines.pictures import Wanted
from readstone.engines.worker.frames import Found, Painted
from readstone.engines.worker.shared import Relay, SharedWorker

IMAGE = Image(b"pixels", "png", 4, 4, "messages[0].content[0]")
FOUND = Found(0, 0, 1, 100, 50, 1)
BOX = Box(0.0, 0.0, 9.0, 9.0)
CORNERS = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
LINE = Line("hello", CORNERS, BOX, 0, 0.9, (Word("hello", BOX, 0.9),))


class Pretended:
    """Pixels that answer what they are told to."""

    def __init__(self, *events: Found | Line | Exception, waits: bool = False) -> None:
        self.events = events
        self.waits = waits
        self.asked: list[Source] = []
        self.left = asyncio.Event()

    @property
    def state(self) -> EngineState:
        return "ready"

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def read(self, source: Source) -> AsyncGenerator[Found | Line]:
        self.asked.append(source)
        try:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                yield event
            if self.waits:
                await asyncio.get_running_loop().create_future()
        finally:
            self.left.set()

    async def paint(self, source: Source, wanted: Wanted) -> AsyncGenerator[Painted]:
        yield Painted(0, 0, 1, "png", 4, 4, source.data + wanted.formats.__repr__().encode())


@asynccontextmanager
async def shared(pixels: Pretended) -> AsyncGenerator[tuple[SharedWorker, asyncio.Task[None]]]:
    ours, theirs = socket.socketpair()
    relay = asyncio.create_task(Relay(pixels).serve(ours))
    worker = SharedWorker(theirs, lambda: "ready")
    await worker.start()
    yield worker, relay
    await worker.stop()
    relay.cancel()
    with suppress(asyncio.CancelledError):
        await relay


async def _read(worker: SharedWorker) -> list[Found | Line]:
    async with aclosing(worker.read(IMAGE)) as events:
        return [event async for event in events]


async def test_pages_and_pictures_come_as_the_owner_has_them() -> None:
    pixels = Pretended(FOUND, LINE)

    async with shared(pixels) as (worker, _):
        found, line = await _read(worker)
        async with aclosing(worker.paint(IMAGE, Wanted(frozenset({"png"})))) as pictures:
            (picture,) = [each async for each in pictures]

    assert isinstance(found, Found)
    assert (found.width, found.height, line) == (100, 50, LINE)
    assert picture.data.startswith(b"pixels")
    assert pixels.asked == [IMAGE]


@pytest.mark.parametrize(
    "error",
    [
        InvalidImage("The image is broken.", param="messages[0].content[0]"),
        InvalidImage("Not again.", param="messages[0].content[0]", code="image_crashed_reader"),
        EngineTimeout("The page took longer than 5 seconds (reader.page_seconds)."),
        EngineFailed("The reader is still starting."),
        EngineCrashed(),
    ],
)
async def test_errors_arrive_as_they_were_raised(error: InvalidImage | EngineFailed) -> None:
    async with shared(Pretended(FOUND, error)) as (worker, _):
        with pytest.raises(type(error)) as caught:
            await _read(worker)

    assert type(caught.value) is type(error)
    assert (caught.value.message, caught.value.param, caught.value.code) == (
        error.message,
        error.param,
        error.code,
    )


async def test_who_leaves_stops_the_owners_work() -> None:
    pixels = Pretended(FOUND, waits=True)

    async with shared(pixels) as (worker, _):
        async with aclosing(worker.read(IMAGE)) as events:
            await anext(events)
            assert not pixels.left.is_set()
        await asyncio.wait_for(pixels.left.wait(), 5)


async def test_the_end_of_an_api_process_stops_all_that_was_done_for_it() -> None:
    pixels = Pretended(FOUND, waits=True)

    async with shared(pixels) as (worker, relay):
        async with aclosing(worker.read(IMAGE)) as events:
            await anext(events)
            await worker.stop()
            await asyncio.wait_for(relay, 5)
            assert pixels.left.is_set()
            with pytest.raises(EngineCrashed):
                await anext(events)
        with pytest.raises(EngineFailed):
            worker.read(IMAGE)
