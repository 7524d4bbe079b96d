"""Whatever happens in whatever order, a pool's counts are right."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeAlias

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from readstone.core.chat import ChatEvent, Finish
from readstone.core.engine import EngineState
from readstone.core.errors import (
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    InvalidRequest,
    Overloaded,
    RequestError,
)
from readstone.engines.fake import HELLO, FakeEngine, Step
from readstone.engines.pool.circuit import CircuitRules
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool, PoolRules
from unit.engines.pool.bench import REQUEST, Hand, fakes

ERRORS: list[type[RequestError]] = [
    EngineUnavailable,
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    InvalidRequest,
    Overloaded,
]
Begun: TypeAlias = asyncio.Task[ChatEvent | RequestError]
RULES = PoolRules(circuit=CircuitRules(failures=2, window=4))


class PoolMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.hand = Hand(chance=0.5)
        self.engines: list[FakeEngine] = []
        self.ceilings: list[int] = []
        self.pool: Pool | None = None
        self.running: list[AsyncGenerator[ChatEvent]] = []
        self.waiting: list[tuple[AsyncGenerator[ChatEvent], Begun]] = []

    @initialize(ceilings=st.lists(st.integers(1, 3), min_size=1, max_size=4))
    def build(self, ceilings: list[int]) -> None:
        self.engines = fakes(len(ceilings))
        self.ceilings = ceilings
        members = [Member(*pair) for pair in zip(self.engines, ceilings, strict=True)]
        self.pool = Pool("pool", members, RULES, self.hand.pace)

    @rule(index=st.integers(0, 3), errors=st.lists(st.sampled_from(ERRORS), max_size=3))
    def plan(self, index: int, errors: list[type[RequestError]]) -> None:
        """Have a member fail its next requests before their first event."""
        engine = self.engines[index % len(self.engines)]
        engine.scripts.clear()
        engine.scripts.extend((error(),) for error in errors)

    @rule(index=st.integers(0, 3), error=st.sampled_from(ERRORS))
    def plan_a_late_failure(self, index: int, error: type[RequestError]) -> None:
        steps: tuple[Step, ...] = (HELLO[0], error())
        self.engines[index % len(self.engines)].scripts.append(steps)

    @rule(index=st.integers(0, 3), state=st.sampled_from(["ready", "ready", "failed", "starting"]))
    def change(self, index: int, state: EngineState) -> None:
        self.engines[index % len(self.engines)].become(state)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.hand.now += seconds

    @rule()
    def begin(self) -> None:
        assert self.pool is not None
        events = self.pool.chat(REQUEST)
        room = any(
            engine.state == "ready" and engine.running < ceiling
            for engine, ceiling in zip(self.engines, self.ceilings, strict=True)
        )
        task = self.runner.get_loop().create_task(self.first(events))
        self.waiting.append((events, task))
        self.runner.run(self.settle())
        if not task.done():
            return  # it waits for a place
        if task.result() == HELLO[0]:
            assert room
        else:
            assert room or isinstance(task.result(), EngineUnavailable | Overloaded)

    @precondition(lambda self: self.waiting)
    @rule(index=st.integers(0, 11))
    def give_up(self, index: int) -> None:
        events, task = self.waiting.pop(index % len(self.waiting))
        self.runner.run(self.abandon(events, task))
        self.runner.run(self.settle())

    @precondition(lambda self: self.running)
    @rule(index=st.integers(0, 11))
    def finish(self, index: int) -> None:
        self.runner.run(self.rest(self.taken(index)))
        self.runner.run(self.settle())

    @precondition(lambda self: self.running)
    @rule(index=st.integers(0, 11))
    def close(self, index: int) -> None:
        self.runner.run(self.end(self.taken(index)))
        self.runner.run(self.settle())

    @precondition(lambda self: self.running)
    @rule(index=st.integers(0, 11))
    def leave_after_the_last_event(self, index: int) -> None:
        self.runner.run(self.leave(self.taken(index)))
        self.runner.run(self.settle())

    @invariant()
    def counts_are_those_of_the_requests_that_run(self) -> None:
        if self.pool is None:
            return
        counts = self.pool.outstanding
        assert counts == tuple(engine.running for engine in self.engines)
        assert sum(counts) == len(self.running)
        for count, ceiling in zip(counts, self.ceilings, strict=True):
            assert 0 <= count <= ceiling

    @invariant()
    def nobody_waits_for_what_never_comes(self) -> None:
        assert not self.waiting or self.running

    def teardown(self) -> None:
        """Whatever was: what is well and rested is asked again, up to its ceiling, and in the end nothing is left."""
        if self.pool is not None:
            self.runner.run(self.recover())
        self.runner.close()

    async def recover(self) -> None:
        assert self.pool is not None
        for events, task in self.waiting:
            await self.abandon(events, task)
        for engine in self.engines:
            engine.become("ready")
            engine.scripts.clear()
        self.hand.now += 1000
        free = self.pool.concurrency - len(self.running)
        answers = [self.pool.chat(REQUEST) for _ in range(free)]
        for events in answers:
            assert await anext(events) == HELLO[0]
        for events in [*answers, *self.running]:
            await events.aclose()
        assert set(self.pool.outstanding) == {0}

    async def settle(self) -> None:
        """Let every task go on until it waits; those that found a place run then."""
        for _ in range(80):
            await asyncio.sleep(0)
        for events, task in [*self.waiting]:
            if task.done():
                self.waiting.remove((events, task))
                if task.result() == HELLO[0]:
                    self.running.append(events)

    @staticmethod
    async def abandon(events: AsyncGenerator[ChatEvent], task: Begun) -> None:
        task.cancel()
        await asyncio.wait({task})
        await events.aclose()

    def taken(self, index: int) -> AsyncGenerator[ChatEvent]:
        """One of the answers that run, which from then on runs no more."""
        return self.running.pop(index % len(self.running))

    @staticmethod
    async def first(events: AsyncGenerator[ChatEvent]) -> ChatEvent | RequestError:
        try:
            return await anext(events)
        except RequestError as error:
            return error

    @staticmethod
    async def rest(events: AsyncGenerator[ChatEvent]) -> None:
        try:
            last = [event async for event in events][-1]
        except RequestError:
            return
        assert isinstance(last, Finish)

    @staticmethod
    async def end(events: AsyncGenerator[ChatEvent]) -> None:
        await events.aclose()

    @staticmethod
    async def leave(events: AsyncGenerator[ChatEvent]) -> None:
        try:
            async for event in events:
                if isinstance(event, Finish):
                    break
        except RequestError:
            return
        await events.aclose()


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=150, stateful_step_count=40)
