"""The pulse of a request: its client's leaving, its silences and its time limit, watched on a single timer."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self, TypeAlias

from starlette.types import Receive

from readstone.core.errors import ClientClosed, RequestTimeout

LOOK_SECONDS: Final = 0.05
"""A client's leaving is not looked for so long: what is quicker needs no task for it."""

Fill: TypeAlias = Callable[[], Awaitable[None]]
"""Says something to the client when there has been silence."""


class Pulse:
    """A block that answers a request, in the task that enters it.

    Once it listens, ClientClosed where the client leaves; TimeoutError where the block takes longer than `limit` seconds.
    What the block waits for then is cancelled where it stands.
    """

    __slots__ = (
        "__weakref__",
        "_cancelling",
        "_deadline",
        "_fill",
        "_filler",
        "_is_early",
        "_last",
        "_limit",
        "_listens",
        "_loop",
        "_over",
        "_reason",
        "_receive",
        "_silence",
        "_task",
        "_timer",
        "_watcher",
    )

    _task: asyncio.Task[object]
    _timer: asyncio.TimerHandle
    _cancelling: int

    def __init__(self, receive: Receive, *, limit: float, silence: float) -> None:
        self._receive = receive
        self._limit = limit
        self._silence = silence
        self._loop = asyncio.get_running_loop()
        self._last = self._deadline = 0.0
        self._is_early = True
        self._listens = False
        self._fill: Fill | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._filler: asyncio.Task[None] | None = None
        self._reason: Exception | None = None
        self._over = False

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a pulse is entered by a task")
        self._task = task
        self._cancelling = task.cancelling()
        now = self._loop.time()
        self._deadline = now + self._limit
        # Early enough for whatever `listen` is told, so that a quick request needs one timer.
        first = min(LOOK_SECONDS, self._silence, self._limit)
        self._timer = self._loop.call_at(now + first, self._tick)
        return self

    def listen(self, fill: Fill | None) -> None:
        """The request is read: from now on its client may leave, and `fill` is called after each silence."""
        self._listens = True
        self._fill = fill
        self._last = now = self._loop.time()
        if not self._is_early:
            self._timer.cancel()
            first = min(LOOK_SECONDS, self._silence)
            self._timer = self._loop.call_at(min(now + first, self._deadline), self._tick)

    def forget_client(self) -> None:
        """What is left to do is done even where the client leaves, and in silence."""
        self._fill = None
        if self._watcher is not None:
            self._watcher.cancel()
        self._listens = False

    def beat(self) -> Awaitable[object] | None:
        """Call before something is sent: silence begins anew. Where one is being filled, wait for what is given back."""
        self._last = self._loop.time()
        filler = self._filler
        return None if filler is None or filler.done() else asyncio.wait({filler})

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over = True
        self._timer.cancel()
        for task in (self._watcher, self._filler):
            if task is not None:
                await _end(task)
        # One that was cancelled keeps its frames, and those keep this.
        self._watcher = self._filler = None
        if self._reason is None or self._task.uncancel() > self._cancelling:
            return  # nothing happened, or somebody else cancels too
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            raise self._reason from error

    def _tick(self) -> None:
        """Do what is due, and come again when the next thing is."""
        now = self._loop.time()
        self._is_early = False
        if now >= self._deadline:
            self._stop(TimeoutError())
            return
        due = self._deadline
        if self._listens and self._watcher is None:
            self._watcher = self._loop.create_task(self._until_gone())
        if self._fill is not None:
            if now >= self._last + self._silence:
                self._last = now
                if self._filler is None or self._filler.done():
                    self._filler = self._loop.create_task(_run(self._fill))
            due = min(due, self._last + self._silence)
        self._timer = self._loop.call_at(due, self._tick)

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._stop(ClientClosed())

    def _stop(self, reason: Exception) -> None:
        if self._reason is None and not self._over:
            self._reason = reason
            self._task.cancel()


def told(error: Exception, limit: float) -> Exception:
    """The error as its client is told: of a block that took too long, what its limit was."""
    if not isinstance(error, TimeoutError):
        return error
    return RequestTimeout(
        f"The request took longer than {limit:g} seconds (limits.request_seconds)."
    )


async def _run(fill: Fill) -> None:
    await fill()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # nobody waits for it any more; asking keeps asyncio from complaining
