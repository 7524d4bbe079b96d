"""Intake: how many bytes of request bodies and images the server holds at once."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from readstone.core.errors import Overloaded

_RETRY_SECONDS = 2.0
_MUCH = 8 * 1024 * 1024
_QUIET_SECONDS = 1.0


def _nothing() -> None:
    pass


class Intake:
    """A budget in bytes, shared by all requests; what does not fit waits a little, then is refused.

    `tidy` is called a second after the last of more than 8 MiB was given back, if nothing has come since.
    """

    def __init__(self, budget: int, patience: float, tidy: Callable[[], None] = _nothing) -> None:
        self._budget = budget
        self._patience = patience
        self._tidy = tidy
        self._held = 0
        self._is_untidy = False
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held

    @property
    def budget(self) -> int:
        """Bytes that may be held."""
        return self._budget

    def reservation(self) -> "Reservation":
        """A reservation of nothing yet; used as an async context manager, it ends empty."""
        return Reservation(self)

    async def take(self, size: int, own: int) -> None:
        """Take bytes from the budget for a request that has `own` already.

        Overloaded where they do not come free within the patience. A request larger than the whole budget gets
        in when it is alone, so no limit contradicts another.
        """
        if not self._fits(size, own):
            await self._wait(size, own)
        self._held += size
        self._is_untidy |= self._held > _MUCH

    def give_back(self, size: int) -> None:
        """Return bytes to the budget."""
        self._held -= size
        if self._is_untidy and not self._held:
            self._is_untidy = False
            asyncio.get_running_loop().call_later(_QUIET_SECONDS, self._tidy_up)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _tidy_up(self) -> None:
        if self._held:
            self._is_untidy = True
        else:
            self._tidy()

    def _fits(self, size: int, own: int) -> bool:
        return self._held in {own, 0} or self._held + size <= self._budget

    async def _wait(self, size: int, own: int) -> None:
        try:
            async with asyncio.timeout(self._patience):
                while not self._fits(size, own):
                    await self._change()
        except TimeoutError as error:
            raise Overloaded(
                f"The server holds {self._held} bytes of other requests and has no room for "
                f"{size} more. Try again in a moment.",
                retry_after=_RETRY_SECONDS,
            ) from error

    async def _change(self) -> None:
        """Wait until something is given back."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)


class Reservation:
    """What one request holds of the intake."""

    __slots__ = ("_intake", "_size")

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
        self._intake.give_back(self._size)
        self._size = 0

    async def resize(self, size: int) -> None:
        """Hold `size` bytes from now on; growing may wait, and may raise Overloaded."""
        change = size - self._size
        if change > 0:
            await self._intake.take(change, own=self._size)
        elif change < 0:
            self._intake.give_back(-change)
        self._size = size
