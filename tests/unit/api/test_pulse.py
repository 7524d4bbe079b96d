import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message

from readstone.api.pulse import Pulse
from readstone.core.errors import ClientClosed, EngineFailed

LONG = 60.0
SHORT = 0.001


class Client:
    """Stays until it is told to leave."""

    def __init__(self, *says: Message) -> None:
        self.gone = asyncio.Event()
        self._says = list(says)

    async def receive(self) -> Message:
        if self._says:
            return self._says.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}


def pulse(client: Client, *, limit: float = LONG, silence: float = LONG) -> Pulse:
    return Pulse(client.receive, limit=limit, silence=silence)


def tasks() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # pyright: ignore[reportReturnType]


def counting(until: int, event: asyncio.Event) -> tuple[list[int], Callable[[], Awaitable[None]]]:
    """A fill that sets the event when it was called so many times."""
    calls: list[int] = []

    async def fill() -> None:
        calls.append(len(calls))
        if len(calls) == until:
            event.set()

    return calls, fill


async def test_a_quick_block_passes_without_a_task() -> None:
    async with pulse(Client()) as quick:
        quick.listen(None)
        await asyncio.sleep(0)
        assert not tasks()
    assert not tasks()


async def test_each_silence_is_filled() -> None:
    enough = asyncio.Event()
    calls, fill = counting(3, enough)
    async with pulse(Client(), silence=SHORT) as slow:
        slow.listen(fill)
        await enough.wait()
    assert len(calls) >= 3
    assert not tasks()


async def test_silence_is_not_filled_before_it_listens() -> None:
    calls, _ = counting(1, asyncio.Event())
    async with pulse(Client(), silence=SHORT):
        await asyncio.sleep(10 * SHORT)
    assert not calls


async def test_what_is_sent_waits_for_a_silence_that_is_being_filled() -> None:
    begun, go, filled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def fill() -> None:
        begun.set()
        await go.wait()
        filled.set()

    async with pulse(Client(), silence=SHORT) as slow:
        slow.listen(fill)
        await begun.wait()
        filling = slow.beat()
        assert filling is not None
        beat = asyncio.ensure_future(filling)
        await asyncio.sleep(0)
        assert not beat.done()
        go.set()
        await beat
        assert filled.is_set()


async def test_a_client_that_leaves_ends_the_block_where_it_stands() -> None:
    client, cancelled = Client(), asyncio.Event()

    async def answer() -> None:
        async with pulse(client) as left:
            left.listen(None)
            client.gone.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

    with pytest.raises(ClientClosed):
        await answer()
    assert cancelled.is_set()
    assert not tasks()
    assert (current := asyncio.current_task()) is not None
    assert not current.cancelling()


async def test_a_client_that_is_forgotten_may_leave() -> None:
    client, enough = Client(), asyncio.Event()
    calls, fill = counting(1, enough)
    async with pulse(client, silence=SHORT) as left:
        left.listen(fill)
        await enough.wait()
        left.forget_client()
        client.gone.set()
        seen = len(calls)
        await asyncio.sleep(10 * SHORT)
        assert len(calls) == seen
    assert not tasks()


async def test_what_the_client_still_sends_is_not_taken_for_its_leaving() -> None:
    enough = asyncio.Event()
    client = Client({"type": "http.request"}, {"type": "http.request"})
    async with pulse(client, silence=SHORT) as stays:
        stays.listen(counting(3, enough)[1])
        await enough.wait()
    assert not tasks()


@pytest.mark.parametrize("listens", [False, True])
async def test_a_block_that_takes_too_long_times_out(*, listens: bool) -> None:
    async def answer() -> None:
        async with pulse(Client(), limit=SHORT) as slow:
            if listens:
                slow.listen(None)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await answer()
    assert not tasks()


async def test_an_error_of_the_block_passes() -> None:
    async def answer() -> None:
        async with pulse(Client()) as failing:
            failing.listen(None)
            raise EngineFailed("broken")

    with pytest.raises(EngineFailed, match="broken"):
        await answer()
    assert not tasks()


async def test_an_error_while_the_block_is_given_up_passes() -> None:
    async def answer() -> None:
        async with pulse(Client(), limit=SHORT):
            try:
                await asyncio.Event().wait()
            finally:
                raise EngineFailed("broken")

    with pytest.raises(EngineFailed, match="broken"):
        await answer()
    assert (current := asyncio.current_task()) is not None
    assert not current.cancelling()


async def test_a_cancelled_task_stays_cancelled() -> None:
    begun = asyncio.Event()

    async def answer() -> None:
        async with pulse(Client()) as cancelled:
            cancelled.listen(None)
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(answer())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not tasks()


async def test_an_error_while_silence_is_filled_does_not_end_the_block() -> None:
    failed = asyncio.Event()

    async def fill() -> None:
        failed.set()
        raise EngineFailed

    async with pulse(Client(), silence=SHORT) as slow:
        slow.listen(fill)
        await failed.wait()
        if (filling := slow.beat()) is not None:
            await filling
    assert not tasks()


async def test_nothing_of_a_watched_block_waits_for_the_garbage_collector() -> None:
    async def block() -> weakref.ref[Pulse]:
        async with pulse(Client(), silence=SHORT) as watched:
            watched.listen(None)
            while not tasks():  # noqa: ASYNC110  (a timer tells nobody)
                await asyncio.sleep(0)
            return weakref.ref(watched)

    gc.disable()
    try:
        assert (await block())() is None
    finally:
        gc.enable()
