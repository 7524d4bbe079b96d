"""One worker for several API processes: the process that owns it passes on what the others ask and what it tells."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

import msgspec

from readstone.core.chat import Source
from readstone.core.document import Line
from readstone.core.engine import EngineState
from readstone.core.errors import EngineFailed
from readstone.engines.pictures import Wanted
from readstone.engines.worker.conversation import FOR_EVER, Conversation, until_ready
from readstone.engines.worker.frames import Found, LineRead, Painted, Told
from readstone.engines.worker.worker import Worker


class Pixels(Protocol):
    """What works on pixels for an API process: a worker of its own (`Supervisor`), or one it shares (`SharedWorker`)."""

    @property
    def state(self) -> EngineState:
        """Whether a page would be worked on now."""
        ...

    async def start(self) -> None:
        """Begin to start, or to reach it."""
        ...

    async def stop(self) -> None:
        """Let go of it; what it works on for us fails."""
        ...

    def read(self, source: Source) -> AsyncGenerator[Found | Line]:
        """Each page's size, then its lines in reading order."""
        ...

    def paint(self, source: Source, wanted: Wanted) -> AsyncGenerator[Painted]:
        """The picture of an image, or of each page of a document."""
        ...


class Relay:
    """The owner's end: does for one API process what it asks on a socket, in the frames of a worker."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels

    async def serve(self, connection: socket.socket) -> None:
        """Pass on until the other side is gone; what it waited for then is cancelled."""
        stream, writer = await asyncio.open_connection(sock=connection)
        try:
            await Worker(self._read, self._paint, writer).serve(stream)
        except ConnectionError:
            pass  # it is gone
        finally:
            writer.close()

    async def _read(self, job: int, source: Source) -> AsyncGenerator[Told]:
        async with aclosing(self._pixels.read(source)) as events:
            async for event in events:
                if isinstance(event, Line):
                    yield LineRead(job, event)
                else:
                    yield msgspec.structs.replace(event, id=job)

    async def _paint(self, job: int, source: Source, wanted: Wanted) -> AsyncGenerator[Told]:
        async with aclosing(self._pixels.paint(source, wanted)) as pictures:
            async for picture in pictures:
                yield msgspec.structs.replace(picture, id=job)


class SharedWorker:
    """An API process's end; `look` tells in which state the worker is, as its owner said last."""

    def __init__(self, connection: socket.socket, look: Callable[[], EngineState]) -> None:
        self._connection = connection
        self._look = look
        self._conversation: Conversation | None = None

    @property
    def state(self) -> EngineState:
        """Whether a page would be worked on now."""
        return self._look()

    async def start(self) -> None:
        """Begin to talk to the owner; EngineFailed where it is gone."""
        stream, writer = await asyncio.open_connection(sock=self._connection)
        await until_ready(stream)
        self._conversation = Conversation(stream, writer)

    async def stop(self) -> None:
        """End what is worked on for us."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.close()
            await conversation.until_ended()

    def read(self, source: Source) -> AsyncGenerator[Found | Line]:
        """Each page's size, then its lines; raises what `Supervisor.read` raises for the owner."""
        return self._reached().read(source, FOR_EVER)

    def paint(self, source: Source, wanted: Wanted) -> AsyncGenerator[Painted]:
        """The picture of an image, or of each page of a document; raises what `Supervisor.paint` raises."""
        return self._reached().paint(source, wanted, FOR_EVER)

    def _reached(self) -> Conversation:
        if self._conversation is None:
            raise EngineFailed("The reader is not reached yet.")
        return self._conversation
