"""Keeps a worker alive: starts it, replaces it when it dies or is worn, and remembers what killed it."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from readstone.core.chat import Image, Source
from readstone.core.engine import EngineState
from readstone.core.errors import EngineCrashed, EngineFailed, EngineTimeout, InvalidImage
from readstone.engines.pictures import Wanted
from readstone.engines.worker.frames import Painted
from readstone.engines.worker.link import Link, PageEvent
from readstone.telemetry import log, log_trouble

T = TypeVar("T")

_MEGABYTE = 1024 * 1024
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 30.0
_HEALTHY_SECONDS = 10.0
_DEADLY = 2
"""Crashes during one image or document after which it is refused instead of tried."""
_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How a worker is run: its threads, its times in seconds, when it is worn, and the memory it never takes more of (0: any)."""

    threads: int
    page_seconds: float
    start_seconds: float
    recycle_pages: int
    recycle_megabytes: int
    memory_megabytes: int = 0


class Supervisor:
    """Has one worker at a time read pages and make pictures; a worn one finishes its own beside its successor."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._link: Link | None = None
        self._changed = asyncio.Condition()
        self._state: EngineState = "starting"
        self._worn = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._crashes: dict[bytes, int] = {}

    @property
    def state(self) -> EngineState:
        """Whether a page would be worked on now."""
        return self._state

    async def start(self) -> None:
        """Begin to start the first worker."""
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End every worker; what they work on fails."""
        tasks = [task for task in (self._keeper, *self._retiring) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._link is not None:
            await self._link.close()
        await self._become("stopped", None)

    async def read(self, source: Source) -> AsyncGenerator[PageEvent]:
        """Each page's size, then its lines; waits for a worker that is being started.

        Raises what `Link.read` raises; InvalidImage also for what ended the worker twice, and EngineFailed
        where no worker could be started.
        """
        seconds = self._limits.page_seconds
        async with aclosing(self._work(source, lambda link: link.read(source, seconds))) as events:
            async for event in events:
                yield event

    async def paint(self, source: Source, wanted: Wanted) -> AsyncGenerator[Painted]:
        """The picture of an image, or of each page of a document; waits and fails as `read` does."""
        seconds = self._limits.page_seconds
        work = self._work(source, lambda link: link.paint(source, wanted, seconds))
        async with aclosing(work) as pictures:
            async for picture in pictures:
                yield picture

    async def _work(
        self, source: Source, begin: Callable[[Link], AsyncGenerator[T]]
    ) -> AsyncGenerator[T]:
        """What a live worker makes of a source, with an eye on the worker."""
        digest = await self._refuse_deadly(source)
        link = await self._live()
        try:
            async with aclosing(begin(link)) as events:
                async for event in events:
                    yield event
        except EngineCrashed:
            await self._remember(digest or await _digest(source))
            raise
        except EngineTimeout:
            self._worn.set()  # a thread may be stuck in it: the successor has all of its own
            raise
        if link.pages >= self._limits.recycle_pages or (
            link.memory >= self._limits.recycle_megabytes * _MEGABYTE
        ):
            self._worn.set()
        if digest is not None:
            self._crashes.pop(digest, None)

    async def _live(self) -> Link:
        async with self._changed:
            try:
                async with asyncio.timeout(self._limits.start_seconds):
                    await self._changed.wait_for(self._settled)
            except TimeoutError as error:
                raise EngineFailed("The reader is still starting.") from error
            if self._link is None:
                raise EngineFailed("The reader cannot be started; the server's log says why.")
            return self._link

    def _settled(self) -> bool:
        """Whether it is known if pages can be read; a link may be dead before its keeper has noticed."""
        return self._state != "starting" and (self._link is None or self._link.alive)

    async def _keep(self) -> None:
        delay = _FIRST_DELAY
        clock = asyncio.get_running_loop().time
        while True:
            try:
                link = await self._open()
            except (EngineFailed, TimeoutError, OSError) as error:
                log_trouble("reader failed to start", reason=str(error), retry=delay)
                await self._become("failed", None)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)
                continue
            born = clock()
            await self._become("ready", link)
            log("reader ready", pid=link.pid, threads=self._limits.threads)
            if await self._outlived(link):
                self._retire(link)
                continue
            code = await link.wait()
            log_trouble("reader worker died", pid=link.pid, code=code)
            await self._become("starting", None)
            delay = _FIRST_DELAY if clock() - born > _HEALTHY_SECONDS else delay
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _open(self) -> Link:
        limits = self._limits
        return await Link.open(
            limits.threads, limits.start_seconds, limits.memory_megabytes * _MEGABYTE
        )

    async def _outlived(self, link: Link) -> bool:
        """Wait until the worker is worn (True) or dead (False)."""
        self._worn.clear()
        dead, worn = asyncio.ensure_future(link.wait()), asyncio.ensure_future(self._worn.wait())
        try:
            await asyncio.wait({dead, worn}, return_when=asyncio.FIRST_COMPLETED)
            return not dead.done()
        finally:
            dead.cancel()
            worn.cancel()

    def _retire(self, link: Link) -> None:
        log("reader worker is worn", pid=link.pid, pages=link.pages, memory=link.memory)
        task = asyncio.create_task(self._see_out(link))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _see_out(self, link: Link) -> None:
        """Let a worn worker finish what it reads, as long as it gets on, then end it."""
        pages = -1
        try:
            while pages != link.pages:
                pages = link.pages
                if await self._finishes(link):
                    return
            log_trouble("reader worker did not finish", pid=link.pid)
        finally:
            await link.close()

    async def _finishes(self, link: Link) -> bool:
        """Whether a worn worker has nothing left to do before the time of one page is over."""
        try:
            async with asyncio.timeout(self._limits.page_seconds):
                async with self._changed:
                    await self._changed.wait_for(lambda: self._link is not link)
                await link.until_idle()
        except TimeoutError:
            return False
        return True

    async def _become(self, state: EngineState, link: Link | None) -> None:
        async with self._changed:
            self._state, self._link = state, link
            self._changed.notify_all()

    async def _refuse_deadly(self, source: Source) -> bytes | None:
        """The digest where anything is under suspicion; hashing every image would cost too much."""
        if not self._crashes:
            return None
        digest = await _digest(source)
        if self._crashes.get(digest, 0) >= _DEADLY:
            what = "image" if isinstance(source, Image) else "PDF"
            raise InvalidImage(
                f"The {what} in {source.param} ended the process that works on it {_DEADLY} times and is "
                "not tried again.",
                param=source.param,
                code="image_crashed_reader",
            )
        return digest

    async def _remember(self, digest: bytes) -> None:
        self._crashes[digest] = self._crashes.pop(digest, 0) + 1
        while len(self._crashes) > _REMEMBERED:
            self._crashes.pop(next(iter(self._crashes)))


async def _digest(source: Source) -> bytes:
    return await asyncio.to_thread(lambda: hashlib.sha256(source.data).digest())
