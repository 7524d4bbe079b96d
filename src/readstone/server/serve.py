"""Runs the application on a port until it is told to stop."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TypeAlias

from readstone.app import Running, running
from readstone.config import Config
from readstone.server.front import Front
from readstone.server.listening import address_of, bind
from readstone.server.signals import Signals
from readstone.serving.allocator import collect_seldom, return_large_buffers
from readstone.store.opening import open_store

Visit: TypeAlias = Callable[[str, Running], Coroutine[None, None, None]]
"""Called once with the server's address, such as `http://127.0.0.1:8000`, and what runs there, as soon as it answers."""


async def serve(config: Config, visit: Visit) -> None:
    """Serve until SIGTERM or Ctrl-C, then let running requests finish within `drain_seconds`."""
    listener = bind(config.host, config.port)
    return_large_buffers()
    collect_seldom()
    store = await open_store(config)
    try:
        async with running(config, store) as run:
            front = Front(run.application)
            with Signals() as signals:
                await front.listen(listener)
                visitor = asyncio.create_task(visit(address_of(config.host, listener), run))
                await signals.end.wait()
                await _until_drained(front, config.drain_seconds, signals)
                visitor.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await visitor
    finally:
        await store.close()


async def _until_drained(front: Front, seconds: float, signals: Signals) -> None:
    """Drain; a second signal ends what still runs."""
    drain = asyncio.create_task(front.drain(seconds))
    haste = asyncio.create_task(signals.at_once.wait())
    await asyncio.wait({drain, haste}, return_when=asyncio.FIRST_COMPLETED)
    haste.cancel()
    if not drain.done():
        drain.cancel()
        await front.drain(0)
    await asyncio.gather(drain, haste, return_exceptions=True)
