"""Reads the configuration of a running server again, when the operator signals it or an admin asks for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from readstone.config import Source
from readstone.config.building import Tree
from readstone.config.renewal import Changes, Renewal, renew
from readstone.core.errors import ConfigurationError
from readstone.telemetry import log, log_bug, log_trouble

Apply: TypeAlias = Callable[[Renewal], Awaitable[None]]
"""Has the server be so. ConfigurationError, and nothing is changed, where that cannot be."""


class Reloading:
    """One reload after the other; what came of each is a line of the log, too.

    `settings` are those that the server has, which after a reload are not all that the source says.
    """

    def __init__(self, source: Source, settings: Tree) -> None:
        self.settings = settings
        self.apply: Apply | None = None
        self._source = source
        self._turn = asyncio.Lock()
        self._wished: set[asyncio.Task[None]] = set()

    async def reload(self) -> Changes:
        """Read and apply; ConfigurationError where something is wrong, and nothing is changed then."""
        async with self._turn:
            try:
                return await self._reload()
            except ConfigurationError as error:
                log_trouble("configuration stays as it was", reason=str(error))
                raise

    def wish(self) -> None:
        """Reload soon; what comes of it is told to the log only."""
        task = asyncio.create_task(self._grant())
        self._wished.add(task)
        task.add_done_callback(self._wished.discard)

    async def stop(self) -> None:
        """Wait for what was wished."""
        if self._wished:
            await asyncio.wait(self._wished)

    async def _grant(self) -> None:
        try:
            await self.reload()
        except ConfigurationError:
            pass  # the log has it
        except Exception as error:  # noqa: BLE001  (nobody else would hear of it)
            log_bug(error)

    async def _reload(self) -> Changes:
        if self.apply is None:
            raise ConfigurationError("The server has not started yet.")
        renewal = renew(self.settings, await asyncio.to_thread(self._source.read))
        await self.apply(renewal)
        self.settings = renewal.settings
        changes = renewal.changes
        log(
            "configuration read again",
            applied=", ".join(changes.applied),
            restart=", ".join(changes.restart),
        )
        return changes
