"""Admission: permits, the queue, and what is given back."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from readstone.core.errors import Overloaded
from readstone.serving.admission import Admission


async def _hold(admission: Admission, release: asyncio.Event, entered: list[int]) -> None:
    async with admission.permit():
        entered.append(len(entered))
        await release.wait()


async def test_no_more_run_at_once_than_there_are_permits() -> None:
    admission, release, entered = Admission(2, 10), asyncio.Event(), list[int]()

    tasks = [asyncio.create_task(_hold(admission, release, entered)) for _ in range(5)]
    for _ in range(10):
        await asyncio.sleep(0)

    assert len(entered) == 2
    release.set()
    await asyncio.gather(*tasks)
    assert len(entered) == 5


async def test_one_more_than_may_wait_is_refused_at_once() -> None:
    admission = Admission(1, 1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(admission.permit())
        waiting = asyncio.create_task(_hold(admission, asyncio.Event(), []))
        await asyncio.sleep(0)

        with pytest.raises(Overloaded) as caught:
            await stack.enter_async_context(admission.permit())

        assert caught.value.retry_after > 0
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_one_who_leaves_the_queue_gives_the_place_back() -> None:
    admission = Admission(1, 1)
    async with admission.permit():
        waiting = asyncio.create_task(_hold(admission, asyncio.Event(), []))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        following = asyncio.create_task(_hold(admission, asyncio.Event(), []))
        await asyncio.sleep(0)
        assert not following.done()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_failed_request_gives_its_permit_back() -> None:
    admission = Admission(1, 0)

    with pytest.raises(KeyError):
        async with admission.permit():
            raise KeyError

    async with admission.permit():
        pass
