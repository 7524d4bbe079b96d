import asyncio
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import pytest

from readstone.core.chat import Finish, TextDelta
from readstone.core.engine import EngineState
from readstone.core.errors import (
    ContextTooLong,
    EngineCrashed,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    InvalidRequest,
    Overloaded,
    RateLimited,
    RequestError,
)
from readstone.engines.fake import HELLO, FakeEngine, Step
from readstone.engines.pool.attempts import RetryRules
from readstone.engines.pool.circuit import CircuitRules
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool, PoolRules
from unit.engines.pool.bench import REQUEST, Hand, ask, asked, fakes, pool_of

ONE_FAILURE = PoolRules(circuit=CircuitRules(failures=1, first_rest=4.0))


def hang() -> tuple[Step, ...]:
    return (HELLO[0], asyncio.Event())


async def test_the_answer_is_a_members_and_says_whose() -> None:
    *deltas, finish = await ask(pool_of(fakes(1)))

    assert deltas == [*HELLO[:2]]
    assert isinstance(finish, Finish)
    assert isinstance(HELLO[2], Finish)
    assert finish == replace(HELLO[2], engine="a")


async def test_who_answered_behind_a_member_is_told_as_the_member_told_it() -> None:
    (engine,) = engines = fakes(1)
    assert isinstance(HELLO[2], Finish)
    engine.scripts.append((replace(HELLO[2], engine="inner"),))

    assert await ask(pool_of(engines)) == [replace(HELLO[2], engine="inner")]


async def test_members_that_do_as_little_take_turns() -> None:
    engines = fakes(3)
    pool = pool_of(engines)

    counts = [asked(engines)]
    for _ in range(6):
        await ask(pool)
        counts.append(asked(engines))

    turns = [
        "abc"[[b - a for a, b in zip(before, after, strict=True)].index(1)]
        for before, after in pairwise(counts)
    ]
    assert turns == ["a", "b", "c", "a", "b", "c"]


async def test_a_request_goes_to_who_has_the_fewest() -> None:
    engines = fakes(3)
    engines[0].scripts.append(hang())
    engines[2].scripts.append(hang())
    pool = pool_of(engines)
    async with aclosing(pool.chat(REQUEST)) as first, aclosing(pool.chat(REQUEST)) as third:
        await anext(first)
        await ask(pool)
        await anext(third)

        for _ in range(3):
            await ask(pool)

    assert asked(engines) == [1, 4, 1]


@pytest.mark.parametrize("state", ["starting", "failed", "stopped"])
async def test_only_members_that_are_ready_are_asked(state: EngineState) -> None:
    engines = fakes(2)
    engines[0].become(state)
    pool = pool_of(engines)

    for _ in range(3):
        await ask(pool)

    assert asked(engines) == [0, 3]


async def test_where_no_member_is_ready_the_pool_is_unavailable() -> None:
    engines = fakes(2)
    for engine in engines:
        engine.become("failed")

    with pytest.raises(EngineUnavailable) as refusal:
        await ask(pool_of(engines))

    assert refusal.value.retry_after == 1.0


@pytest.mark.parametrize("error", [EngineUnavailable("x"), Overloaded("x"), EngineCrashed("x")])
async def test_before_the_first_event_another_member_is_asked(error: RequestError) -> None:
    engines = fakes(2)
    engines[0].scripts.append((error,))
    hand = Hand(chance=0.5)

    events = await ask(pool_of(engines, hand))

    assert isinstance(events[-1], Finish)
    assert asked(engines) == [1, 1]
    assert hand.slept == [0.05]


@pytest.mark.parametrize("error", [EngineUnavailable("x"), Overloaded("x"), EngineCrashed("x")])
async def test_after_the_first_event_nobody_else_is_asked(error: RequestError) -> None:
    engines = fakes(2)
    engines[0].scripts.append((HELLO[0], error))

    with pytest.raises(type(error)):
        await ask(pool_of(engines))

    assert asked(engines) == [1, 0]


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("x"),
        ContextTooLong("x"),
        RateLimited("x"),
        EngineFailed("x"),
        EngineTimeout("x"),
    ],
)
async def test_what_may_have_been_begun_or_is_the_requests_own_fault_is_not_repeated(
    error: RequestError,
) -> None:
    engines = fakes(2)
    engines[0].scripts.append((error,))

    with pytest.raises(type(error)):
        await ask(pool_of(engines))

    assert asked(engines) == [1, 0]


