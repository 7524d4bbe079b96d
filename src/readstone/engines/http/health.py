"""The health of an engine's server: looked at again and again, and at once when a request met trouble."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from readstone.core.engine import EngineState
from readstone.telemetry import log, log_bug, log_trouble


@dataclass(frozen=True, slots=True)
class HealthOptions:
    """What is asked for and how often; seconds.

    A server that is well is asked every `interval_seconds`. One that is not, or is in doubt, is asked again after
    `hurry_seconds`, twice that and so on up to the interval. An answer may take `timeout_seconds`. `down` bad answers in
    a row take it out, `up` good ones bring it back.
    """

    path: str = "/health"
    interval_seconds: float = 10.0
    hurry_seconds: float = 0.5
    timeout_seconds: float = 5.0
    down: int = 2
    up: int = 1


class Health:
    """Watches one server by a probe that says whether it is well; changes of its state are logged once each.

    `sleep` takes seconds; `chance` gives 0 to 1 and moves each wait by up to a tenth, so that several of our servers do
    not ask at once.
    """

    def __init__(
        self,
        name: str,
        probe: Callable[[], Awaitable[bool]],
        options: HealthOptions,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._name = name
        self._probe = probe
        self._options = options
        self._sleep = sleep
        self._chance = chance
        self._state: EngineState = "starting"
        self._good = 0
        self._bad = 0
        self._nudged = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    @property
    def state(self) -> EngineState:
        """Starting until enough is known, then ready or failed; stopped in the end."""
        return self._state

    async def start(self) -> None:
        """Begin to watch."""
        self._watch = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Watch no more; the state is stopped from then on."""
        self._state = "stopped"
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    def note_failure(self) -> None:
        """A request could not reach the server: look at once, though never twice within `hurry_seconds`."""
        self._nudged.set()

    def note_success(self) -> None:
        """A request was answered whole, which says as much as a probe."""
        if self._bad or self._state != "ready":
            self._note_good()

    async def _keep(self) -> None:
        while True:
            self._nudged.clear()
            if await self._ask():
                self._note_good()
            else:
                self._note_bad()
            await self._rest()

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(self._options.timeout_seconds):
                return await self._probe()
        except OSError:  # TimeoutError is one
            return False
        except Exception as error:  # noqa: BLE001  (a watch that ends in silence would be worse than a bug in it)
            log_bug(error, engine=self._name)
            return False

    def _note_good(self) -> None:
        self._good, self._bad = self._good + 1, 0
        if self._state in {"starting", "failed"} and self._good >= self._options.up:
            self._state = "ready"
            log("engine reachable", engine=self._name)

    def _note_bad(self) -> None:
        self._good, self._bad = 0, self._bad + 1
        if self._state in {"starting", "ready"} and self._bad >= self._options.down:
            self._state = "failed"
            log_trouble("engine unreachable", engine=self._name, probes=self._bad)

    async def _rest(self) -> None:
        """Wait for the time of the next probe, or for a nudge."""
        options = self._options
        wait = options.interval_seconds
        if self._bad or self._state != "ready":
            wait = min(options.hurry_seconds * 2.0 ** min(max(self._bad - 1, 0), 16), wait)
        first = min(options.hurry_seconds, wait)
        await self._sleep(first)
        await self._unless_nudged((wait - first) * (0.9 + 0.2 * self._chance()))

    async def _unless_nudged(self, seconds: float) -> None:
        if seconds <= 0.0 or self._nudged.is_set():
            return
        waits = [
            asyncio.ensure_future(each) for each in (self._sleep(seconds), self._nudged.wait())
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
