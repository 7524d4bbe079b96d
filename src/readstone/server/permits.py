"""The permits of engines that several API processes share: given by their owner, to the keys of all processes in turn."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from readstone.core.errors import Overloaded, RateLimited
from readstone.server.messages import Ask, Denied, Granted
from readstone.serving.admission import Admission

Tell: TypeAlias = Callable[[Granted | Denied], None]


class Counter:
    """What one API process holds and waits for; all of it is given back when that process is gone."""

    def __init__(self, admissions: Mapping[str, Admission], tell: Tell) -> None:
        self._admissions = admissions
        self._tell = tell
        self._held: dict[int, Admission] = {}
        self._waiting: dict[int, asyncio.Task[None]] = {}

    def ask(self, ask: Ask) -> None:
        """Wait for a permit, then tell."""
        task = asyncio.create_task(self._wait(ask))
        self._waiting[ask.id] = task
        task.add_done_callback(partial(self._forget, ask.id))

    def give_back(self, permit: int) -> None:
        """Let others have a permit, or a place in the queue for one."""
        held = self._held.pop(permit, None)
        if held is not None:
            held.give_back()
        elif (task := self._waiting.get(permit)) is not None:
            task.cancel()

    def close(self) -> None:
        """The process is gone."""
        for permit in [*self._waiting, *self._held]:
            self.give_back(permit)

    async def _wait(self, ask: Ask) -> None:
        admission = self._admissions[ask.engine]
        try:
            await admission.take(ask.key_id)
        except Overloaded as error:
            self._tell(Denied(ask.id, "overloaded", error.message, error.retry_after))
        except RateLimited as error:
            self._tell(Denied(ask.id, "rate_limited", error.message, error.retry_after))
        else:
            self._held[ask.id] = admission
            self._tell(Granted(ask.id))

    def _forget(self, permit: int, task: asyncio.Task[None]) -> None:
        self._waiting.pop(permit, None)
        if not task.cancelled():
            task.exception()  # told already, or a bug of ours that the loop tells
