"""Images fetched a moment ago: one URL is fetched once for everyone who asks for it at the same time or soon after."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from readstone.core.errors import Overloaded
from readstone.media.response import Fetched
from readstone.media.url import RemoteURL

_ENTRY_BYTES = 2048  # what an entry is charged beside its image, or a million tiny ones would fit


@dataclass(frozen=True, slots=True)
class _Kept:
    data: bytes
    until: float  # of the loop's clock

    @property
    def size(self) -> int:
        return len(self.data) + _ENTRY_BYTES


@dataclass(slots=True)
class _Flight:
    """A fetch under way and how many wait for it."""

    task: asyncio.Task[Fetched]
    waiters: int = 0


class FetchCache:
    """Keeps at most `limit` bytes of images for `seconds` each, the oldest going first.

    It is shared by all keys: a fetch sends no credentials, so what a URL gives is the same for everyone who knows
    it. Failures are not kept, nor is what a server asks not to keep, nor an image larger than `limit`.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        # All are kept equally long, so the first is always the next to expire.
        self._kept: dict[RemoteURL, _Kept] = {}
        self._flights: dict[RemoteURL, _Flight] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes kept now, with what entries themselves are charged."""
        return self._size

    async def get(self, url: RemoteURL, load: Callable[[], Awaitable[Fetched]]) -> bytes:
        """The image of a URL: kept, on its way for someone else, or by `load`, which runs in a task of its own.

        Being cancelled leaves the fetch to those who still wait; when the last of them leaves, the fetch is cancelled and
        has ended before this returns. Raises what `load` raises, the same to all who waited; Overloaded after `stop`.
        """
        self._expire()
        kept = self._kept.get(url)
        if kept is not None:
            return kept.data
        flight = self._flights.get(url)
        if flight is None:
            flight = self._flights[url] = _Flight(asyncio.create_task(self._land(url, load)))
        flight.waiters += 1
        try:
            await asyncio.wait((flight.task,))
        finally:
            flight.waiters -= 1
            if not flight.waiters:
                self._forget(url, flight.task)
                flight.task.cancel()
                await asyncio.wait((flight.task,))
                # Looked at, or a failure nobody is left to hear of would be logged as forgotten.
                _ = flight.task.cancelled() or flight.task.exception()
        if flight.task.cancelled():
            raise Overloaded("The server is stopping.")
        return flight.task.result().data

    async def stop(self) -> None:
        """Cancel every fetch, wait for their ends, and keep nothing."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._kept.clear()
        self._size = 0

    async def _land(self, url: RemoteURL, load: Callable[[], Awaitable[Fetched]]) -> Fetched:
        try:
            fetched = await load()
        finally:
            self._forget(url, asyncio.current_task())
        if fetched.may_keep:
            self._keep(url, fetched.data)
        return fetched

    def _forget(self, url: RemoteURL, task: asyncio.Task[Fetched] | None) -> None:
        # Another flight to the same URL may have begun since this one was given up.
        flight = self._flights.get(url)
        if flight is not None and flight.task is task:
            del self._flights[url]

    def _keep(self, url: RemoteURL, data: bytes) -> None:
        kept = _Kept(data, asyncio.get_running_loop().time() + self._seconds)
        if kept.size > self._limit or not self._seconds:
            return
        self._drop(url)
        self._kept[url] = kept
        self._size += kept.size
        while self._size > self._limit:
            self._drop(next(iter(self._kept)))

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._kept and (url := next(iter(self._kept))):
            if self._kept[url].until > now:
                break
            self._drop(url)

    def _drop(self, url: RemoteURL) -> None:
        kept = self._kept.pop(url, None)
        if kept is not None:
            self._size -= kept.size
