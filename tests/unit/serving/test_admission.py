"""Admission: permits, the queue, fairness, and what is given back."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import Overloaded, RateLimited
from readstone.serving.admission import Admission


class Requests:
    """Requests that take a permit, note their start, and hold it until they are let go."""

    def __init__(self, admission: Admission) -> None:
        self.started: list[str] = []
        self._admission = admission
        self._release: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, *names: str) -> None:
        """Start requests; the first letter of a name is its key."""
        for name in names:
            self._release[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._hold(name))
            await _settle()

    async def end(self, name: str, *, settle: bool = True) -> None:
        self._release[name].set()
        await self._tasks[name]
        if settle:
            await _settle()

    async def leave(self, name: str) -> None:
        self._tasks[name].cancel()
        await asyncio.gather(self._tasks[name], return_exceptions=True)
        await _settle()

    def failure(self, name: str) -> BaseException | None:
        return self._tasks[name].exception() if self._tasks[name].done() else None

    async def finish(self) -> None:
        for release in self._release.values():
            release.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _hold(self, name: str) -> None:
        async with self._admission.permit(name[0]):
            self.started.append(name)
            await self._release[name].wait()


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_run_at_once_than_there_are_permits() -> None:
    requests = Requests(Admission(2, 10))

    await requests.begin("a1", "a2", "a3")

    assert requests.started == ["a1", "a2"]
    await requests.end("a1")
    assert requests.started == ["a1", "a2", "a3"]
    await requests.finish()


async def test_keys_take_turns() -> None:
    requests = Requests(Admission(1, 10))
    await requests.begin("a1", "a2", "a3", "a4", "b1", "c1", "b2")

    for name in ("a1", "a2", "b1", "c1", "a3", "b2"):
        await requests.end(name)

    assert requests.started == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]
    await requests.finish()


async def test_a_full_queue_refuses_the_key_that_fills_it_with_429() -> None:
    requests = Requests(Admission(1, 2))
    await requests.begin("a1", "a2", "a3", "a4")

    failure = requests.failure("a4")

    assert isinstance(failure, RateLimited)
    assert failure.retry_after is not None
    assert failure.retry_after > 0
    await requests.finish()


async def test_a_full_queue_gives_the_newest_place_of_the_greediest_key_to_another() -> None:
    requests = Requests(Admission(1, 3))
    await requests.begin("a1", "a2", "a3", "a4", "b1")

    assert isinstance(requests.failure("a4"), RateLimited)
    assert requests.failure("b1") is None
    await requests.end("a1")
    await requests.end("a2")
    assert requests.started == ["a1", "a2", "b1"]
    await requests.finish()


async def test_a_queue_full_of_single_requests_refuses_one_more_with_503() -> None:
    requests = Requests(Admission(1, 2))
    await requests.begin("a1", "b1", "c1", "d1")

    assert isinstance(requests.failure("d1"), Overloaded)
    await requests.finish()


async def test_without_a_queue_one_more_is_refused_at_once() -> None:
    requests = Requests(Admission(1, 0))
    await requests.begin("a1", "b1")

    assert isinstance(requests.failure("b1"), Overloaded)
    await requests.finish()


async def test_one_who_leaves_the_queue_gives_the_place_back() -> None:
    admission = Admission(1, 1)
    requests = Requests(admission)
    await requests.begin("a1", "a2")

    await requests.leave("a2")

    assert admission.waiting == 0
    await requests.begin("a3")
    assert requests.failure("a3") is None
    await requests.finish()


async def test_a_permit_that_comes_as_its_request_leaves_goes_to_the_next() -> None:
    admission = Admission(1, 2)
    requests = Requests(admission)
    await requests.begin("a1", "a2", "a3")

    await requests.end("a1", settle=False)  # a2 has its permit now, but has not run yet
    await requests.leave("a2")

    assert requests.started[-1] == "a3"
    await requests.finish()


async def test_a_failed_request_gives_its_permit_back() -> None:
    admission = Admission(1, 0)

    with pytest.raises(KeyError):
        async with admission.permit("a"):
            raise KeyError

    async with admission.permit("a"):
        pass


@given(st.lists(st.sampled_from(["begin a", "begin b", "begin c", "end", "leave"]), max_size=40))
async def test_whatever_happens_no_permit_is_lost_or_given_twice(steps: Sequence[str]) -> None:
    admission = Admission(2, 3)
    requests = Requests(admission)
    alive: list[str] = []
    for number, step in enumerate(steps):
        if step.startswith("begin"):
            alive.append(f"{step[-1]}{number}")
            await requests.begin(alive[-1])
        elif step == "end" and (running := [name for name in alive if name in requests.started]):
            await requests.end(running[0])
            alive.remove(running[0])
        elif step == "leave" and alive:
            await requests.leave(alive.pop())
        alive = [name for name in alive if requests.failure(name) is None]
        running = [name for name in alive if name in requests.started]
        assert len(running) == min(2, len(alive))
        assert admission.waiting == len(alive) - len(running) <= 3
    await requests.finish()
    async with admission.permit("x"), admission.permit("y"):
        assert admission.waiting == 0
