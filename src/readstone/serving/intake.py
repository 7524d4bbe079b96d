"""Intake: how many bytes of request bodies and images the server holds at once."""

import asyncio
from types import TracebackType
from typing import Self

from readstone.core.errors import Overloaded

_RETRY_SECONDS = 2.0


class Intake:
    """A budget in bytes, shared by all requests; what does not fit waits a little, then is refused."""

    def __init__(self, budget: int, patience: float) -> None:
        self._budget = budget
        self._patience = patience
        self._held = 0
        self._freed = asyncio.Condition()

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held

    def reservation(self) -> "Reservation":
        """A reservation of nothing yet; used as an async context manager, it ends empty."""
        return Reservation(self)

    async def take(self, size: int, own: int) -> None:
        """Take bytes from the budget for a request that has `own` already.

        Overloaded where they do not come free within the patience. A request larger than the whole budget gets
        in when it is alone, so no limit contradicts another.
        """
        async with self._freed:
            try:
                async with asyncio.timeout(self._patience):
                    await self._freed.wait_for(
                        lambda: self._held in {own, 0} or self._held + size <= self._budget
                    )
            except TimeoutError as error:
                raise Overloaded(
                    f"The server holds {self._held} bytes of other requests and has no room for "
                    f"{size} more. Try again in a moment.",
                    retry_after=_RETRY_SECONDS,
                ) from error
            self._held += size

    async def give_back(self, size: int) -> None:
        """Return bytes to the budget."""
        async with self._freed:
            self._held -= size
            self._freed.notify_all()


class Reservation:
    """What one request holds of the intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes held now."""
        return self._size

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.resize(0)

    async def resize(self, size: int) -> None:
        """Hold `size` bytes from now on; growing may wait, and may raise Overloaded."""
        change, self._size = size - self._size, size
        if change > 0:
            try:
                await self._intake.take(change, own=size - change)
            except BaseException:
                self._size = size - change
                raise
        elif change < 0:
            await self._intake.give_back(-change)
