"""Discovery: asks engines which models they serve, again and again, and keeps the catalogue in step."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from readstone.core.errors import ConfigurationError, EngineFailed
from readstone.core.model import Offer
from readstone.serving.catalogue import Catalogue
from readstone.telemetry import log, log_bug, log_trouble

_HURRY_SECONDS = 1.0
_NOTHING = "It answers, and lists no model for chats so far."

Sleep: TypeAlias = Callable[[float], Awaitable[None]]


class Listing(Protocol):
    """Something that can be asked which models it serves."""

    async def ask(self) -> tuple[Offer, ...]:
        """What it lists now; EngineFailed, with a sentence for our log, where it does not."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """An engine's listing, and how often it is asked (seconds); every second until it answers for the first time."""

    listing: Listing
    seconds: float


class Discovery:
    """Keeps what engines list in the catalogue.

    An engine that does not answer keeps the models it had. `troubles` tells, by engine, why nothing is known of it.
    """

    def __init__(
        self, catalogue: Catalogue, sources: Mapping[str, Source], sleep: Sleep = asyncio.sleep
    ) -> None:
        self.troubles: dict[str, str] = {}
        self._catalogue = catalogue
        self._sources = sources
        self._sleep = sleep
        self._known: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended: set[asyncio.Task[None]] = set()

    async def start(self, patience: float) -> None:
        """Ask every engine, wait up to `patience` seconds for their first answers, and go on asking.

        ConfigurationError where an answer names a model that is another's already.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._first()
        self._tasks = {name: self._begin(name) for name in self._sources}

    async def stop(self) -> None:
        """Ask no more."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), *self._ended, return_exceptions=True)
        self._tasks = {}

    def follow(self, sources: Mapping[str, Source], changed: Collection[str]) -> None:
        """From now on ask these, the changed ones as if nothing was known of them."""
        self._sources = sources
        for name in [*self._tasks]:
            if name in changed or name not in sources:
                self._leave(name)
        for name in sources:
            if name not in self._tasks:
                self._tasks[name] = self._begin(name)

    def _begin(self, name: str) -> asyncio.Task[None]:
        return asyncio.create_task(self._keep(name))

    def _leave(self, name: str) -> None:
        task = self._tasks.pop(name)
        task.cancel()
        self._ended.add(task)
        task.add_done_callback(self._ended.discard)
        self._known.discard(name)
        self.troubles.pop(name, None)

    async def _first(self) -> None:
        """Ask every engine until it has answered once; what they list is taken in their order, not in that of answers."""
        while unknown := [name for name in self._sources if name not in self._known]:
            for name, offers in zip(
                unknown, await asyncio.gather(*map(self._ask, unknown)), strict=True
            ):
                self._take(name, offers)
            if self._sources.keys() - self._known:
                await self._sleep(_HURRY_SECONDS)

    async def _keep(self, name: str) -> None:
        while True:
            rest = self._sources[name].seconds
            await self._sleep(rest if name in self._known else min(_HURRY_SECONDS, rest))
            try:
                self._take(name, await self._ask(name))
            except ConfigurationError as error:
                self._trouble(name, str(error))
            except Exception as error:  # noqa: BLE001  (asking that ends in silence would be worse than a bug in it)
                log_bug(error, engine=name)

    async def _ask(self, name: str) -> tuple[Offer, ...] | None:
        """What it lists; None where it does not."""
        try:
            return await self._sources[name].listing.ask()
        except EngineFailed as error:
            self._trouble(name, error.message)
            return None

    def _take(self, name: str, offers: tuple[Offer, ...] | None) -> None:
        """Serve what was listed. ConfigurationError where that cannot be."""
        if offers is None:
            return
        before = self._listed(name)
        self._catalogue.offer(name, offers)
        after = self._listed(name)
        self._known.add(name)
        if offers:
            self.troubles.pop(name, None)
        else:
            self._trouble(name, _NOTHING)
        if before != after:
            new, gone = len(after - before), len(before - after)
            log("engine lists models", engine=name, new=new, gone=gone)

    def _listed(self, name: str) -> set[str]:
        return {model.id for model in self._catalogue if model.engine == name}

    def _trouble(self, name: str, reason: str) -> None:
        """Note why nothing new is known; logged once for each reason."""
        if self.troubles.get(name) != reason:
            self.troubles[name] = reason
            log_trouble("engine does not list its models", engine=name, reason=reason)
