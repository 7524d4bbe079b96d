"""Requests that find every place of a pool taken: they wait for one, in turn, for as long as there will be any."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from readstone.core.chat import ChatEvent
from readstone.core.errors import EngineUnavailable
from readstone.engines.fake import HELLO, FakeEngine, Step
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool
from unit.engines.pool.bench import REQUEST, ask, asked, fakes


def hang() -> tuple[Step, ...]:
    return (HELLO[0], asyncio.Event())


async def begun(pool: Pool, number: int) -> list[AsyncGenerator[ChatEvent]]:
    """So many answers of the pool that have begun."""
    running = [pool.chat(REQUEST) for _ in range(number)]
    for events in running:
        await anext(events)
    return running


async def settled() -> None:
    """Let every task go on until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def full(
    engine: FakeEngine,
) -> tuple[Pool, AsyncGenerator[ChatEvent], list[asyncio.Task[list[ChatEvent]]]]:
    """A pool of one place, the answer that has it, and two requests that wait for it."""
    engine.scripts.append(hang())
    pool = Pool("pool", [Member(engine, 1)])
    (running,) = await begun(pool, 1)
    waiting = [asyncio.create_task(ask(pool)) for _ in range(2)]
    await settled()
    return pool, running, waiting


async def test_a_member_gets_no_more_at_once_than_its_ceiling_and_others_wait_in_turn() -> None:
    engines = fakes(2)
    engines[0].scripts.append(hang())
    engines[1].scripts.extend([hang()] * 3)
    pool = Pool("pool", [Member(engines[0], 1), Member(engines[1], 3)])
    running = await begun(pool, 4)
    waiting = [asyncio.create_task(ask(pool)) for _ in range(3)]
    await settled()

    assert asked(engines) == [1, 3]
    assert pool.concurrency == 4
    await running[2].aclose()
    for answer in waiting:
        await answer
    assert asked(engines) == [1, 6]
    for events in running:
        await events.aclose()


async def test_places_go_to_those_that_wait_in_the_order_they_came() -> None:
    engines = fakes(2)
    for engine in engines:
        engine.scripts.append(hang())
    pool = Pool("pool", [Member(engine, 1) for engine in engines])
    running = await begun(pool, 2)
    order = list[int]()

    async def wait(number: int) -> None:
        await ask(pool)
        order.append(number)

    waiting = [asyncio.create_task(wait(number)) for number in range(5)]
    await settled()
    for events in running:
        await events.aclose()
    await asyncio.wait(waiting)

    assert order == [0, 1, 2, 3, 4]


async def test_while_a_member_is_out_the_requests_that_were_let_in_for_it_wait() -> None:
    engines = fakes(2)
    engines[0].scripts.extend([hang(), hang()])
    engines[1].become("failed")
    pool = Pool("pool", [Member(engine, 1) for engine in engines])
    (running,) = await begun(pool, 1)
    waiting = [asyncio.create_task(ask(pool)) for _ in range(3)]
    await settled()
    waiting[0].cancel()
    engines[1].become("ready")
    await ask(pool)  # which finds a place, and so do those that wait
    await asyncio.wait(waiting)

    assert waiting[0].cancelled()
    assert [answer.done() for answer in waiting[1:]] == [True, True]
    assert asked(engines) == [1, 3]
    await running.aclose()


async def test_who_waits_is_told_when_nobody_is_left_to_wait_for() -> None:
    (engine,) = fakes(1)
    _, running, waiting = await full(engine)
    engine.become("failed")
    await running.aclose()

    for answer in waiting:
        with pytest.raises(EngineUnavailable, match="No engine of this model is up"):
            await answer


async def test_who_waits_is_told_when_the_pool_stops() -> None:
    (engine,) = fakes(1)
    pool, running, waiting = await full(engine)
    await pool.stop()

    for answer in waiting:
        with pytest.raises(EngineUnavailable):
            await answer
    await running.aclose()
