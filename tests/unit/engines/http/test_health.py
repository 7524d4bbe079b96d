import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from typing import TypeAlias

import pytest
import pytest_asyncio

from readstone.engines.http.health import Health, HealthOptions

OPTIONS = HealthOptions(interval_seconds=10, hurry_seconds=1, timeout_seconds=0.01, down=2, up=2)
Outcome: TypeAlias = bool | Exception


class Bench:
    """A server whose health the test decides, and a clock that the test turns."""

    def __init__(self, options: HealthOptions = OPTIONS, chance: float = 0.5) -> None:
        self.outcomes = deque[Outcome]()
        self.probes = 0
        self.hangs = False
        self._sleeps = asyncio.Queue[tuple[float, asyncio.Future[None]]]()
        self.health = Health("seer", self._probe, options, self._sleep, lambda: chance)

    async def _probe(self) -> bool:
        self.probes += 1
        if self.hangs:
            await asyncio.Event().wait()
        outcome = self.outcomes.popleft() if self.outcomes else True
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _sleep(self, seconds: float) -> None:
        wake = asyncio.get_running_loop().create_future()
        await self._sleeps.put((seconds, wake))
        await wake

    async def asleep(self) -> tuple[float, asyncio.Future[None]]:
        """The sleep it goes to."""
        return await self._sleeps.get()

    async def sleep_through(self) -> float:
        """Let it sleep; how long it wanted to."""
        seconds, wake = await self.asleep()
        wake.set_result(None)
        return seconds

    async def until_ready(self) -> None:
        """Start it and let two good probes go by; it then sleeps its first, short sleep."""
        await self.health.start()
        assert await self.sleep_through() == 1
        (first := await self.asleep())[1].set_result(None)
        assert first[0] == 1
        assert self.health.state == "ready"


@pytest_asyncio.fixture
async def bench() -> AsyncGenerator[Bench]:
    bench = Bench()
    yield bench
    await bench.health.stop()


async def test_it_is_starting_until_enough_good_probes(bench: Bench) -> None:
    assert bench.health.state == "starting"
    await bench.health.start()

    await bench.sleep_through()
    assert bench.health.state == "starting"
    await bench.asleep()

    assert bench.health.state == "ready"
    assert bench.probes == 2


async def test_a_server_that_is_well_is_asked_once_in_an_interval(bench: Bench) -> None:
    await bench.until_ready()

    assert await bench.sleep_through() == 9
    assert await bench.sleep_through() == 1
    assert await bench.sleep_through() == 9


@pytest.mark.parametrize(("chance", "rest"), [(0.0, 8.1), (1.0, 9.9)])
async def test_a_tenth_of_the_wait_is_left_to_chance(chance: float, rest: float) -> None:
    bench = Bench(chance=chance)
    await bench.until_ready()

    assert await bench.sleep_through() == pytest.approx(rest)

    await bench.health.stop()


async def test_one_bad_probe_is_a_doubt_and_two_are_a_failure(bench: Bench) -> None:
    await bench.until_ready()
    bench.outcomes.extend([False, False])

    await bench.sleep_through()
    assert await bench.sleep_through() == 1
    assert bench.health.state == "ready"
    await bench.asleep()

    assert bench.health.state == "failed"


async def test_a_doubt_that_was_none_is_forgotten(bench: Bench) -> None:
    await bench.until_ready()
    bench.outcomes.extend([False, True, False])

    await bench.sleep_through()
    await bench.sleep_through()
    await bench.sleep_through()
    await bench.sleep_through()
    await bench.asleep()

    assert bench.probes == 5
    assert bench.health.state == "ready"


async def test_a_server_that_stays_away_is_asked_less_and_less_often() -> None:
    bench = Bench(HealthOptions(interval_seconds=10, hurry_seconds=1, down=2, up=1))
    bench.outcomes.extend([False] * 7)
    await bench.health.start()

    waits = [await bench.sleep_through() for _ in range(11)]

    assert waits == [1, 1, 1, 1, 3, 1, 7, 1, 9, 1, 9]
    assert bench.health.state == "failed"
    assert await bench.sleep_through() == 1
    assert await bench.sleep_through() == 9
    await bench.asleep()
    assert bench.probes == 8
    assert bench.health.state == "ready"
    await bench.health.stop()


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), KeyError("a bug")])
async def test_a_probe_that_raises_is_a_bad_one_and_does_not_end_the_watch(
    bench: Bench, error: Exception
) -> None:
    bench.outcomes.extend([error, error])
    await bench.health.start()

    await bench.sleep_through()
    await bench.sleep_through()
    assert bench.health.state == "failed"
    await bench.sleep_through()
    await bench.asleep()

    assert bench.probes == 3


async def test_a_probe_that_takes_too_long_is_a_bad_one(bench: Bench) -> None:
    bench.hangs = True
    await bench.health.start()

    await bench.sleep_through()
    await bench.asleep()

    assert bench.health.state == "failed"


async def test_trouble_of_a_request_has_the_server_looked_at_before_its_time(bench: Bench) -> None:
    await bench.until_ready()
    seconds, _ = await bench.asleep()
    assert seconds == 9
    bench.outcomes.append(False)

    bench.health.note_failure()
    await bench.asleep()

    assert bench.probes == 3


async def test_it_is_never_looked_at_twice_in_a_hurry(bench: Bench) -> None:
    await bench.health.start()
    await bench.sleep_through()
    _, wake = await bench.asleep()

    for _ in range(100):
        bench.health.note_failure()
    assert bench.probes == 2
    wake.set_result(None)
    await bench.asleep()

    assert bench.probes == 3


async def test_trouble_that_a_probe_looked_into_is_not_looked_into_again(bench: Bench) -> None:
    await bench.health.start()
    await bench.sleep_through()
    _, wake = await bench.asleep()
    bench.health.note_failure()
    wake.set_result(None)

    assert await bench.sleep_through() == 1
    assert await bench.sleep_through() == 9


async def test_requests_that_are_answered_count_as_good_probes(bench: Bench) -> None:
    bench.outcomes.extend([False] * 2)
    await bench.health.start()
    await bench.sleep_through()
    await bench.asleep()
    assert bench.health.state == "failed"

    bench.health.note_success()
    assert bench.health.state == "failed"
    bench.health.note_success()

    assert bench.health.state == "ready"


async def test_changes_are_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "readstone")
    bench.outcomes.extend([False] * 3)
    await bench.health.start()
    await bench.sleep_through()
    await bench.sleep_through()
    await bench.sleep_through()
    await bench.asleep()

    for _ in range(5):
        bench.health.note_success()

    assert caplog.messages == ["engine unreachable", "engine reachable"]


async def test_stopping_ends_the_watch_for_good(bench: Bench) -> None:
    await bench.until_ready()

    await bench.health.stop()
    await bench.health.stop()
    bench.health.note_success()
    bench.health.note_failure()

    assert bench.health.state == "stopped"
    assert bench.probes == 2


async def test_what_was_never_started_can_be_stopped() -> None:
    bench = Bench()

    await bench.health.stop()

    assert bench.health.state == "stopped"
