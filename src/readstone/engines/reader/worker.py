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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, assert_never

import cv2

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
    Ready,
    pack,
    receive,
)
from readstone.engines.reader.page_reader import PageReader, Prepared
from readstone.engines.reader.weights import find_weights
from readstone.media.decode import decode
from readstone.telemetry import log_bug, start_logging

T = TypeVar("T")

_LINES_AHEAD_PER_THREAD = 2
"""Lines of one page that may wait for a thread: enough to keep every thread busy, few enough that a page of
hundreds of lines does not hold up one of ten, and that little is left when a page is cancelled."""


class Worker:
    """Reads several pages at once on one pool of threads; lines are the unit of work."""

    def __init__(self, reader: PageReader, writer: asyncio.StreamWriter, threads: int) -> None:
        self._reader = reader
        self._writer = writer
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="reader")
        self._ahead = threads * _LINES_AHEAD_PER_THREAD
        self._pages: dict[int, asyncio.Task[None]] = {}

    async def serve(self, stream: asyncio.StreamReader) -> None:
        """Answer requests until the other side is gone."""
        await self._send(Ready())
        while (content := await receive(stream)) is not None:
            request = REQUESTS.decode(content)
            match request:
                case Read() as read:
                    task = asyncio.create_task(self._answer(read))
                    self._pages[read.id] = task
                    task.add_done_callback(lambda _, page=read.id: self._pages.pop(page, None))
                case Cancel(id=page):
                    if page in self._pages:
                        self._pages[page].cancel()
                case _:
                    assert_never(request)

    async def _answer(self, read: Read) -> None:
        try:
            await self._read(read)
        except InvalidImage as error:
            await self._send(Failed(read.id, error.message))
        except Exception as error:  # noqa: BLE001  (one page's bug must not end the others)
            log_bug(error)
            await self._send(Failed(read.id, None))

    async def _read(self, read: Read) -> None:
        prepared = await self._run(lambda: self._prepare(read))
        page = Found(read.id, prepared.width, prepared.height, len(prepared.crops))
        await self._send(page)
        waiting: deque[asyncio.Future[Line | None]] = deque()
        try:
            for crop in prepared.crops:
                waiting.append(self._recognise(crop))
                if len(waiting) > self._ahead:
                    await self._tell(read.id, waiting.popleft())
            while waiting:
                await self._tell(read.id, waiting.popleft())
        finally:
            for line in waiting:
                line.cancel()
        await self._send(Done(read.id, _resident_bytes()))

    def _prepare(self, read: Read) -> Prepared:
        return self._reader.prepare(decode(read.image))

    def _recognise(self, crop: Crop) -> "asyncio.Future[Line | None]":
        return self._run(lambda: self._reader.recognise(crop))

    async def _tell(self, page: int, reading: "asyncio.Future[Line | None]") -> None:
        line = await reading
        if line is not None:
            await self._send(LineRead(page, line))

    def _run(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _send(self, answer: Answer) -> None:
        self._writer.write(pack(answer))
        await self._writer.drain()


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
    try:
        asyncio.run(_main(descriptor, threads))
    finally:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