async def test_a_request_that_crashed_two_members_does_not_get_a_third() -> None:
    engines = fakes(3)
    for engine in engines:
        engine.scripts.append((EngineCrashed("x"),))

    with pytest.raises(EngineCrashed):
        await ask(pool_of(engines))

    assert asked(engines) == [1, 1, 0]


async def test_no_member_is_asked_twice_for_one_request() -> None:
    engines = fakes(2)
    for engine in engines:
        engine.scripts.append((EngineUnavailable("x"),))
    hand = Hand()

    with pytest.raises(EngineUnavailable):
        await ask(pool_of(engines, hand))

    assert asked(engines) == [1, 1]
    assert hand.slept == [0.1]


async def test_tries_are_few_and_further_apart_each_time() -> None:
    engines = fakes(5)
    for engine in engines:
        engine.scripts.append((EngineUnavailable("x"),))
    hand = Hand()

    with pytest.raises(EngineUnavailable):
        await ask(pool_of(engines, hand))

    assert asked(engines) == [1, 1, 1, 0, 0]
    assert hand.slept == [0.1, 0.2]


async def test_no_try_begins_when_the_time_for_it_is_over() -> None:
    engines = fakes(3)
    for engine in engines:
        engine.scripts.append((EngineUnavailable("x"),))
    hand = Hand()
    rules = PoolRules(retry=RetryRules(attempts=3, seconds=1.5, delay=2.0))

    with pytest.raises(EngineUnavailable):
        await ask(pool_of(engines, hand, rules))

    assert asked(engines) == [1, 1, 0]
    assert hand.slept == [1.5]


async def test_the_error_of_a_member_is_told_where_nobody_else_can_be_asked() -> None:
    engines = fakes(2)
    engines[1].become("failed")
    engines[0].scripts.append((EngineUnavailable("Try later.", retry_after=7),))
    hand = Hand()

    with pytest.raises(EngineUnavailable) as failure:
        await ask(pool_of(engines, hand))

    assert (failure.value.message, failure.value.retry_after) == ("Try later.", 7)
    assert hand.slept == []


@pytest.mark.parametrize("failure", [Overloaded, EngineUnavailable])
async def test_a_member_that_says_when_to_ask_again_is_left_in_peace_as_long(
    failure: type[Overloaded | EngineUnavailable],
) -> None:
    engines = fakes(2)
    engines[0].scripts.append((failure("x", retry_after=5),))
    hand = Hand(chance=0.0)
    pool = pool_of(engines, hand)

    for _ in range(3):
        await ask(pool)
    assert asked(engines) == [1, 3]
    hand.now += 5
    await ask(pool)

    assert asked(engines) == [2, 3]


async def test_one_that_cannot_be_reached_and_says_nothing_is_asked_again_at_once() -> None:
    engines = fakes(1)
    engines[0].scripts.append((EngineUnavailable("x"),))
    pool = pool_of(engines)
    with pytest.raises(EngineUnavailable):
        await ask(pool)

    await ask(pool)

    assert asked(engines) == [2]


async def test_no_member_is_left_in_peace_for_longer_than_the_cap() -> None:
    engines = fakes(1)
    engines[0].scripts.append((Overloaded("x", retry_after=86400),))
    hand = Hand()
    pool = pool_of(engines, hand)

    with pytest.raises(Overloaded) as refusal:
        await ask(pool)
    assert refusal.value.retry_after == 60
    hand.now += 60
    await ask(pool)

    assert asked(engines) == [2]


async def test_full_members_never_open_their_circuit() -> None:
    engines = fakes(1)
    engines[0].scripts.extend([(Overloaded("x", retry_after=1),)] * 10)
    hand = Hand()
    pool = pool_of(engines, hand, ONE_FAILURE)

    for _ in range(10):
        with pytest.raises(Overloaded):
            await ask(pool)
        hand.now += 1

    await ask(pool)


async def test_where_all_are_full_the_soonest_is_waited_for() -> None:
    engines = fakes(2)
    engines[0].scripts.append((Overloaded("x", retry_after=30),))
    engines[1].scripts.append((Overloaded("x", retry_after=8),))
    hand = Hand(chance=0.0)

    with pytest.raises(Overloaded) as refusal:
        await ask(pool_of(engines, hand))

    assert refusal.value.retry_after == 8


