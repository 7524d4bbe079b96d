"""The pool: spreads requests over its members, leaves out those that fail, and tries another where that is safe."""

import asyncio
import hashlib
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from readstone.core.chat import ChatEvent, ChatRequest, Finish
from readstone.core.engine import EngineState
from readstone.core.errors import EngineFailed, EngineUnavailable, Overloaded, RequestError
from readstone.engines.pool.attempts import Attempts, RetryRules
from readstone.engines.pool.circuit import Circuit, CircuitRules
from readstone.engines.pool.lane import Call, Lane, Member

_SOON = 1.0
"""Seconds after which to ask again where nothing better is known."""


@dataclass(frozen=True, slots=True)
class PoolRules:
    """How a pool treats its members; `longest_peace` is the most of a member's Retry-After that is honoured, in seconds."""

    circuit: CircuitRules = field(default_factory=CircuitRules)
    retry: RetryRules = field(default_factory=RetryRules)
    longest_peace: float = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Where a pool gets its time (seconds), its chance (0 to 1) and its sleep from."""

    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Pool:
    """An engine made of engines, which are its own: it starts and stops them.

    Its members are expected to answer alike. A request goes to the one with the fewest requests among those that may
    be asked; where several have as few they take turns.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Member],
        rules: PoolRules | None = None,
        pace: Pace | None = None,
    ) -> None:
        if not members or any(member.concurrency < 1 for member in members):
            raise ValueError("A pool needs members, and each at least one request at once.")
        self._name = name
        self._rules = rules or PoolRules()
        self._pace = pace or Pace()
        self._lanes = [self._lane(member) for member in members]
        self._concurrency = sum(member.concurrency for member in members)
        self._turn = 0
        self._waiting = deque[asyncio.Future[None]]()
        self._stopped = False
        self._fingerprints: tuple[str, ...] = ()
        self._fingerprint = ""

    @property
    def name(self) -> str:
        """The pool's name in the configuration."""
        return self._name

    @property
    def concurrency(self) -> int:
        """How many requests its members take at once, together."""
        return self._concurrency

    @property
    def outstanding(self) -> tuple[int, ...]:
        """How many requests each member has now, in the order of configuration."""
        return tuple(lane.outstanding for lane in self._lanes)

    @property
    def lanes(self) -> Sequence[Lane]:
        """The way to each member, in the order of configuration."""
        return self._lanes

    @property
    def state(self) -> EngineState:
        """Ready where any member is; failed where every one is."""
        if self._stopped:
            return "stopped"
        states = {lane.engine.state for lane in self._lanes}
        for state in ("ready", "starting", "failed"):
            if state in states:
                return state
        return "stopped"

    @property
    def fingerprint(self) -> str:
        """The members' own where all have the same, else a digest of what they are."""
        fingerprints = tuple(lane.engine.fingerprint for lane in self._lanes)
        if fingerprints != self._fingerprints:
            self._fingerprints = fingerprints
            self._fingerprint = _fingerprint(fingerprints)
        return self._fingerprint

    async def start(self) -> None:
        """Begin to start every member."""
        for lane in self._lanes:
            await lane.engine.start()

    async def stop(self) -> None:
        """Stop every member, all at once; raises the first error when all have tried."""
        self._stopped = True
        self._pass_on()
        outcomes = await asyncio.gather(
            *(lane.engine.stop() for lane in self._lanes), return_exceptions=True
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """The events of one member; the Finish names it. Where members that are up have no place, one is waited for.

        Before the first event another member is asked where the error says that nothing was begun, or once where the
        member crashed; after it never. Raises what the last member asked raises, Overloaded where no member that is
        well takes a request now, and EngineUnavailable where none is well.
        """
        attempts, lane = await self._first()
        while True:
            call = self._begin(lane)
            attempts.tried.append(lane)
            try:
                async with aclosing(call.engine.chat(request)) as events:
                    async for event in events:
                        if isinstance(event, Finish):
                            yield call.finish(event)
                            return
                        if not call.is_begun:
                            call.begin()
                        yield event
                raise EngineFailed("The engine ended its answer without saying why.")
            except RequestError as error:
                call.fail(error)
                if call.is_begun or not attempts.may_follow(error):
                    raise
                failure = error
            finally:
                self._close(call)
            if self._choose(attempts) is not None:
                await self._pace.sleep(attempts.delay(self._pace.chance()))
            lane = self._admit(attempts, failure)

    async def _first(self) -> tuple[Attempts, Lane]:
        """The first lane to take, waited for as long as there is no place and some will come; raises as `_admit`.

        While a member is out, more requests may be let in than the others take.
        """
        while self._must_wait:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                while self._must_wait and not turn.done():
                    # A member that comes back tells nobody, so one looks from time to time.
                    await asyncio.wait({turn}, timeout=_SOON)
            except asyncio.CancelledError:
                if not turn.cancel():
                    self._pass_on()  # it had its turn already
                raise
            turn.cancel()
        attempts = Attempts(self._rules.retry, self._pace.clock)
        try:
            return attempts, self._admit(attempts, None)
        except RequestError:
            self._pass_on()
            raise

    def _begin(self, lane: Lane) -> Call:
        call = Call(lane)
        self._pass_on()
        return call

    def _close(self, call: Call) -> None:
        call.close()
        self._pass_on()

    @property
    def _must_wait(self) -> bool:
        if self._stopped or any(lane.is_open for lane in self._lanes):
            return False
        return any(lane.is_only_full for lane in self._lanes)

    def _pass_on(self) -> None:
        """Let the next that waits look again, where it need not wait any more."""
        while self._waiting and not self._must_wait:
            turn = self._waiting.popleft()
            if not turn.done():  # else its request was given up
                turn.set_result(None)
                return

    def _admit(self, attempts: Attempts, failure: RequestError | None) -> Lane:
        """The lane to take; where there is none, raises why, which is the failure before where that says it best."""
        chosen = self._choose(attempts)
        if chosen is not None:
            self._turn = (chosen + 1) % len(self._lanes)
            return self._lanes[chosen]
        if failure is not None and not isinstance(failure, Overloaded):
            raise failure
        well = [lane for lane in self._lanes if lane.is_well and not self._stopped]
        if well:
            raise Overloaded(
                "No engine of this model takes a request now. Try again in a moment.",
                retry_after=min(lane.peace or _SOON for lane in well),
            ) from failure
        if failure is not None:
            raise failure
        rests = [lane.circuit.rest for lane in self._lanes if lane.circuit.rest > 0.0]
        raise EngineUnavailable(
            "No engine of this model is up. Try again in a moment.",
            retry_after=min(rests, default=_SOON),
        )

    def _choose(self, attempts: Attempts) -> int | None:
        """The lane that does least of those that may be asked and were not; on a tie the one whose turn it is."""
        if self._stopped:
            return None
        count = len(self._lanes)
        turns = [(self._turn + offset) % count for offset in range(count)]
        free = [
            index
            for index in turns
            if self._lanes[index].is_open and self._lanes[index] not in attempts.tried
        ]
        return min(free, key=lambda index: self._lanes[index].outstanding, default=None)

    def _lane(self, member: Member) -> Lane:
        pace = self._pace
        circuit = Circuit(member.engine.name, self._rules.circuit, pace.clock, pace.chance)
        return Lane(member, circuit, self._rules.longest_peace, pace.clock)


def _fingerprint(fingerprints: tuple[str, ...]) -> str:
    """What names all of them; the order does not matter."""
    different = sorted(set(fingerprints))
    if len(different) == 1:
        return different[0]
    return f"pool-{hashlib.sha256(chr(0).join(different).encode()).hexdigest()[:12]}"
