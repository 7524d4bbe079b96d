"""Admission: a permit to run, held for the life of a request; full means refuse now."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from readstone.core.errors import Overloaded


class Admission:
    """Lets `running` requests run and `waiting` more wait, first come first served."""

    def __init__(self, running: int, waiting: int) -> None:
        self._permits = asyncio.Semaphore(running)
        self._running = running
        self._places = running + waiting
        self._taken = 0

    @asynccontextmanager
    async def permit(self) -> AsyncGenerator[None]:
        """Wait for a permit and hold it; Overloaded at once where even the queue is full.

        Leaving the block, or being cancelled while waiting, gives the place back.
        """
        if self._taken >= self._places:
            raise Overloaded(
                f"The server is busy: {self._running} requests are running and "
                f"{self._places - self._running} are waiting. Try again in a moment.",
                retry_after=2.0,
            )
        self._taken += 1
        try:
            async with self._permits:
                yield
        finally:
            self._taken -= 1
