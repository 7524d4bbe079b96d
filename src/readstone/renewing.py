"""A running application becomes what a new configuration says, without a request that runs noticing."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, TypeAlias

from readstone.config import READER, Config
from readstone.core.engine import Engine
from readstone.engines.lifetimes import begin, stop_all
from readstone.engines.workshop import Built
from readstone.parts import terms
from readstone.serving.catalogue import Catalogue, build_catalogue
from readstone.serving.discovery import Discovery, Source
from readstone.serving.gateway import Backend
from readstone.serving.limits.limiter import Limiter
from readstone.telemetry import log

_LOOK_SECONDS: Final = 0.5
_QUIET_LOOKS: Final = 4
"""How often in a row nothing runs on an engine that is left; who found it just before has taken a permit by then."""

Build: TypeAlias = Callable[[Config], Mapping[str, Built]]
"""Builds every engine of a configuration, none of them started."""
Guard: TypeAlias = Callable[[str, Built], Backend]
"""Puts the admission before an engine."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What of an application can change while it runs."""

    catalogue: Catalogue
    backends: MutableMapping[str, Backend]
    engines: MutableMapping[str, Engine]
    limiter: Limiter
    discovery: Discovery


class Renewing:
    """Keeps the engines of an application, and applies configurations in turn.

    Engines that are not needed any more are stopped when their last request has ended.
    """

    def __init__(self, config: Config, parts: Parts, build: Build, guard: Guard) -> None:
        self._config = config
        self._parts = parts
        self._build = build
        self._guard = guard
        self._is_started = False
        self._retiring: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the engines; where one cannot be, those that were started are stopped."""
        await _start(self._parts.engines.values())
        self._is_started = True

    async def apply(self, config: Config) -> None:
        """Be as that configuration says, which differs in models, limits of keys and engines elsewhere only.

        ConfigurationError, and nothing is changed, where that cannot be.
        """
        parts, old = self._parts, self._config
        every = self._build(config)
        changed = {name for name in every if _is_changed(name, old, config)}
        gone = parts.backends.keys() - every.keys()
        catalogue = build_catalogue(config.models, every)
        fresh = {name: every[name] for name in every if name in changed}
        await _start(built.engine for built in fresh.values())
        left = [parts.backends[name] for name in parts.backends if name in changed | gone]
        for name in gone:
            del parts.backends[name]
            del parts.engines[name]
        for name, built in fresh.items():
            parts.backends[name] = self._guard(name, built)
            parts.engines[name] = built.engine
        parts.catalogue.become(tuple(catalogue), changed | gone)
        parts.limiter.terms = terms(config)
        parts.discovery.follow(sources_of(every), changed | gone)
        self._config = config
        for backend in left:
            self._retire(backend)

    async def stop(self) -> None:
        """Stop every engine, whatever runs on it."""
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        if self._is_started:
            await stop_all(list(self._parts.engines.values()))

    def _retire(self, backend: Backend) -> None:
        task = asyncio.create_task(_see_out(backend))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def sources_of(engines: Mapping[str, Built]) -> dict[str, Source]:
    """The engines that tell which models they serve."""
    return {
        name: Source(built.listing, built.listing_seconds)
        for name, built in engines.items()
        if built.listing is not None
    }


def _is_changed(name: str, old: Config, new: Config) -> bool:
    """Whether an engine is another one than before: it is set otherwise, or what its pool is made of."""
    if name == READER or name not in new.engines:
        return False
    section = new.engines[name]
    if old.engines.get(name) != section:
        return True
    members = getattr(section, "engines", ())
    return any(old.engines.get(member) != new.engines.get(member) for member in members)


async def _start(engines: Iterable[Engine]) -> None:
    """Start all, or none."""
    async with AsyncExitStack() as undo:
        await begin(engines, undo)
        undo.pop_all()


async def _see_out(backend: Backend) -> None:
    """Stop an engine when nothing runs on it or waits for it."""
    try:
        quiet = 0
        while quiet < _QUIET_LOOKS:
            await asyncio.sleep(_LOOK_SECONDS)
            is_idle = not (backend.admission.used or backend.admission.waiting)
            quiet = quiet + 1 if is_idle else 0
    finally:
        await backend.engine.stop()
        log("engine retired", engine=backend.engine.name)