async def test_a_probe_that_meets_a_full_member_says_so() -> None:
    engines = fakes(1)
    engines[0].scripts.extend([(EngineFailed("x"),), (Overloaded("Full.", retry_after=9),)])
    hand = Hand()
    pool = pool_of(engines, hand, ONE_FAILURE)
    with pytest.raises(EngineFailed):
        await ask(pool)
    hand.now += 4

    with pytest.raises(Overloaded, match="Full") as refusal:
        await ask(pool)

    assert refusal.value.retry_after == 9


@pytest.mark.parametrize(
    "error", [EngineFailed("x"), EngineTimeout("x"), EngineCrashed("x"), EngineUnavailable("x")]
)
async def test_a_member_that_fails_is_left_out_until_a_probe_succeeds(error: RequestError) -> None:
    engines = fakes(2)
    engines[0].scripts.append((HELLO[0], error))
    hand = Hand()
    pool = pool_of(engines, hand, ONE_FAILURE)
    with pytest.raises(type(error)):
        await ask(pool)

    for _ in range(3):
        await ask(pool)
    assert asked(engines) == [1, 3]
    hand.now += 4
    await ask(pool)
    await ask(pool)

    assert asked(engines) == [2, 4]


@pytest.mark.parametrize("error", [InvalidRequest("x"), ContextTooLong("x"), RateLimited("x")])
async def test_what_is_the_requests_own_fault_never_counts(error: RequestError) -> None:
    engines = fakes(1)
    engines[0].scripts.extend([(error,)] * 20)
    pool = pool_of(engines, rules=ONE_FAILURE)

    for _ in range(20):
        with pytest.raises(type(error)):
            await ask(pool)

    await ask(pool)


async def test_only_one_request_probes_and_the_others_go_elsewhere() -> None:
    engines = fakes(2)
    gate = asyncio.Event()
    engines[0].scripts.extend([(EngineFailed("x"),), (gate, *HELLO)])
    hand = Hand()
    pool = pool_of(engines, hand, ONE_FAILURE)
    with pytest.raises(EngineFailed):
        await ask(pool)
    hand.now += 4
    engines[0].begun.clear()
    await ask(pool)
    probe = asyncio.create_task(ask(pool))
    await engines[0].begun.wait()

    for _ in range(3):
        await ask(pool)
    assert asked(engines) == [2, 4]
    gate.set()
    await probe
    await ask(pool)

    assert asked(engines) == [3, 4]


async def test_where_every_circuit_is_open_it_is_told_when_the_next_probe_is_due() -> None:
    engines = fakes(2)
    for engine in engines:
        engine.scripts.append((EngineFailed("x"),))
    hand = Hand()
    pool = pool_of(engines, hand, ONE_FAILURE)
    for _ in engines:
        with pytest.raises(EngineFailed):
            await ask(pool)
        hand.now += 1

    with pytest.raises(EngineUnavailable) as refusal:
        await ask(pool)

    assert refusal.value.retry_after == 2.0
    assert pool.state == "ready"


async def test_an_answer_without_an_end_is_a_failure() -> None:
    engines = fakes(2)
    engines[0].scripts.append((HELLO[0],))
    pool = pool_of(engines, rules=ONE_FAILURE)

    with pytest.raises(EngineFailed):
        await ask(pool)
    await ask(pool)
    await ask(pool)

    assert asked(engines) == [1, 2]


async def test_closing_an_answer_closes_the_members_and_frees_its_place() -> None:
    engines = fakes(1)
    engines[0].scripts.append(hang())
    pool = pool_of(engines, concurrency=1)
    events = pool.chat(REQUEST)
    assert await anext(events) == HELLO[0]
    assert engines[0].running == 1

    await events.aclose()

    assert engines[0].running == 0
    await ask(pool)


async def test_cancelling_before_the_first_event_frees_the_place_and_leaves_the_circuit() -> None:
    engines = fakes(1)
    engines[0].scripts.extend([(asyncio.Event(),)] * 3)
    pool = pool_of(engines, rules=ONE_FAILURE, concurrency=1)

    for _ in range(3):
        engines[0].begun.clear()
        task = asyncio.create_task(ask(pool))
        await engines[0].begun.wait()
        task.cancel()
        await asyncio.wait({task})
        assert engines[0].running == 0

    await ask(pool)


