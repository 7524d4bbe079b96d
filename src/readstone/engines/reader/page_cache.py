"""Pages read a moment ago: the same bytes are decoded and read once for requests that come together or again."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from readstone.core.chat import Source
from readstone.core.document import Line
from readstone.core.errors import InvalidImage
from readstone.engines.reader.link import PageEvent

Load: TypeAlias = Callable[[Source], AsyncGenerator[PageEvent]]
"""Reads an image or document; `Supervisor.read`."""

_Key: TypeAlias = tuple[str, bytes]

_LINE_BYTES = 600
_WORD_BYTES = 400
"""About what a line and a word take in memory, beside two bytes a character."""
_AT_ONCE = 256 * 1024
"""Bytes that are hashed on the spot; more are hashed in a thread."""


@dataclass(slots=True)
class _Reading:
    """One source that is being read: what came so far, and who is told when there is more."""

    events: list[PageEvent] = field(default_factory=list[PageEvent])
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: "asyncio.Task[None] | None" = None
    ended: bool = False
    error: Exception | None = None
    waiters: int = 0

    async def until_more_than(self, told: int) -> None:
        """Wait until there are more than `told` events, or there will be no more."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.events) > told or self.ended)


@dataclass(frozen=True, slots=True)
class _Kept:
    events: tuple[PageEvent, ...]
    size: int
    until: float


class PageCache:
    """Shares readings under way and keeps whole ones: at most `limit` bytes of lines, for `seconds` each.

    The reader gives the same lines for the same bytes, so nobody can tell a kept page from one that was read but by
    its speed; and as that alone would tell whether somebody has sent a page before, keys do not share. Failures
    are not kept. `limit` or `seconds` 0 keeps nothing, but readings under way are shared all the same.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._size = 0
        self._kept: dict[_Key, _Kept] = {}
        self._readings: dict[_Key, _Reading] = {}

    @property
    def size(self) -> int:
        """Bytes kept now, by estimate."""
        return self._size

    async def read(self, key_id: str, source: Source, load: Load) -> AsyncGenerator[PageEvent]:
        """The pages of a source: kept, on their way for another request of this key, or by `load`.

        Raises what `load` raises. When the last request that waits for a reading leaves, the reading is cancelled
        and has ended before this returns.
        """
        key = (key_id, await _digest(source.data))
        self._expire()
        if (kept := self._kept.get(key)) is not None:
            for event in kept.events:
                yield event
            return
        told = 0
        try:
            async with aclosing(self._join(key, source, load)) as events:
                async for event in events:
                    told += 1
                    yield event
        except InvalidImage:
            # The words may name a field of the request that began the reading: this one has its own.
            async with aclosing(load(source)) as events:
                async for event in events:
                    told -= 1
                    if told < 0:
                        yield event

    async def _join(self, key: _Key, source: Source, load: Load) -> AsyncGenerator[PageEvent]:
        reading = self._readings.get(key)
        if reading is None:
            reading = self._readings[key] = _Reading()
            reading.task = asyncio.create_task(self._fill(key, reading, load(source)))
        reading.waiters += 1
        try:
            told = 0
            while not reading.ended or told < len(reading.events):
                await reading.until_more_than(told)
                while told < len(reading.events):
                    yield reading.events[told]
                    told += 1
        finally:
            reading.waiters -= 1
            if not reading.waiters:
                await self._leave(key, reading)
        if reading.error is not None:
            raise reading.error

    async def _fill(self, key: _Key, reading: _Reading, events: AsyncGenerator[PageEvent]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    async with reading.news:
                        reading.events.append(event)
                        reading.news.notify_all()
            self._keep(key, tuple(reading.events))
        except Exception as error:  # noqa: BLE001  (told to everyone who waits)
            reading.error = error
        finally:
            if self._readings.get(key) is reading:
                del self._readings[key]
            async with reading.news:
                reading.ended = True
                reading.news.notify_all()

    async def _leave(self, key: _Key, reading: _Reading) -> None:
        if self._readings.get(key) is reading:
            del self._readings[key]
        if reading.task is not None:
            reading.task.cancel()
            await asyncio.wait({reading.task})

    def _keep(self, key: _Key, events: tuple[PageEvent, ...]) -> None:
        size = sum(map(_weight, events))
        if size > self._limit or not self._seconds:
            return
        self._kept[key] = _Kept(events, size, asyncio.get_running_loop().time() + self._seconds)
        self._size += size
        while self._size > self._limit:
            self._drop(next(iter(self._kept)))

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._kept and self._kept[next(iter(self._kept))].until <= now:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: _Key) -> None:
        self._size -= self._kept.pop(key).size


def _weight(event: PageEvent) -> int:
    if not isinstance(event, Line):
        return _LINE_BYTES
    return _LINE_BYTES + 4 * len(event.text) + _WORD_BYTES * len(event.words)


async def _digest(data: bytes) -> bytes:
    if len(data) <= _AT_ONCE:
        return hashlib.sha256(data).digest()
    return await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
