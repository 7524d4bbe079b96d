"""What every kind of counters promises."""

import asyncio
import itertools
import os
import random
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from pathlib import Path

import pytest

from readstone.serving.limits.counters import (
    Charge,
    Counters,
    CountersFailed,
    Level,
    Refused,
    Taken,
    Unknown,
)
from readstone.serving.limits.memory import MemoryCounters
from readstone.serving.limits.redis import RedisCounters
from readstone.serving.limits.rules import Calendar, Lease, Rule, Sliding
from readstone.serving.limits.shared import SharedCounters, make_memory
from redis_server import RedisServer, started_redis

NOON = 1_795_262_400.0
"""21 November 2026, 12:00 UTC."""
DAY = 86_400
DATABASES = itertools.count()

REQUESTS = Rule("alice", None, "requests", 100, Sliding(60), "readstone:{alice}:requests")
TOKENS = Rule("alice", None, "tokens", 1000, Sliding(60), "readstone:{alice}:tokens")
RUNNING = Rule("alice", None, "running", 2, Lease(600), "readstone:{alice}:running")
PAGES = Rule("alice", None, "pages", 10, Calendar("day"), "readstone:{alice}:pages")
COST = Rule("alice", None, "cost", 5_000_000, Calendar("month"), "readstone:{alice}:cost")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def redis() -> Generator[RedisServer]:
    with started_redis() as started:
        yield started


@pytest.fixture(params=["memory", "shared", "redis"])
async def counters(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Counters]:
    found: Counters = MemoryCounters(clock)
    if request.param == "shared":
        memory = make_memory(slots=64)
        found = SharedCounters(memory, 0, clock)
        os.close(memory)
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis")
        found = RedisCounters(f"{server.url}?db={next(DATABASES)}", clock=clock)
    yield found
    await found.close()


async def taken(counters: Counters, *charges: Charge) -> Taken:
    outcome = await counters.take(charges, {})
    assert isinstance(outcome, Taken)
    return outcome


async def refused(counters: Counters, *charges: Charge) -> Refused:
    outcome = await counters.take(charges, {})
    assert isinstance(outcome, Refused)
    return outcome


async def used(counters: Counters, rule: Rule) -> int:
    outcome = await taken(counters, Charge(rule, 0))
    return outcome.levels[0].used


async def test_of_many_at_once_exactly_as_many_pass_as_may(counters: Counters) -> None:
    outcomes = await asyncio.gather(*(counters.take([Charge(REQUESTS, 1)]) for _ in range(300)))

    assert sum(isinstance(outcome, Taken) for outcome in outcomes) == 100
    assert await used(counters, REQUESTS) == 100


async def test_a_request_is_charged_whole_or_not_at_all(counters: Counters) -> None:
    await taken(counters, Charge(TOKENS, 950))

    outcome = await refused(counters, Charge(REQUESTS, 1), Charge(TOKENS, 51))

    assert outcome.index == 1
    assert list(outcome.levels) == [Level(0, 0.0), Level(950, 61.0)]
    assert await used(counters, REQUESTS) == 0
    await taken(counters, Charge(REQUESTS, 1), Charge(TOKENS, 50))


async def test_it_passes_after_the_wait_that_was_told_and_not_before(
    counters: Counters, clock: Clock
) -> None:
    await taken(counters, Charge(TOKENS, 400))
    clock.now += 10.25
    await taken(counters, Charge(TOKENS, 300))
    clock.now += 10.25
    await taken(counters, Charge(TOKENS, 300))

    outcome = await refused(counters, Charge(TOKENS, 500))

    assert outcome.wait == pytest.approx(NOON + 10 + 61 - clock.now)
    clock.now += (outcome.wait or 0) - 0.01
    await refused(counters, Charge(TOKENS, 500))
    clock.now += 0.01
    await taken(counters, Charge(TOKENS, 500))


async def test_who_only_looks_does_not_keep_anything_counted_for_longer(
    counters: Counters, clock: Clock
) -> None:
    await taken(counters, Charge(TOKENS, 400))
    clock.now += 30
    await used(counters, TOKENS)
    outcome = await taken(counters, Charge(TOKENS, 0))

    assert list(outcome.levels) == [Level(400, 31.0)]
    clock.now += 31
    assert await used(counters, TOKENS) == 0


async def test_whoever_leaves_while_it_is_charged_is_charged_nothing(counters: Counters) -> None:
    completed = 0
    for turns in (*range(60), *range(60), *range(60)):
        await used(counters, TOKENS)  # so that there is a connection
        asking = asyncio.ensure_future(counters.take([Charge(TOKENS, 1)], {}))
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        (outcome,) = await asyncio.gather(asking, return_exceptions=True)
        completed += isinstance(outcome, Taken)
    assert await used(counters, TOKENS) == completed


async def test_no_minute_ever_holds_more_than_the_limit(counters: Counters, clock: Clock) -> None:
    chance = random.Random(7)
    passed: list[tuple[float, int]] = []
    for _ in range(400):
        clock.now += chance.random() * 3
        amount = chance.randrange(1, 200)
        if isinstance(await counters.take([Charge(TOKENS, amount)]), Taken):
            passed.append((clock.now, amount))

    for at, _ in passed:
        assert sum(amount for other, amount in passed if at - 60 < other <= at) <= 1000
    assert sum(amount for _, amount in passed) > 1000 * (clock.now - NOON) / 61 * 0.8


async def test_what_was_not_used_is_given_back(counters: Counters, clock: Clock) -> None:
    charge = await taken(counters, Charge(TOKENS, 900), Charge(REQUESTS, 1))
    clock.now += 5
    await taken(counters, Charge(TOKENS, 100))

    await counters.correct(charge.at, [Charge(TOKENS, -700)])

    assert await used(counters, TOKENS) == 300
    assert await used(counters, REQUESTS) == 1
    clock.now = NOON + 61
    assert await used(counters, TOKENS) == 100