async def test_a_probe_that_is_cancelled_leaves_its_turn_to_the_next() -> None:
    engines = fakes(1)
    engines[0].scripts.extend([(EngineFailed("x"),), (asyncio.Event(),)])
    hand = Hand()
    pool = pool_of(engines, hand, ONE_FAILURE)
    with pytest.raises(EngineFailed):
        await ask(pool)
    hand.now += 4
    engines[0].begun.clear()
    task = asyncio.create_task(ask(pool))
    await engines[0].begun.wait()
    task.cancel()
    await asyncio.wait({task})

    await ask(pool)


async def test_a_request_that_waits_to_be_tried_again_holds_no_place() -> None:
    engines = fakes(2)
    engines[0].scripts.append((EngineUnavailable("x"),))
    waiting = asyncio.Event()

    async def sleep(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    pace = replace(Hand().pace, sleep=sleep)
    pool = Pool("pool", [Member(engine, 1) for engine in engines], pace=pace)
    task = asyncio.create_task(ask(pool))
    await waiting.wait()

    assert [engine.running for engine in engines] == [0, 0]
    await ask(pool)
    await ask(pool)
    task.cancel()
    await asyncio.wait({task})


async def test_a_request_whose_next_member_was_taken_in_the_meantime_fails_with_its_error() -> None:
    engines = fakes(2)
    engines[0].scripts.append((EngineUnavailable("First."),))

    async def sleep(_: float) -> None:
        engines[1].become("failed")

    pace = replace(Hand().pace, sleep=sleep)
    pool = Pool("pool", [Member(engine, 1) for engine in engines], pace=pace)

    with pytest.raises(EngineUnavailable, match="First"):
        await ask(pool)

    assert asked(engines) == [1, 0]


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("failed", "ready", "starting"), "ready"),
        (("failed", "starting", "stopped"), "starting"),
        (("failed", "failed"), "failed"),
        (("failed", "stopped"), "failed"),
        (("stopped", "stopped"), "stopped"),
    ],
)
def test_its_state_is_that_of_the_best_member(
    states: tuple[EngineState, ...], state: EngineState
) -> None:
    engines = fakes(len(states))
    for engine, each in zip(engines, states, strict=True):
        engine.become(each)

    assert pool_of(engines).state == state


async def test_it_starts_and_stops_its_members() -> None:
    engines = [FakeEngine(name="a"), FakeEngine(name="b")]
    pool = pool_of(engines)
    assert pool.state == "starting"

    await pool.start()
    assert [engine.state for engine in engines] == ["ready", "ready"]
    await pool.stop()

    assert [engine.state for engine in engines] == ["stopped", "stopped"]
    assert pool.state == "stopped"


async def test_a_stopped_pool_takes_nothing() -> None:
    engines = fakes(1)
    pool = pool_of(engines)
    await pool.stop()
    engines[0].become("ready")

    with pytest.raises(EngineUnavailable):
        await ask(pool)


class Stubborn(FakeEngine):
    """An engine that cannot be stopped."""

    async def stop(self) -> None:
        await super().stop()
        raise OSError("It will not.")


async def test_every_member_is_stopped_although_one_cannot_be() -> None:
    engines = [Stubborn(name="a"), FakeEngine(name="b")]

    with pytest.raises(OSError, match="will not"):
        await pool_of(engines).stop()

    assert engines[1].state == "stopped"


def test_members_that_are_the_same_give_the_pool_their_fingerprint() -> None:
    twins = [FakeEngine(name="a"), FakeEngine(name="a")]

    assert pool_of(twins).fingerprint == "a-fingerprint"


def test_members_that_differ_give_it_one_of_its_own_whatever_their_order() -> None:
    one, two, three = fakes(3)

    fingerprint = pool_of([one, two]).fingerprint

    assert fingerprint.startswith("pool-")
    assert pool_of([two, one]).fingerprint == fingerprint
    assert pool_of([one, three]).fingerprint != fingerprint


@pytest.mark.parametrize("members", [[], [Member(FakeEngine(), 0)]])
def test_a_pool_needs_members_that_take_requests(members: list[Member]) -> None:
    with pytest.raises(ValueError, match="needs members"):
        Pool("pool", members)


async def test_an_error_while_an_answer_is_closed_after_its_end_does_not_count() -> None:
    engines = fakes(1)
    assert isinstance(HELLO[2], Finish)
    pool = pool_of(engines, rules=ONE_FAILURE, concurrency=1)
    engines[0].scripts.append((TextDelta("x", 1), HELLO[2], EngineFailed("Too late.")))

    await ask(pool)

    assert isinstance((await ask(pool))[-1], Finish)
