"""What was made of sources a moment ago: the same bytes are worked on once for requests that come together or again."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from readstone.core.chat import Source
from readstone.core.errors import InvalidImage
from readstone.core.model import Profile

T = TypeVar("T")

Load: TypeAlias = Callable[[Source], AsyncGenerator[T]]
"""Works on an image or document; e.g. `Supervisor.read`."""

_Key: TypeAlias = tuple[str, Profile, bytes]

_AT_ONCE = 256 * 1024
"""Bytes that are hashed on the spot; more are hashed in a thread."""


@dataclass(slots=True)
class _Work(Generic[T]):
    """One source that is being worked on: what came so far, and who is told when there is more."""

    events: list[T] = field(default_factory=list[T])
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
class _Kept(Generic[T]):
    events: tuple[T, ...]
    size: int
    until: float


class SourceCache(Generic[T]):
    """Shares work under way and keeps whole results: at most `limit` bytes as `weigh` tells them, for `seconds` each.

    The same bytes give the same results, so nobody can tell a kept one from one that was made but by its speed; and
    as that alone would tell whether somebody has sent a page before, keys do not share. Failures are not kept.
    `limit` or `seconds` 0 keeps nothing, but work under way is shared all the same.
    """

    def __init__(self, limit: int, seconds: float, weigh: Callable[[T], int]) -> None:
        self._limit = limit
        self._seconds = seconds
        self._weigh = weigh
        self._size = 0
        self._kept: dict[_Key, _Kept[T]] = {}
        self._works: dict[_Key, _Work[T]] = {}

    @property
    def size(self) -> int:
        """Bytes kept now, by estimate."""
        return self._size

    async def get(self, key_id: str, source: Source, load: Load[T]) -> AsyncGenerator[T]:
        """What is made of a source: kept, on its way for another request of this key, or by `load`.

        Raises what `load` raises. When the last request that waits for some work leaves, the work is cancelled and
        has ended before this returns.
        """
        key = (key_id, source.profile, await _digest(source.data))
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
            # The words may name a field of the request that began the work: this one has its own.
            async with aclosing(load(source)) as events:
                async for event in events:
                    told -= 1
                    if told < 0:
                        yield event

    async def _join(self, key: _Key, source: Source, load: Load[T]) -> AsyncGenerator[T]:
        work = self._works.get(key)
        if work is None:
            work = self._works[key] = _Work()
            work.task = asyncio.create_task(self._fill(key, work, load(source)))
        work.waiters += 1
        try:
            told = 0
            while not work.ended or told < len(work.events):
                await work.until_more_than(told)
                while told < len(work.events):
                    yield work.events[told]
                    told += 1
        finally:
            work.waiters -= 1
            if not work.waiters:
                await self._leave(key, work)
        if work.error is not None:
            raise work.error

    async def _fill(self, key: _Key, work: _Work[T], events: AsyncGenerator[T]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    async with work.news:
                        work.events.append(event)
                        work.news.notify_all()
            self._keep(key, tuple(work.events))
        except Exception as error:  # noqa: BLE001  (told to everyone who waits)
            work.error = error
        finally:
            if self._works.get(key) is work:
                del self._works[key]
            async with work.news:
                work.ended = True
                work.news.notify_all()

    async def _leave(self, key: _Key, work: _Work[T]) -> None:
        if self._works.get(key) is work:
            del self._works[key]
        if work.task is not None:
            work.task.cancel()
            await asyncio.wait({work.task})

    def _keep(self, key: _Key, events: tuple[T, ...]) -> None:
        size = sum(map(self._weigh, events))
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


async def _digest(data: bytes) -> bytes:
    if len(data) <= _AT_ONCE:
        return hashlib.sha256(data).digest()
    return await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
