"""Admission: a permit to run, held for the life of a request, fair between keys; full means refuse now."""

import asyncio
from collections import OrderedDict, deque
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol

from readstone.core.errors import Overloaded, RateLimited

_RETRY_SECONDS = 2.0


class Permits(Protocol):
    """What guards an engine: an `Admission`, or the one of another process (shared_admission.py)."""

    @property
    def waiting(self) -> int:
        """How many requests of this process wait."""
        ...

    @property
    def used(self) -> int:
        """How many permits this process holds."""
        ...

    @property
    def limit(self) -> int:
        """How many permits there are."""
        ...

    def permit(self, key_id: str) -> AbstractAsyncContextManager[None]:
        """A permit to wait for and to hold; raises as `Admission.permit` does."""
        ...


class Admission:
    """Lets `running` requests run and `waiting` more wait.

    A permit that comes free goes to the key whose turn it is, not to the oldest request: keys that wait take
    turns, so one key's hundred requests delay another's one by a single permit. Where even the queue is full, the
    key that has the most waiting loses its newest place to a key that has fewer.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._free = running
        self._running = running
        self._places = waiting
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._queues.values()))

    @property
    def used(self) -> int:
        """How many permits are held."""
        return self._running - self._free

    @property
    def limit(self) -> int:
        """How many permits there are."""
        return self._running

    def permit(self, key_id: str) -> "Permit":
        """A permit to wait for and to hold, as `async with admission.permit(…)`.

        Raises Overloaded at once where there is no place, RateLimited where the place is or was given to a key
        with fewer waiting. Leaving the block, or being cancelled while waiting, gives back what was taken.
        """
        return Permit(self, key_id)

    async def take(self, key_id: str) -> None:
        """Wait for a permit of that key; `give_back` must follow."""
        if self._free > 0:
            self._free -= 1
        else:
            await self._wait(key_id)

    def give_back(self) -> None:
        """Give a permit to the key whose turn it is, or keep it free."""
        while self._queues:
            key_id, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[key_id] = queue  # at the end: the others come first
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _wait(self, key_id: str) -> None:
        if self.waiting >= self._places:
            self._make_room(key_id)
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key_id, deque()).append(turn)
        try:
            await turn
        except BaseException:  # cancelled, too: its place or its permit must not stay behind
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back()  # the permit came in the moment the request left
            else:
                self._forget(key_id, turn)
            raise

    def _make_room(self, key_id: str) -> None:
        own = len(self._queues.get(key_id, ()))
        greediest, most = max(
            ((other, len(queue)) for other, queue in self._queues.items()),
            key=lambda entry: entry[1],
            default=(key_id, 0),
        )
        if most <= own + 1:
            raise self._refusal(own)
        turn = self._queues[greediest].pop()
        if not turn.done():
            turn.set_exception(self._refusal(most))

    def _refusal(self, own: int) -> Overloaded | RateLimited:
        """503 for a key that has nothing waiting, 429 for one that fills the queue itself."""
        if not own:
            return Overloaded(
                f"The server is busy: {self._running} requests are running and {self.waiting} are "
                "waiting. Try again in a moment.",
                retry_after=_RETRY_SECONDS,
            )
        return RateLimited(
            f"This key has {own} requests waiting and the queue is full. Send fewer at once.",
            retry_after=_RETRY_SECONDS,
            limit="queue",
        )

    def _forget(self, key_id: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(key_id)
        if queue is not None and turn in queue:
            queue.remove(turn)
        if not queue:
            self._queues.pop(key_id, None)


class Permit:
    """What a request holds while it runs."""

    __slots__ = ("_admission", "_key_id")

    def __init__(self, admission: Admission, key_id: str) -> None:
        self._admission = admission
        self._key_id = key_id

    async def __aenter__(self) -> None:
        await self._admission.take(self._key_id)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._admission.give_back()
