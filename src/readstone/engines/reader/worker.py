"""The reader's worker process: decodes and reads pages for the server, which it outlives by nothing.

Started as `python -m readstone.engines.reader.worker FD THREADS`, where FD is its end of a socket pair. It ends
when the other end closes, so a killed server leaves nothing behind.
"""

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar, assert_never

import cv2

from readstone.core.chat import Document, Image
from readstone.core.document import Line
from readstone.core.errors import InvalidImage
from readstone.engines.reader.crops import Crop
from readstone.engines.reader.frames import (
    REQUESTS,
    Answer,
    Cancel,
    Done,
    Failed,
    Found,
    LineRead,
    Read,
    ReadDocument,
    Ready,
    pack,
    receive,
)
from readstone.engines.reader.page_reader import PageReader, Prepared
from readstone.engines.reader.weights import find_weights
from readstone.media.decode import decode
from readstone.media.pdf.file import PdfFile
from readstone.telemetry import log_bug, start_logging

T = TypeVar("T")

_LINES_AHEAD_PER_THREAD = 2
"""Lines of one page that may wait for a thread: enough to keep every thread busy, few enough that a page of
hundreds of lines does not hold up one of ten, and that little is left when a page is cancelled."""

Pages: TypeAlias = AsyncGenerator[tuple[int, Prepared]]
"""How many pages there are, and the next one."""


class Worker:
    """Reads several pages at once on one pool of threads; lines are the unit of work."""

    def __init__(self, reader: PageReader, writer: asyncio.StreamWriter, threads: int) -> None:
        self._reader = reader
        self._writer = writer
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="reader")
        # PDFium is not safe for threads, so one thread is all of its own.
        self._drawer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawer")
        self._ahead = threads * _LINES_AHEAD_PER_THREAD
        self._jobs: dict[int, asyncio.Task[None]] = {}

    async def serve(self, stream: asyncio.StreamReader) -> None:
        """Answer requests until the other side is gone."""
        await self._send(Ready())
        while (content := await receive(stream)) is not None:
            request = REQUESTS.decode(content)
            match request:
                case Read(id=job, image=image):
                    self._begin(job, self._image(image))
                case ReadDocument(id=job, document=document):
                    self._begin(job, self._document(document))
                case Cancel(id=job):
                    if job in self._jobs:
                        self._jobs[job].cancel()
                case _:
                    assert_never(request)

    def _begin(self, job: int, pages: Pages) -> None:
        task = self._jobs[job] = asyncio.create_task(self._answer(job, pages))
        task.add_done_callback(lambda _: self._jobs.pop(job, None))

    async def _answer(self, job: int, pages: Pages) -> None:
        try:
            async with aclosing(pages):
                await self._read(job, pages)
        except InvalidImage as error:
            await self._send(Failed(job, error.message))
        except Exception as error:  # noqa: BLE001  (one page's bug must not end the others)
            log_bug(error)
            await self._send(Failed(job, None))

    async def _read(self, job: int, pages: Pages) -> None:
        """Read page after page; the next is prepared while the last lines of the one before are read."""
        page = 0
        coming = asyncio.ensure_future(anext(pages, None))
        waiting: deque[asyncio.Future[Line | None]] = deque()
        try:
            while (found := await coming) is not None:
                total, prepared = found
                crops = len(prepared.crops)
                await self._send(Found(job, page, total, prepared.width, prepared.height, crops))
                for crop in prepared.crops:
                    waiting.append(self._recognise(crop))
                    if len(waiting) > self._ahead:
                        await self._tell(job, waiting.popleft())
                coming = asyncio.ensure_future(anext(pages, None))
                while waiting:
                    await self._tell(job, waiting.popleft())
                page += 1
        finally:
            for line in waiting:
                line.cancel()
            await _ended(coming)
        await self._send(Done(job, _resident_bytes()))

    async def _image(self, image: Image) -> Pages:
        yield 1, await self._run(lambda: self._reader.prepare(decode(image)))

    async def _document(self, document: Document) -> Pages:
        file = PdfFile(document)
        try:
            total = await self._draw(file.open)
            for page in range(total):
                drawn = await self._draw(partial(file.draw, page))
                yield total, await self._run(partial(self._reader.prepare_page, drawn))
                del drawn
        finally:
            file.abandon()
            self._drawer.submit(file.close)

    def _recognise(self, crop: Crop | Line) -> "asyncio.Future[Line | None]":
        return self._run(lambda: self._reader.recognise(crop))

    async def _tell(self, job: int, reading: "asyncio.Future[Line | None]") -> None:
        line = await reading
        if line is not None:
            await self._send(LineRead(job, line))

    def _run(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _draw(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._drawer, call)

    async def _send(self, answer: Answer) -> None:
        self._writer.write(pack(answer))
        await self._writer.drain()


async def _ended(coming: "asyncio.Future[tuple[int, Prepared] | None]") -> None:
    """Stop what prepares a page, so that its pages can be closed."""
    coming.cancel()
    await asyncio.wait({coming})
    if not coming.cancelled():
        coming.exception()


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _load() -> PageReader:
    # One inference or image operation per thread: the threads are ours to place, one a core.
    cv2.setNumThreads(1)
    reader = PageReader(find_weights())
    reader.warm_up()
    return reader


async def _main(descriptor: int, threads: int) -> None:
    stream, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    reader = await asyncio.to_thread(_load)
    await Worker(reader, writer, threads).serve(stream)


def main() -> None:
    """Run until the server closes its end; a thread in the middle of a page does not delay the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_logging("auto")
    descriptor, threads = map(int, sys.argv[1:])
    code = 0
    try:
        asyncio.run(_main(descriptor, threads))
    except Exception as error:  # noqa: BLE001  (nobody above could tell why the worker ended)
        log_bug(error)
        code = 1
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
