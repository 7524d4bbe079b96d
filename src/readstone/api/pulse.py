"""The pulse of an answer: its events, the silences between them, and the client's leaving."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

from starlette.types import Receive

from readstone.core.errors import ClientClosed

T = TypeVar("T")


async def pulse(
    events: AsyncGenerator[T], receive: Receive, silence: float
) -> AsyncGenerator[T | None]:
    """The events as they come, and None after each `silence` seconds without one.

    ClientClosed as soon as the client leaves; then, or when this generator is closed, `events` is cancelled
    where it stands and closed.
    """
    gone = asyncio.ensure_future(_until_gone(receive))
    upcoming: asyncio.Future[T] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(events))
            await asyncio.wait(
                {upcoming, gone}, timeout=silence, return_when=asyncio.FIRST_COMPLETED
            )
            if gone.done():
                raise ClientClosed
            if not upcoming.done():
                yield None
                continue
            try:
                event = upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = None
            yield event
    finally:
        await _end(gone)
        if upcoming is not None:
            await _end(upcoming)
        await events.aclose()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(task: asyncio.Future[T]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # nobody waits for it any more; asking keeps asyncio from complaining
