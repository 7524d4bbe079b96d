"""Permits that one process gives to others: fair between keys of all, and back again however a process ends."""

import asyncio
from collections.abc import Callable

import pytest

from readstone.core.errors import Overloaded, RateLimited
from readstone.server.messages import Ask, Denied, Granted
from readstone.server.permits import Counter
from readstone.serving.admission import Admission
from readstone.serving.shared_admission import SharedAdmission


class Process:
    """One of several processes, without the socket between."""

    def __init__(self, admission: Admission) -> None:
        self.told: list[Granted | Denied] = []
        self.counter = Counter({"reader": admission}, self.told.append)

    async def ask(self, number: int, key: str = "alice") -> None:
        self.counter.ask(Ask(number, "reader", key))
        for _ in range(3):
            await asyncio.sleep(0)

    @property
    def granted(self) -> list[int]:
        return [each.id for each in self.told if isinstance(each, Granted)]


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_permit_that_comes_back_goes_to_whoever_waits_in_any_process() -> None:
    admission = Admission(1, 8)
    one, two = Process(admission), Process(admission)
    await one.ask(1)
    await two.ask(1)
    assert (one.granted, two.granted) == ([1], [])

    one.counter.give_back(1)
    await _settle()

    assert two.granted == [1]
    assert (admission.used, admission.waiting) == (1, 0)


async def test_keys_take_turns_whichever_process_they_ask() -> None:
    admission = Admission(1, 8)
    one, two = Process(admission), Process(admission)
    for number in range(1, 4):
        await one.ask(number, "greedy")
    await two.ask(1, "modest")

    one.counter.give_back(1)
    await _settle()
    one.counter.give_back(2)
    await _settle()

    assert (one.granted, two.granted) == ([1, 2], [1])


async def test_what_finds_no_place_is_told_why() -> None:
    admission = Admission(1, 1)
    one, two = Process(admission), Process(admission)
    await one.ask(1)
    await one.ask(2)
    await two.ask(1)
    await two.ask(2, "bob")

    faults = [each.fault for each in (*one.told, *two.told) if isinstance(each, Denied)]
    assert faults == ["rate_limited", "overloaded"]


async def test_who_leaves_while_waiting_gives_up_its_place() -> None:
    admission = Admission(1, 8)
    one, two = Process(admission), Process(admission)
    await one.ask(1)
    await two.ask(1)

    two.counter.give_back(1)
    await _settle()

    assert (admission.used, admission.waiting) == (1, 0)
    assert two.told == []


async def test_all_that_a_process_had_is_given_back_when_it_is_gone() -> None:
    admission = Admission(2, 8)
    gone, other = Process(admission), Process(admission)
    for number in range(1, 4):
        await gone.ask(number)
    await other.ask(1)

    gone.counter.close()
    await _settle()

    assert gone.granted == [1, 2]
    assert other.granted == [1]
    assert (admission.used, admission.waiting) == (1, 0)


class Office:
    """Grants what it is told to."""

    def __init__(self, answer: Callable[[], int]) -> None:
        self.answer = answer
        self.back: list[int] = []

    async def take(self, engine: str, key_id: str) -> int:
        assert (engine, key_id) == ("reader", "alice")
        return self.answer()

    def give_back(self, permit: int) -> None:
        self.back.append(permit)


async def test_a_shared_permit_is_held_for_a_block_and_given_back() -> None:
    office = Office(lambda: 7)
    admission = SharedAdmission(office, "reader", 4)

    async with admission.permit("alice"):
        assert (admission.used, admission.waiting, admission.limit) == (1, 0, 4)
        assert office.back == []

    assert (office.back, admission.used) == ([7], 0)


@pytest.mark.parametrize("error", [Overloaded("Full."), RateLimited("Too many.")])
async def test_a_refusal_arrives_as_it_is(error: Overloaded | RateLimited) -> None:
    def refuse() -> int:
        raise error

    admission = SharedAdmission(Office(refuse), "reader", 4)

    with pytest.raises(type(error)):
        async with admission.permit("alice"):
            pytest.fail("it was not let in")
    assert (admission.used, admission.waiting) == (0, 0)
