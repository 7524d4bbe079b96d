"""The server's end of one worker process: images and documents go out, lines or pictures come back."""

import asyncio
import itertools
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import replace
from typing import TypeAlias, assert_never

from readstone.core.chat import Document, Image, Source
from readstone.core.document import Line
from readstone.core.errors import EngineCrashed, EngineFailed, EngineTimeout, InvalidImage
from readstone.engines.pictures import Wanted
from readstone.engines.process import Child
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

PageEvent: TypeAlias = Found | Line
"""For each page in turn: first its size, then its lines in reading order."""

_STOP_SECONDS = 2.0


class Link:
    """One live worker; use `open` to start one. `pages` and `memory` tell how worn it is."""

    def __init__(
        self, child: Child, stream: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pages = 0
        self.memory = 0
        self._child = child
        self._stream = stream
        self._writer = writer
        self._ids = itertools.count(1)
        self._askers: dict[int, asyncio.Queue[Answer | None]] = {}
        self._alive = True
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended = asyncio.ensure_future(self._listen())

    @classmethod
    async def open(cls, threads: int, start_seconds: float) -> "Link":
        """Start a worker and wait until its models are loaded; EngineFailed where it does not get there."""
        ours, theirs = socket.socketpair()
        module = "readstone.engines.worker"
        arguments = [sys.executable, "-m", module, str(theirs.fileno()), str(threads)]
        async with AsyncExitStack() as undo:
            with theirs:
                stream, writer = await asyncio.open_connection(sock=ours)
                undo.callback(writer.close)
                child = await Child.spawn(arguments, inherited=[theirs.fileno()])
                undo.push_async_callback(child.stop, grace=0)
            await asyncio.wait_for(_until_ready(stream), start_seconds)
            undo.pop_all()
        return cls(child, stream, writer)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether it can take work."""
        return self._alive

    async def read(self, source: Source, seconds: float) -> AsyncGenerator[PageEvent]:
        """The size and lines of every page; closing the generator cancels what has not begun.

        Raises InvalidImage for a broken image or document, EngineTimeout where a page takes longer than `seconds`,
        EngineCrashed where the worker ends in the middle, EngineFailed for a bug of ours.
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
            case Failed(message=message):
                raise _failure(message, source)
            case None | Ready():
                raise EngineCrashed
            case _:
                assert_never(answer)

    async def until_idle(self) -> None:
        """Wait until nothing is being worked on."""
        await self._idle.wait()

    async def wait(self) -> int:
        """Wait until the worker is gone; its exit code."""
        await asyncio.shield(self._ended)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                return await self._child.wait()
        # It let go of its socket and lives on: of no use to anybody.
        await self._child.stop(grace=0)
        return await self._child.wait()

    async def close(self) -> None:
        """End the worker; what it works on raises EngineCrashed."""
        self._writer.close()  # the worker ends when it sees this
        await self.wait()

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


async def _until_ready(stream: asyncio.StreamReader) -> None:
    content = await receive(stream)
    if content is None or not isinstance(ANSWERS.decode(content), Ready):
        raise EngineFailed("The reader's worker ended before it was ready.")


async def _before(
    deadline: float, answers: "asyncio.Queue[Answer | None]", seconds: float
) -> Answer | None:
    try:
        async with asyncio.timeout_at(deadline):
            return await answers.get()
    except TimeoutError as error:
        raise EngineTimeout(
            f"The page took longer than {seconds:g} seconds (reader.page_seconds)."
        ) from error


def _failure(message: str | None, source: Source) -> EngineFailed | InvalidImage:
    if message is None:
        return EngineFailed("The reader failed on this page; its log has the details.")
    return InvalidImage(message, param=source.param)
