"""Engines are started one after the other and stopped all at once."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack

from readstone.core.engine import Engine


async def begin(engines: Iterable[Engine], stack: AsyncExitStack) -> None:
    """Start all; those that were started are stopped when the stack ends."""
    started: list[Engine] = []
    stack.push_async_callback(stop_all, started)
    for engine in engines:
        started.append(engine)
        await engine.start()


async def stop_all(engines: Sequence[Engine]) -> None:
    """Stop all at once, so that several slow ones take as long as one; raises the first error when all have tried."""
    stops = (engine.stop() for engine in engines)
    for outcome in await asyncio.gather(*stops, return_exceptions=True):
        if outcome is not None:
            raise outcome
