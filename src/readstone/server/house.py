"""What one process keeps for several API processes: the worker, engines that run here, and what is known of them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from readstone.core.chat import ChatEvent, ChatRequest
from readstone.core.engine import Engine, EngineState
from readstone.core.errors import EngineUnavailable
from readstone.engines.assembly import Common
from readstone.engines.kept import Seen
from readstone.server.owner import WORKER

_LONGEST_RETRY: Final = 60.0


class Seats:
    """Where each engine listens while it is up: the place of the engines that talk to it, which are elsewhere."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, str]] = {}
        self.changed = asyncio.Event()
        """Set whenever a place is taken or left."""

    def connect(self, name: str, url: str, key: str) -> Engine:
        """Called for an engine that has come up; its place is taken while what is returned is started."""
        return _Seat(self, name, url, key)


class _Seat:
    """In place of an engine that talks to a server: whoever talks to it is in another process."""

    def __init__(self, seats: Seats, name: str, url: str, key: str) -> None:
        self._seats = seats
        self._name = name
        self._place = url, key

    @property
    def name(self) -> str:
        """The engine's."""
        return self._name

    @property
    def state(self) -> EngineState:
        """It is there while its server is."""
        return "ready"

    @property
    def fingerprint(self) -> str:
        """Nothing of its own."""
        return ""

    async def start(self) -> None:
        """Let it be known."""
        self._seats.taken[self._name] = self._place
        self._seats.changed.set()

    async def stop(self) -> None:
        """Let it be known no more."""
        self._seats.taken.pop(self._name, None)
        self._seats.changed.set()

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """Nobody asks here."""
        del request
        for never in ():
            yield never
        raise EngineUnavailable


class Keep:
    """Starts and stops what is shared, and tells how it is."""

    def __init__(self, common: Common, seats: Seats) -> None:
        self._common = common
        self._seats = seats

    async def start(self) -> None:
        """Begin to start everything."""
        await self._common.worker.start()
        for engine in self._common.engines.values():
            await engine.start()

    async def stop(self) -> None:
        """End everything, at once."""
        stops = [engine.stop() for engine in self._common.engines.values()]
        outcomes = await asyncio.gather(*stops, self._common.worker.stop(), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    def hear(self, name: str) -> None:
        """An engine has answered one of the others."""
        if name in self._common.engines:
            self._common.engines[name].hear()

    def seen(self) -> Mapping[str, Seen]:
        """How everything is now."""
        found = {WORKER: Seen(self._common.worker.state)}
        for name, engine in self._common.engines.items():
            url, key = self._seats.taken.get(name, ("", ""))
            retry = round(engine.retry_after) if engine.state == "starting" else _LONGEST_RETRY
            found[name] = Seen(engine.state, url, key, engine.fingerprint, max(retry, 1.0))
        return found
