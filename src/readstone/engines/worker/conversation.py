"""Our end of a conversation with whatever works on pixels: requests go out, several at once, lines or pictures come back."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final, assert_never

from readstone.core.chat import Document, Image, Source
from readstone.core.document import Line
from readstone.core.errors import (
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    InvalidImage,
    RequestError,
)
from readstone.engines.pictures import Wanted
from readstone.engines.worker.frames import (
    ANSWERS,
    Answer,
    Asked,
    Cancel,
    Done,
    Failed,
    Found,
    LineRead,
    Paint,
    PaintDocument,
    Painted,
    Read,
    ReadDocument,
    Ready,
    Told,
    pack,
    receive,
)

FOR_EVER: Final = 10.0**9
"""Seconds of patience with an other side that has a clock of its own."""


class Conversation:
    """One live stream to the other side, from the moment it was ready. `pages` and `memory` tell how worn that is."""

    def __init__(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pages = 0
        self.memory = 0
        self._stream = stream
        self._writer = writer
        self._ids = itertools.count(1)
        self._askers: dict[int, asyncio.Queue[Answer | None]] = {}
        self._alive = True
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended = asyncio.ensure_future(self._listen())

    @property
    def alive(self) -> bool:
        """Whether the other side can take work."""
        return self._alive

    async def read(self, source: Source, seconds: float) -> AsyncGenerator[Found | Line]:
        """The size and lines of every page; closing the generator cancels what has not begun.

        Raises InvalidImage for a broken image or document, EngineTimeout where a page takes longer than `seconds`,
        EngineCrashed where the other side ends in the middle, EngineFailed for a bug of ours.
        """
        request = _read(next(self._ids), source)
        async with aclosing(self._ask(request, source, seconds)) as answers:
            async for answer in answers:
                if isinstance(answer, LineRead):
                    yield answer.line
                elif isinstance(answer, Found):
                    yield answer

    async def paint(
        self, source: Source, wanted: Wanted, seconds: float
    ) -> AsyncGenerator[Painted]:
        """The picture of an image, or of every page of a document; cancelled and failing as `read` is."""
        request = _paint(next(self._ids), source, wanted)
        async with aclosing(self._ask(request, source, seconds)) as answers:
            async for answer in answers:
                if isinstance(answer, Painted):
                    yield answer

    async def until_idle(self) -> None:
        """Wait until nothing is being worked on."""
        await self._idle.wait()

    async def until_ended(self) -> None:
        """Wait until the other side is gone."""
        await asyncio.shield(self._ended)

    def close(self) -> None:
        """End it; what is worked on raises EngineCrashed."""
        self._writer.close()

    async def _ask(self, request: Asked, source: Source, seconds: float) -> AsyncGenerator[Told]:
        answers = self._askers[request.id] = asyncio.Queue()
        self._idle.clear()
        finished = False
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        try:
            await self._send(request)
            while not finished:
                answer = await _before(deadline, answers, seconds)
                finished = not isinstance(answer, Told)
                if isinstance(answer, Painted) or (isinstance(answer, Found) and answer.page):
                    deadline = clock() + seconds
                if (told := self._told(answer, source)) is not None:
                    yield told
        finally:
            del self._askers[request.id]
            if not self._askers:
                self._idle.set()
            if not finished and self._alive:
                self._writer.write(pack(Cancel(request.id)))

    def _told(self, answer: Answer | None, source: Source) -> Told | None:
        match answer:
            case Found() | LineRead() | Painted():
                return answer
            case Done(memory=memory):
                self.memory = memory
                return None
            case Failed():
                raise _failure(answer, source)
            case None | Ready():
                raise EngineCrashed
            case _:
                assert_never(answer)

    async def _send(self, request: Asked) -> None:
        if not self._alive:
            raise EngineCrashed
        try:
            self._writer.write(pack(request))
            await self._writer.drain()
        except ConnectionError as error:
            raise EngineCrashed from error

    async def _listen(self) -> None:
        while (content := await receive(self._stream)) is not None:
            answer = ANSWERS.decode(content)
            self.pages += isinstance(answer, Found | Painted)
            if not isinstance(answer, Ready) and (asker := self._askers.get(answer.id)):
                asker.put_nowait(answer)
        self._alive = False
        self._writer.close()
        for asker in self._askers.values():
            asker.put_nowait(None)


async def until_ready(stream: asyncio.StreamReader) -> None:
    """Wait for the other side's first word; EngineFailed where it ends before."""
    content = await receive(stream)
    if content is None or not isinstance(ANSWERS.decode(content), Ready):
        raise EngineFailed("The reader's worker ended before it was ready.")


def _read(job: int, source: Source) -> Read | ReadDocument:
    match source:
        case Image():
            return Read(job, _bare(source))
        case Document():
            return ReadDocument(job, source)
        case _:
            assert_never(source)


def _bare(image: Image) -> Image:
    """The image without what the worker has no use for."""
    return replace(image, digits=b"") if image.digits else image


def _paint(job: int, source: Source, wanted: Wanted) -> Paint | PaintDocument:
    match source:
        case Image():
            return Paint(job, _bare(source), wanted)
        case Document():
            return PaintDocument(job, source, wanted)
        case _:
            assert_never(source)


async def _before(
    deadline: float, answers: "asyncio.Queue[Answer | None]", seconds: float
) -> Answer | None:
    if seconds >= FOR_EVER:
        return await answers.get()
    try:
        async with asyncio.timeout_at(deadline):
            return await answers.get()
    except TimeoutError as error:
        raise EngineTimeout(
            f"The page took longer than {seconds:g} seconds (reader.page_seconds)."
        ) from error


def _failure(failed: Failed, source: Source) -> RequestError:
    match failed.fault:
        case "image":
            return InvalidImage(failed.message, param=source.param, code=failed.code)
        case "crash":
            return EngineCrashed()
        case "time":
            return EngineTimeout(failed.message)
        case "engine":
            return EngineFailed(
                failed.message or "The reader failed on this page; its log has the details."
            )
        case _:
            assert_never(failed.fault)
