"""A circuit: keeps requests from what keeps failing, and lets one at a time find out whether it is well again."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from readstone.telemetry import log, log_trouble

_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """When a circuit opens and for how long.

    It opens after `failures` in a row, or where of the last `window` requests a share of `rate` (0 to 1) failed. It
    rests `first_rest` seconds, twice as long each time a probe fails, `longest_rest` at most; of every rest up to half is
    left to chance, so that several servers do not probe at once.
    """

    failures: int = 5
    window: int = 50
    rate: float = 0.5
    first_rest: float = 1.0
    longest_rest: float = 60.0


class Circuit:
    """Closed: requests pass. Open: none do. When its rest is over one may pass as a probe, which decides.

    Each request that passes takes a ticket, by which its outcome is told. What was sent before the circuit last
    opened says nothing about now, so its outcome is not counted. `clock` gives seconds, `chance` 0 to 1.
    """

    def __init__(
        self,
        name: str,
        rules: CircuitRules,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._name = name
        self._rules = rules
        self._clock = clock
        self._chance = chance
        self._until: float | None = None
        self._probing = False
        self._era = 0
        self._in_a_row = 0
        self._recent = deque[bool](maxlen=rules.window)
        self._openings = 0

    @property
    def is_closed(self) -> bool:
        """Whether every request passes."""
        return self._until is None

    @property
    def admits(self) -> bool:
        """Whether a request passes now."""
        return self._until is None or (not self._probing and self._clock() >= self._until)

    @property
    def rest(self) -> float:
        """Seconds until a probe may pass; 0 where one may, or is under way, or the circuit is closed."""
        return 0.0 if self._until is None else max(self._until - self._clock(), 0.0)

    def enter(self) -> int:
        """Let a request pass; only where `admits` says so. Its ticket is good for one outcome."""
        self._probing = self._until is not None
        return self._era

    def answered(self, ticket: int) -> None:
        """The request's first event came: a probe need not have ended for others to pass.

        Until a request has ended well, one failure is enough to open the circuit again.
        """
        if ticket != self._era or self._until is None:
            return
        self._until = None
        self._probing = False
        self._recent.clear()
        self._in_a_row = self._rules.failures - 1
        log("engine circuit closed", engine=self._name)

    def succeeded(self, ticket: int) -> None:
        """The request ended well."""
        self.answered(ticket)
        if ticket == self._era:
            self._in_a_row = 0
            self._openings = 0
            self._recent.append(False)

    def failed(self, ticket: int) -> None:
        """The request failed, and not by its own fault."""
        if ticket != self._era:
            return
        self._in_a_row += 1
        self._recent.append(True)
        if self._until is not None or self._in_a_row >= self._rules.failures or self._is_ill:
            self._open()

    def abandoned(self, ticket: int) -> None:
        """The request ended without telling anything about what it was sent to."""
        if ticket == self._era:
            self._probing = False

    @property
    def _is_ill(self) -> bool:
        recent = self._recent
        full = len(recent) == recent.maxlen
        return full and recent.count(True) >= self._rules.rate * len(recent)

    def _open(self) -> None:
        doubled = self._rules.first_rest * 2.0 ** min(self._openings, _MOST_DOUBLINGS)
        rest = min(doubled, self._rules.longest_rest) * (1.0 + self._chance()) / 2.0
        self._until = self._clock() + rest
        self._probing = False
        self._era += 1
        self._openings += 1
        log_trouble("engine circuit opened", engine=self._name, seconds=round(rest, 3))