async def test_what_is_given_back_too_late_is_forgotten_already(
    counters: Counters, clock: Clock
) -> None:
    charge = await taken(counters, Charge(TOKENS, 900))
    clock.now += 70
    await taken(counters, Charge(TOKENS, 50))

    await counters.correct(charge.at, [Charge(TOKENS, -900)])

    assert await used(counters, TOKENS) == 50


async def test_more_than_was_expected_counts_against_those_who_come_next(
    counters: Counters,
) -> None:
    charge = await taken(counters, Charge(TOKENS, 900))

    await counters.correct(charge.at, [Charge(TOKENS, 300)])

    assert await used(counters, TOKENS) == 1200
    assert (await refused(counters, Charge(TOKENS, 1))).wait == pytest.approx(61)


async def test_what_can_never_pass_is_told_so(counters: Counters) -> None:
    await taken(counters, Charge(REQUESTS, 100))

    outcome = await refused(counters, Charge(REQUESTS, 1), Charge(TOKENS, 1001))

    assert (outcome.index, outcome.wait) == (1, None)


async def test_of_several_limits_the_one_that_takes_longest_is_told(
    counters: Counters, clock: Clock
) -> None:
    await taken(counters, Charge(TOKENS, 1000))
    clock.now += 7
    await taken(counters, Charge(REQUESTS, 100))

    outcome = await refused(counters, Charge(TOKENS, 1), Charge(REQUESTS, 1))

    assert (outcome.index, outcome.wait) == (1, pytest.approx(61))


async def test_what_runs_is_counted_until_it_is_given_back(
    counters: Counters, clock: Clock
) -> None:
    first = await taken(counters, Charge(RUNNING, 1))
    clock.now += 300
    await taken(counters, Charge(RUNNING, 1))

    outcome = await refused(counters, Charge(RUNNING, 1))
    await counters.correct(first.at, [Charge(RUNNING, -1)])

    assert outcome.wait == 1.0
    await taken(counters, Charge(RUNNING, 1))
    await refused(counters, Charge(RUNNING, 1))


async def test_what_is_never_given_back_ends_with_its_lease(
    counters: Counters, clock: Clock
) -> None:
    await taken(counters, Charge(RUNNING, 2))
    clock.now += 600
    await refused(counters, Charge(RUNNING, 1))
    clock.now += 11
    await taken(counters, Charge(RUNNING, 2))


async def test_a_day_that_was_not_counted_yet_begins_with_what_is_told(
    counters: Counters, clock: Clock
) -> None:
    charges = [Charge(REQUESTS, 1), Charge(PAGES, 3)]

    assert await counters.take(charges) == Unknown(NOON, [1])
    assert isinstance(await counters.take(charges, {PAGES.name: 6}), Taken)
    assert await used(counters, REQUESTS) == 1
    assert await used(counters, PAGES) == 9
    outcome = await counters.take([Charge(PAGES, 2)])
    assert isinstance(outcome, Refused)
    assert outcome.wait == pytest.approx(DAY / 2)
    clock.now += DAY / 2
    assert isinstance(await counters.take([Charge(PAGES, 2)]), Unknown)


async def test_what_begins_is_told_once(counters: Counters) -> None:
    await counters.take([Charge(COST, 1)], {COST.name: 4_000_000})
    await counters.take([Charge(COST, 1)], {COST.name: 4_000_000})

    assert await used(counters, COST) == 4_000_002


async def test_a_month_ends_where_the_next_begins(counters: Counters, clock: Clock) -> None:
    await counters.take([Charge(COST, 5_000_000)], {})

    outcome = await refused(counters, Charge(COST, 1))

    assert outcome.wait == pytest.approx(9.5 * DAY)
    clock.now += 9.5 * DAY - 0.01
    await refused(counters, Charge(COST, 1))
    clock.now += 0.01
    await taken(counters, Charge(COST, 5_000_000))


async def test_a_charge_of_the_last_month_is_corrected_there(
    counters: Counters, clock: Clock
) -> None:
    charge = await taken(counters, Charge(COST, 1000))
    clock.now += 20 * DAY
    await taken(counters, Charge(COST, 10))

    await counters.correct(charge.at, [Charge(COST, -1000)])

    assert await used(counters, COST) == 10


async def test_what_costs_nothing_passes_although_nothing_is_left(counters: Counters) -> None:
    await taken(counters, Charge(COST, 5_000_000))

    await taken(counters, Charge(COST, 0))


async def test_counters_that_cannot_be_reached_say_so(tmp_path: Path) -> None:
    counters = RedisCounters(f"unix://{tmp_path / 'nobody'}")

    with pytest.raises(CountersFailed, match="ConnectionError"):
        await counters.take([Charge(REQUESTS, 1)])
    with pytest.raises(CountersFailed, match="ConnectionError"):
        await counters.correct(NOON, [Charge(REQUESTS, 1)])
    await counters.close()


async def test_keys_do_not_count_for_each_other(counters: Counters) -> None:
    await taken(counters, Charge(REQUESTS, 100))

    other = replace(REQUESTS, key_id="bob", name="readstone:{bob}:requests")
    await taken(counters, Charge(other, 100))


async def test_a_limit_that_was_lowered_holds_at_once(counters: Counters) -> None:
    await taken(counters, Charge(REQUESTS, 50))

    lower = replace(REQUESTS, most=50)
    assert (await refused(counters, Charge(lower, 1))).wait == pytest.approx(61)
