"""The intake's budget of bytes."""

import asyncio

import pytest

from readstone.core.errors import Overloaded
from readstone.serving.intake import Intake


async def test_what_a_request_held_is_free_when_it_ends() -> None:
    intake = Intake(100, patience=0)

    async with intake.reservation() as reservation:
        await reservation.resize(60)
        await reservation.resize(90)
        assert intake.held == 90

    assert intake.held == 0


async def test_what_does_not_fit_is_refused_and_holds_what_it_held() -> None:
    intake = Intake(100, patience=0)
    async with intake.reservation() as first, intake.reservation() as second:
        await first.resize(60)
        await second.resize(30)

        with pytest.raises(Overloaded):
            await second.resize(50)

        assert intake.held == 90
    assert intake.held == 0


async def test_one_that_waits_gets_in_when_another_shrinks() -> None:
    intake = Intake(100, patience=60)
    async with intake.reservation() as first, intake.reservation() as second:
        await first.resize(80)
        waiting = asyncio.create_task(second.resize(50))
        await asyncio.sleep(0)
        assert not waiting.done()

        await first.resize(40)

        await waiting
        assert intake.held == 90


async def test_one_larger_than_the_budget_gets_in_alone() -> None:
    intake = Intake(100, patience=0)

    async with intake.reservation() as reservation:
        await reservation.resize(500)

        assert intake.held == 500


async def test_one_who_leaves_while_waiting_holds_nothing() -> None:
    intake = Intake(100, patience=60)
    async with intake.reservation() as first, intake.reservation() as second:
        await first.resize(80)
        waiting = asyncio.create_task(second.resize(50))
        await asyncio.sleep(0)

        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        assert intake.held == 80


async def test_one_that_is_alone_may_grow_past_the_budget() -> None:
    intake = Intake(100, patience=0)

    async with intake.reservation() as reservation:
        await reservation.resize(50)
        await reservation.resize(500)

        assert intake.held == 500


async def test_it_is_tidied_up_once_much_was_given_back() -> None:
    tidied = asyncio.Event()
    intake = Intake(100_000_000, patience=0, tidy=tidied.set)
    async with intake.reservation() as reservation:
        await reservation.resize(50_000_000)

    async with asyncio.timeout(10):
        await tidied.wait()
