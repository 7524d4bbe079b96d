"""Admission to an engine that several processes share: the one that owns it gives the permits, to all of them in turn."""

from types import TracebackType
from typing import Protocol


class Office(Protocol):
    """Where permits are asked for; each has a number."""

    async def take(self, engine: str, key_id: str) -> int:
        """Wait for a permit; raises as `Admission.permit` does. What is cancelled while it waits holds nothing."""
        ...

    def give_back(self, permit: int) -> None:
        """The permit is needed no more."""
        ...


class SharedAdmission:
    """The permits of one engine, as one of the processes sees them; `limit` are those it tells of, for sums over processes."""

    def __init__(self, office: Office, engine: str, limit: int) -> None:
        self._office = office
        self._engine = engine
        self.limit = limit
        self.waiting = 0
        self.used = 0

    def permit(self, key_id: str) -> "SharedPermit":
        """A permit to wait for and to hold; Overloaded and RateLimited as of an `Admission`."""
        return SharedPermit(self, key_id)

    async def take(self, key_id: str) -> int:
        """Wait for a permit of that key; `give_back` must follow."""
        self.waiting += 1
        try:
            permit = await self._office.take(self._engine, key_id)
        finally:
            self.waiting -= 1
        self.used += 1
        return permit

    def give_back(self, permit: int) -> None:
        """Let others have it."""
        self.used -= 1
        self._office.give_back(permit)


class SharedPermit:
    """What a request holds while it runs."""

    __slots__ = ("_admission", "_key_id", "_permit")

    def __init__(self, admission: SharedAdmission, key_id: str) -> None:
        self._admission = admission
        self._key_id = key_id
        self._permit = 0

    async def __aenter__(self) -> None:
        self._permit = await self._admission.take(self._key_id)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._admission.give_back(self._permit)
