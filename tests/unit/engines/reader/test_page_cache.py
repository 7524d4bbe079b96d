"""The page cache: who shares a reading, what is kept, and what a failure does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from readstone.core.chat import Image, Source
from readstone.core.document import Box, Line, Word
from readstone.core.errors import EngineCrashed, InvalidImage
from readstone.engines.reader.page_cache import PageCache, page_cache
from readstone.engines.worker.frames import Found
from readstone.engines.worker.link import PageEvent

BOX = Box(0, 0, 10, 10)
CORNERS = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
FOUND = Found(1, 0, 1, 100, 100, 2)


def line(text: str) -> Line:
    return Line(text, CORNERS, BOX, 0, 0.9, (Word(text, BOX, 0.9),))


PAGE: list[PageEvent] = [FOUND, line("one"), line("two")]


def image(data: bytes = b"page", param: str = "messages[0]") -> Image:
    return Image(data, "png", 100, 100, param)


class Reader:
    """Reads what it is told to, counts, and may wait or fail in the middle."""

    def __init__(self, failure: Exception | None = None, *, waits: bool = False) -> None:
        self.begun = 0
        self.closed = 0
        self.failure = failure
        self.go = asyncio.Event()
        if not waits:
            self.go.set()

    async def read(self, source: Source) -> AsyncGenerator[PageEvent]:
        self.begun += 1
        try:
            yield PAGE[0]
            yield PAGE[1]
            await self.go.wait()
            if isinstance(self.failure, InvalidImage):
                raise InvalidImage(f"{source.param} is broken", param=source.param)
            if self.failure is not None:
                raise self.failure
            yield PAGE[2]
        finally:
            self.closed += 1


async def read(cache: PageCache, reader: Reader, source: Source, key: str = "a") -> list[PageEvent]:
    async with aclosing(cache.get(key, source, reader.read)) as events:
        return [event async for event in events]


async def begin(
    cache: PageCache, reader: Reader, source: Source
) -> "asyncio.Task[list[PageEvent]]":
    task = asyncio.create_task(read(cache, reader, source))
    for _ in range(10):
        await asyncio.sleep(0)
    return task


async def test_a_page_that_was_read_is_not_read_again() -> None:
    cache, reader = page_cache(100_000, 60), Reader()

    assert await read(cache, reader, image()) == PAGE
    assert await read(cache, reader, image()) == PAGE

    assert reader.begun == 1


async def test_another_page_and_another_key_are_read_for_themselves() -> None:
    cache, reader = page_cache(100_000, 60), Reader()

    await read(cache, reader, image())
    await read(cache, reader, image(b"other"))
    await read(cache, reader, image(), key="b")

    assert reader.begun == 3


async def test_requests_that_come_together_share_one_reading_and_miss_nothing() -> None:
    cache, reader = page_cache(0, 0), Reader(waits=True)
    first = await begin(cache, reader, image())
    second = await begin(cache, reader, image())

    reader.go.set()

    assert await first == await second == PAGE
    assert reader.begun == 1


async def test_one_of_two_that_leaves_does_not_stop_the_reading() -> None:
    cache, reader = page_cache(0, 0), Reader(waits=True)
    first = await begin(cache, reader, image())
    second = await begin(cache, reader, image())

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    reader.go.set()

    assert await second == PAGE


async def test_the_last_that_leaves_stops_the_reading_before_it_is_gone() -> None:
    cache, reader = page_cache(100_000, 60), Reader(waits=True)
    only = await begin(cache, reader, image())

    only.cancel()
    await asyncio.gather(only, return_exceptions=True)

    assert reader.closed == 1
    reader.go.set()
    assert await read(cache, reader, image()) == PAGE
    assert reader.begun == 2


async def test_a_broken_image_is_told_with_each_requests_own_field() -> None:
    cache, reader = page_cache(100_000, 60), Reader(InvalidImage("x"), waits=True)
    first = await begin(cache, reader, image(param="messages[0]"))
    second = await begin(cache, reader, image(param="messages[7]"))

    reader.go.set()

    for task, param in ((first, "messages[0]"), (second, "messages[7]")):
        with pytest.raises(InvalidImage) as caught:
            await task
        assert caught.value.param == param


async def test_what_was_told_before_a_failure_is_not_told_twice() -> None:
    cache, reader = page_cache(0, 0), Reader(InvalidImage("x"))
    seen: list[PageEvent] = []

    async def take() -> None:
        async with aclosing(cache.get("a", image(), reader.read)) as events:
            async for event in events:
                seen.append(event)  # noqa: PERF401  (what came before the failure is looked at)

    with pytest.raises(InvalidImage):
        await take()

    assert seen == PAGE[:2]


async def test_any_other_failure_is_told_to_all_and_not_kept() -> None:
    cache, reader = page_cache(100_000, 60), Reader(EngineCrashed(), waits=True)
    tasks = [await begin(cache, reader, image()) for _ in range(2)]

    reader.go.set()

    for task in tasks:
        with pytest.raises(EngineCrashed):
            await task
    assert reader.begun == 1
    reader.failure = None
    assert await read(cache, reader, image()) == PAGE


async def test_no_more_is_kept_than_the_limit() -> None:
    cache, reader = page_cache(6_000, 60), Reader()

    for number in range(20):
        await read(cache, reader, image(bytes([number])))

    assert 0 < cache.size <= 6_000
    assert await read(cache, reader, image(bytes([19]))) == PAGE
    assert reader.begun == 20


@pytest.mark.parametrize(("limit", "seconds"), [(0, 60.0), (100_000, 0.0), (100, 60.0)])
async def test_nothing_is_kept_where_nothing_may_be(limit: int, seconds: float) -> None:
    cache, reader = page_cache(limit, seconds), Reader()

    await read(cache, reader, image())
    await read(cache, reader, image())

    assert (reader.begun, cache.size) == (2, 0)


async def test_what_is_kept_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, reader = page_cache(100_000, 60), Reader()
    await read(cache, reader, image())
    loop = asyncio.get_running_loop()
    later = loop.time() + 61

    monkeypatch.setattr(loop, "time", lambda: later)
    await read(cache, reader, image(b"y" * 300_000))

    assert reader.begun == 2
    assert await read(cache, reader, image()) == PAGE
    assert reader.begun == 3


async def test_profiles_do_not_share_a_reading() -> None:
    cache, reader = page_cache(1_000_000, 60), Reader()
    for profile in ("fast", "balanced", "best", "fast"):
        await read(cache, reader, replace(image(), profile=profile))
    assert reader.begun == 3
