"""What the worker does to read: pages become lines, a few ahead of the one that is due."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TypeAlias, assert_never

from readstone.core.chat import Document, Image, Source
from readstone.core.document import Line
from readstone.engines.reader.page_reader import PageReader, Prepared
from readstone.engines.reader.readers import Readers
from readstone.engines.worker.frames import Found, LineRead
from readstone.engines.worker.threads import Threads
from readstone.media.decode import decode

_LINES_AHEAD_PER_THREAD = 2
"""Lines of one page that may wait for a thread: enough to keep every thread busy, few enough that a page of
hundreds of lines does not hold up one of ten, and that little is left when a page is cancelled."""

Pages: TypeAlias = AsyncGenerator[tuple[int, Prepared]]
"""How many pages there are, and the next one."""


class Reading:
    """Reads several pages at once on the worker's threads; lines are the unit of work."""

    def __init__(self, readers: Readers, threads: Threads) -> None:
        self._readers = readers
        self._threads = threads
        self._ahead = threads.count * _LINES_AHEAD_PER_THREAD

    async def read(self, job: int, source: Source) -> AsyncGenerator[Found | LineRead]:
        """Read page after page; the next is prepared while the last lines of the one before are read.

        Raises InvalidImage for a broken source.
        """
        reader = self._readers.at_hand(source.profile) or await self._threads.run(
            lambda: self._readers.load(source.profile)
        )
        pages = self._pages(reader, source)
        async with aclosing(pages), aclosing(self._read(job, reader, pages)) as answers:
            async for answer in answers:
                yield answer

    async def _read(
        self, job: int, reader: PageReader, pages: Pages
    ) -> AsyncGenerator[Found | LineRead]:
        page = 0
        coming = asyncio.ensure_future(anext(pages, None))
        waiting: deque[asyncio.Future[Line | None]] = deque()
        try:
            while (found := await coming) is not None:
                total, prepared = found
                crops = len(prepared.crops)
                size = prepared.width, prepared.height
                yield Found(job, page, total, *size, crops, prepared.turned, prepared.rules)
                for crop in prepared.crops:
                    waiting.append(self._threads.run(partial(reader.recognise, crop)))
                    if len(waiting) > self._ahead and (line := await waiting.popleft()):
                        yield LineRead(job, line)
                coming = asyncio.ensure_future(anext(pages, None))
                while waiting:
                    if line := await waiting.popleft():
                        yield LineRead(job, line)
                page += 1
        finally:
            for late in waiting:
                late.cancel()
            await _ended(coming)

    async def _pages(self, reader: PageReader, source: Source) -> Pages:
        match source:
            case Image():
                look = await self._threads.run(lambda: reader.look(decode(source)))
                heats = await asyncio.gather(
                    *(self._threads.run(partial(reader.search, part)) for part in look.parts)
                )
                prepare = partial(reader.prepare_found, look, heats)
                del look, heats
                yield 1, await self._threads.run(prepare)
            case Document():
                async with aclosing(self._threads.pages(source)) as pages:
                    async for total, drawn in pages:
                        prepare = partial(reader.prepare_page, drawn)
                        yield total, await self._threads.run(prepare)
                        del drawn, prepare
            case _:
                assert_never(source)


async def _ended(coming: "asyncio.Future[tuple[int, Prepared] | None]") -> None:
    """Stop what prepares a page, so that its pages can be closed."""
    coming.cancel()
    await asyncio.wait({coming})
    if not coming.cancelled():
        coming.exception()
