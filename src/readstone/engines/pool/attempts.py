"""What was tried for one request, and whether one more try is safe and worth it."""

from collections.abc import Callable
from dataclasses import dataclass

from readstone.core.errors import EngineCrashed, EngineUnavailable, Overloaded, RequestError
from readstone.engines.pool.lane import Lane


@dataclass(frozen=True, slots=True)
class RetryRules:
    """How often a request is tried, on as many members.

    No try begins later than `seconds` after the first one. Before the second, up to `delay` seconds pass, left to
    chance so that the requests of a member that died do not fall upon the next one at once; twice as many before each
    further one.
    """

    attempts: int = 3
    seconds: float = 10.0
    delay: float = 0.1


class Attempts:
    """The tries of one request; `clock` gives seconds."""

    def __init__(self, rules: RetryRules, clock: Callable[[], float]) -> None:
        self.tried: list[Lane] = []
        """Where the request has been."""
        self._rules = rules
        self._clock = clock
        self._until = clock() + rules.seconds
        self._crashed = False

    def may_follow(self, error: RequestError) -> bool:
        """Whether another member may be asked after this error, which came before any event.

        It may where nothing was begun. A crash may have been the request's doing, so only one is followed.
        """
        match error:
            case EngineUnavailable() | Overloaded():
                pass
            case EngineCrashed() if not self._crashed:
                self._crashed = True
            case _:
                return False
        return len(self.tried) < self._rules.attempts and self._clock() < self._until

    def delay(self, chance: float) -> float:
        """Seconds to wait before the next try, never past the last moment for one."""
        most = self._rules.delay * 2.0 ** (len(self.tried) - 1)
        return min(most * chance, max(self._until - self._clock(), 0.0))
