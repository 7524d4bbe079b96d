"""What `readstone serve` prints about its models: each when it is known, and each change of its engine's state."""

import asyncio
import time
from collections.abc import Iterator

from readstone.server.announced import Announced

_LOOK_SECONDS = 0.2
_PROGRESS_SECONDS = 10.0


class Announcement:
    """Finds what there is to say about a running application that was not said yet."""

    def __init__(self, run: Announced) -> None:
        self._run = run
        self._models: dict[str, str] = {}
        self._troubles: dict[str, str] = {}
        self._starting: dict[str, tuple[float, float]] = {}

    def look(self, now: float) -> Iterator[str]:
        """The lines to print at `now` (seconds of any clock)."""
        yield from self._of_troubles()
        yield from self._of_models()
        yield from self._of_starts(now)

    def _of_troubles(self) -> Iterator[str]:
        for engine, reason in self._run.troubles.items():
            if self._troubles.get(engine) != reason:
                yield (
                    f"  waiting   for {engine}, whose models are served as soon as it lists them. {reason}"
                )
        self._troubles = dict(self._run.troubles)

    def _of_models(self) -> Iterator[str]:
        states: dict[str, str] = {}
        for model in self._run.catalogue:
            state = states[model.id] = self._run.engines[model.engine].state
            if self._models.get(model.id) != state:
                yield f"  {state:8}  {model.id} ({model.kind}, engine {model.engine})"
        for gone in self._models.keys() - states.keys():
            yield f"  gone      {gone}"
        self._models = states

    def _of_starts(self, now: float) -> Iterator[str]:
        """A sign of life of each engine that takes long to start."""
        for name, engine in self._run.engines.items():
            if engine.state != "starting":
                self._starting.pop(name, None)
                continue
            since, told = self._starting.setdefault(name, (now, now))
            if now - told >= _PROGRESS_SECONDS:
                self._starting[name] = since, now
                log = self._run.logs.get(name)  # not there while a model is fetched
                where = f"; its log: {log}" if log is not None and log.exists() else ""
                yield f"  starting  engine {name}, for {now - since:.0f} s so far{where}"


async def announce(run: Announced) -> None:
    """Print what there is to say, until cancelled."""
    announcement = Announcement(run)
    while True:
        for line in announcement.look(time.monotonic()):
            print(line, flush=True)
        await asyncio.sleep(_LOOK_SECONDS)
