"""Answers requests to read or to make pictures, several at once: what the worker process does."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Literal, TypeAlias, assert_never

from readstone.core.chat import Source
from readstone.core.errors import (
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    InvalidImage,
    RequestError,
)
from readstone.engines.pictures import Wanted
from readstone.engines.worker.frames import (
    REQUESTS,
    Answer,
    Cancel,
    Done,
    Failed,
    Paint,
    PaintDocument,
    Read,
    ReadDocument,
    Ready,
    Told,
    pack,
    receive,
)
from readstone.telemetry import log_bug

ReadSource: TypeAlias = Callable[[int, Source], AsyncGenerator[Told]]
"""Begins to read for a request, by its id; `Reading.read`."""
PaintSource: TypeAlias = Callable[[int, Source, Wanted], AsyncGenerator[Told]]
"""Begins to make pictures for a request, by its id; `Painter.paint`."""


class Worker:
    """Answers requests on one socket; each runs until it is done, fails or is cancelled."""

    def __init__(self, read: ReadSource, paint: PaintSource, writer: asyncio.StreamWriter) -> None:
        self._read = read
        self._paint = paint
        self._writer = writer
        self._jobs: dict[int, asyncio.Task[None]] = {}

    async def serve(self, stream: asyncio.StreamReader) -> None:
        """Answer requests until the other side is gone; then nothing is worked on any more."""
        await self._send(Ready())
        try:
            await self._obey(stream)
        finally:
            jobs = list(self._jobs.values())
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)

    async def _obey(self, stream: asyncio.StreamReader) -> None:
        while (content := await receive(stream)) is not None:
            request = REQUESTS.decode(content)
            match request:
                case Read(id=job, image=image):
                    self._begin(job, self._read(job, image))
                case ReadDocument(id=job, document=document):
                    self._begin(job, self._read(job, document))
                case Paint(id=job, image=image, wanted=wanted):
                    self._begin(job, self._paint(job, image, wanted))
                case PaintDocument(id=job, document=document, wanted=wanted):
                    self._begin(job, self._paint(job, document, wanted))
                case Cancel(id=job):
                    if job in self._jobs:
                        self._jobs[job].cancel()
                case _:
                    assert_never(request)

    def _begin(self, job: int, answers: AsyncGenerator[Told]) -> None:
        task = self._jobs[job] = asyncio.create_task(self._answer(job, answers))
        task.add_done_callback(lambda _: self._jobs.pop(job, None))

    async def _answer(self, job: int, answers: AsyncGenerator[Told]) -> None:
        try:
            async with aclosing(answers):
                async for answer in answers:
                    await self._send(answer)
            await self._send(Done(job, _resident_bytes()))
        except (InvalidImage, EngineFailed, EngineTimeout) as error:
            await self._send(Failed(job, error.message, _fault(error), error.code))
        except Exception as error:  # noqa: BLE001  (one page's bug must not end the others)
            log_bug(error)
            await self._send(Failed(job))

    async def _send(self, answer: Answer) -> None:
        self._writer.write(pack(answer))
        await self._writer.drain()


def _fault(error: RequestError) -> Literal["image", "crash", "time", "engine"]:
    match error:
        case InvalidImage():
            return "image"
        case EngineCrashed():
            return "crash"
        case EngineTimeout():
            return "time"
        case _:
            return "engine"


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
