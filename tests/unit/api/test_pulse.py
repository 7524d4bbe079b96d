import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from starlette.types import Message

from readstone.api.pulse import pulse
from readstone.core.errors import ClientClosed, EngineFailed

LONG = 60.0
SHORT = 0.001


class Client:
    """Stays until it is told to leave."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Source:
    """Yields what it is given, waits at events, raises exceptions; notes how it ended."""

    def __init__(self, *steps: int | asyncio.Event | Exception) -> None:
        self._steps = steps
        self.cancelled = False
        self.ended = False

    async def events(self) -> AsyncGenerator[int]:
        try:
            for step in self._steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield step
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.ended = True


def tasks() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # pyright: ignore[reportReturnType]


async def test_events_pass_in_their_order() -> None:
    source = Source(1, 2, 3)
    assert [event async for event in pulse(source.events(), Client().receive, LONG)] == [1, 2, 3]
    assert source.ended
    assert not tasks()


async def test_each_silence_gives_a_none_and_loses_no_event() -> None:
    speak = asyncio.Event()
    seen: list[int | None] = []
    async with aclosing(pulse(Source(1, speak, 2).events(), Client().receive, SHORT)) as events:
        async for event in events:
            seen.append(event)
            if seen.count(None) == 3:
                speak.set()
    assert [event for event in seen if event is not None] == [1, 2]
    assert seen[:5] == [1, None, None, None, *seen[4:5]]


async def test_there_may_be_silence_before_the_first_event() -> None:
    source = Source(asyncio.Event(), 1)
    async with aclosing(pulse(source.events(), Client().receive, SHORT)) as events:
        assert await anext(events) is None


async def test_a_client_that_leaves_cancels_the_source_where_it_stands() -> None:
    client, source = Client(), Source(1, asyncio.Event())
    events = pulse(source.events(), client.receive, LONG)
    assert await anext(events) == 1
    client.gone.set()
    with pytest.raises(ClientClosed):
        await anext(events)
    assert source.cancelled
    assert source.ended
    assert not tasks()


async def test_a_client_that_left_between_two_events_gets_no_more() -> None:
    client, source = Client(), Source(1, 2, 3)
    events = pulse(source.events(), client.receive, LONG)
    assert await anext(events) == 1
    client.gone.set()
    with pytest.raises(ClientClosed):
        _ = [event async for event in events]
    assert source.ended


async def test_what_the_client_still_sends_is_not_taken_for_its_leaving() -> None:
    client, more = Client(), [{"type": "http.request"}] * 3

    async def receive() -> Message:
        return more.pop() if more else await client.receive()

    assert [event async for event in pulse(Source(1, 2).events(), receive, LONG)] == [1, 2]
    assert not tasks()


async def test_an_error_of_the_source_passes() -> None:
    source = Source(1, EngineFailed("broken"))
    events = pulse(source.events(), Client().receive, LONG)
    assert await anext(events) == 1
    with pytest.raises(EngineFailed, match="broken"):
        await anext(events)
    assert not tasks()


@pytest.mark.parametrize("silence", [LONG, SHORT])
async def test_closing_early_closes_the_source(silence: float) -> None:
    source = Source(1, asyncio.Event())
    async with aclosing(pulse(source.events(), Client().receive, silence)) as events:
        assert await anext(events) == 1
        if silence == SHORT:
            assert await anext(events) is None
    assert source.ended
    assert source.cancelled == (silence == SHORT)
    assert not tasks()


async def test_a_cancelled_reader_cancels_the_source() -> None:
    source = Source(1, asyncio.Event())
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(pulse(source.events(), Client().receive, LONG)) as events:
            async for _ in events:
                begun.set()

    reader = asyncio.create_task(read())
    await begun.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert source.ended
    assert not tasks()
