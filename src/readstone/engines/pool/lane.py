"""A member of a pool at work: how much it does, whether it may be asked, and each call to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from readstone.core.chat import Finish
from readstone.core.engine import Engine
from readstone.core.errors import (
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    Overloaded,
    RequestError,
)
from readstone.engines.pool.circuit import Circuit

_UNTOLD = 1.0
"""Seconds to wait that an unavailable engine is said to ask for where it did not say anything."""


@dataclass(frozen=True, slots=True)
class Member:
    """One engine of a pool and how many requests it takes at once."""

    engine: Engine
    concurrency: int


class Lane:
    """The way to one member.

    A member that says when to come back is left in peace until then, `longest_peace` seconds at most.
    """

    def __init__(
        self, member: Member, circuit: Circuit, longest_peace: float, clock: Callable[[], float]
    ) -> None:
        self.engine = member.engine
        self.circuit = circuit
        self.outstanding = 0
        """Requests at the member now."""
        self._concurrency = member.concurrency
        self._longest_peace = longest_peace
        self._clock = clock
        self._peace = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the member may be asked now."""
        return self.outstanding < self._concurrency and self._is_willing

    @property
    def is_only_full(self) -> bool:
        """Whether the member may be asked as soon as one of its requests is over."""
        return self.outstanding >= self._concurrency and self._is_willing

    @property
    def _is_willing(self) -> bool:
        return self.engine.state == "ready" and self.circuit.admits and self._clock() >= self._peace

    @property
    def is_well(self) -> bool:
        """Whether the member is up and does not fail; it may be full, or want to be left in peace."""
        return self.engine.state == "ready" and self.circuit.is_closed

    @property
    def peace(self) -> float:
        """Seconds for which it is to be left in peace."""
        return max(self._peace - self._clock(), 0.0)

    def leave_in_peace(self, seconds: float) -> None:
        """Send it nothing for that long."""
        self._peace = self._clock() + min(max(seconds, 0.0), self._longest_peace)


class Call:
    """One request at one member, from the moment it is chosen until `close`, which frees its place."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._ticket = lane.circuit.enter()
        self._settled = False
        self.is_begun = False
        """Whether an event came."""
        lane.outstanding += 1

    @property
    def engine(self) -> Engine:
        """Who is asked."""
        return self._lane.engine

    def begin(self) -> None:
        """Note that the first event came."""
        self.is_begun = True
        self._lane.circuit.answered(self._ticket)

    def finish(self, event: Finish) -> Finish:
        """Note the last event; the event, which names the member."""
        self.is_begun = self._settled = True
        self._lane.circuit.succeeded(self._ticket)
        return event if event.engine else replace(event, engine=self.engine.name)

    def fail(self, error: RequestError) -> None:
        """Note an error: one of the member's counts against it, one of the request's does not."""
        match error:
            case Overloaded(retry_after=seconds):
                self._lane.leave_in_peace(seconds)
                return
            case EngineUnavailable(retry_after=seconds) if seconds > _UNTOLD:
                self._lane.leave_in_peace(seconds)
            case EngineFailed() | EngineTimeout():
                pass
            case _:
                return
        if not self._settled:
            self._settled = True
            self._lane.circuit.failed(self._ticket)

    def close(self) -> None:
        """Free its place."""
        self._lane.outstanding -= 1
        if not self._settled:
            self._lane.circuit.abandoned(self._ticket)
