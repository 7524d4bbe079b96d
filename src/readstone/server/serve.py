"""Runs the application on a port until it is told to stop."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TypeAlias

from readstone.app import running
from readstone.config import Config, Source
from readstone.server.announced import Announced
from readstone.server.front import Front, drained
from readstone.server.listening import address_of, bind
from readstone.server.parent import serve_many
from readstone.server.reloading import Reloading
from readstone.server.signals import Signals
from readstone.serving.allocator import collect_seldom, return_large_buffers
from readstone.store.opening import open_store

Visit: TypeAlias = Callable[[str, Announced], Coroutine[None, None, None]]
"""Called once with the server's address, such as `http://127.0.0.1:8000`, and what runs there, as soon as it answers."""


async def serve(config: Config, source: Source, visit: Visit) -> None:
    """Serve until SIGTERM or Ctrl-C, then let running requests finish within `drain_seconds`.

    The configuration is what `source` says; it is read there again where that is wished.
    """
    return_large_buffers()
    collect_seldom()
    if config.workers > 1:
        await serve_many(config, source, visit)
        return
    listener = bind(config.host, config.port)
    reloading = Reloading(source, source.read())
    store = await open_store(config)
    try:
        async with running(config, store, reloading.reload) as run:
            reloading.apply = lambda renewal: run.apply(renewal.config)
            front = Front(run.application)
            with Signals(reloading.wish) as signals:
                await front.listen(listener)
                visitor = asyncio.create_task(visit(address_of(config.host, listener), run))
                await signals.end.wait()
                await drained(front, config.drain_seconds, [signals.at_once])
                await reloading.stop()
                visitor.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await visitor
    finally:
        await store.close()
