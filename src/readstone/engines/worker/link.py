"""The server's end of one worker process: it is started, asked, and ended."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from typing import TypeAlias

from readstone.core.chat import Source
from readstone.core.document import Line
from readstone.engines.pictures import Wanted
from readstone.engines.process import Child
from readstone.engines.worker.conversation import Conversation, until_ready
from readstone.engines.worker.frames import Found, Painted

PageEvent: TypeAlias = Found | Line
"""For each page in turn: first its size, then its lines in reading order."""

_STOP_SECONDS = 2.0


class Link:
    """One live worker; use `open` to start one. `pages` and `memory` tell how worn it is."""

    def __init__(self, child: Child, conversation: Conversation) -> None:
        self._child = child
        self._conversation = conversation

    @classmethod
    async def open(cls, threads: int, start_seconds: float, memory: int = 0) -> "Link":
        """Start a worker and wait until its models are loaded; EngineFailed where it does not get there.

        It ends rather than to take more than `memory` bytes, where that is not 0.
        """
        ours, theirs = socket.socketpair()
        told = map(str, (theirs.fileno(), threads, memory))
        # -P: what happens to lie in the folder of the server is no module.
        arguments = [sys.executable, "-P", "-m", "readstone.engines.worker", *told]
        async with AsyncExitStack() as undo:
            with theirs:
                stream, writer = await asyncio.open_connection(sock=ours)
                undo.callback(writer.close)
                child = await Child.spawn(arguments, inherited=[theirs.fileno()])
                undo.push_async_callback(child.stop, grace=0)
            await asyncio.wait_for(until_ready(stream), start_seconds)
            undo.pop_all()
        return cls(child, Conversation(stream, writer))

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether it can take work."""
        return self._conversation.alive

    @property
    def pages(self) -> int:
        """How many pages it worked on."""
        return self._conversation.pages

    @property
    def memory(self) -> int:
        """Its resident size in bytes, when it was last told."""
        return self._conversation.memory

    def read(self, source: Source, seconds: float) -> AsyncGenerator[PageEvent]:
        """The size and lines of every page, as `Conversation.read` tells them."""
        return self._conversation.read(source, seconds)

    def paint(self, source: Source, wanted: Wanted, seconds: float) -> AsyncGenerator[Painted]:
        """The picture of an image, or of every page of a document; as `Conversation.paint`."""
        return self._conversation.paint(source, wanted, seconds)

    async def until_idle(self) -> None:
        """Wait until nothing is being worked on."""
        await self._conversation.until_idle()

    async def wait(self) -> int:
        """Wait until the worker is gone; its exit code."""
        await self._conversation.until_ended()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                return await self._child.wait()
        # It let go of its socket and lives on: of no use to anybody.
        await self._child.stop(grace=0)
        return await self._child.wait()

    async def close(self) -> None:
        """End the worker; what it works on raises EngineCrashed."""
        self._conversation.close()  # the worker ends when it sees this
        await self.wait()
