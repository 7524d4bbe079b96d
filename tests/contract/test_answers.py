"""What every keeper of answers promises, whichever it is."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from pathlib import Path

import pytest

from postgres import Postgres, started_postgres
from readstone.core.repeat import KeptAnswer, Lapsed, Lost, Right, Runs
from readstone.store.answers import AnswerFile, StoredAnswers
from readstone.store.postgres import PostgresStore

NOW = 1_800_000_000_000
RIGHT = Right("key", "alice", "req_1", NOW, NOW + 15_000, NOW + 86_400_000)
AGAIN = replace(RIGHT, request_id="req_2")
ANSWER = KeptAnswer("print", 200, (("content-type", "application/json"),), b'{"\x00\xff"}')
NAMES = (f"answers{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def postgres() -> Generator[Postgres]:
    with started_postgres() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgres"])
async def answers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoredAnswers]:
    if request.param == "sqlite":
        tables = AnswerFile(tmp_path / "answers.db")
        await tables.open()
    else:
        server: Postgres = request.getfixturevalue("postgres")
        tables = PostgresStore(server.database(next(NAMES)))
        await tables.open()
    yield StoredAnswers(tables)
    await tables.close()


async def test_of_many_at_once_one_has_the_right(answers: StoredAnswers) -> None:
    rights = [replace(RIGHT, request_id=f"req_{number}") for number in range(20)]

    found = await asyncio.gather(*map(answers.take, rights))

    assert sum(isinstance(each, Right) for each in found) == 1
    assert found.count(Runs()) == 19


async def test_an_answer_is_found_as_it_was_kept(answers: StoredAnswers) -> None:
    assert await answers.take(RIGHT) == RIGHT

    assert await answers.keep(RIGHT, ANSWER, NOW + 1000)

    assert await answers.take(replace(AGAIN, at=NOW + 999)) == ANSWER


async def test_an_answer_is_forgotten_when_its_time_is_over(answers: StoredAnswers) -> None:
    await answers.take(RIGHT)
    await answers.keep(RIGHT, ANSWER, NOW + 1000)
    later = replace(AGAIN, at=NOW + 1000)

    assert await answers.take(later) == later


async def test_a_right_that_was_given_up_is_free(answers: StoredAnswers) -> None:
    await answers.take(RIGHT)
    await answers.release(RIGHT)

    assert await answers.take(AGAIN) == AGAIN


async def test_a_right_that_lapsed_is_taken_over_by_one_that_names_it(
    answers: StoredAnswers,
) -> None:
    await answers.take(RIGHT)
    later = replace(AGAIN, at=RIGHT.until, until=RIGHT.until + 15_000)

    assert await answers.take(later) == Lapsed("req_1")
    assert await answers.take(later, "req_other") == Lapsed("req_1")
    assert await answers.take(later, "req_1") == later
    assert await answers.take(replace(later, request_id="req_3"), "req_1") == Runs()
    assert not await answers.hold(RIGHT, NOW + 60_000)
    assert not await answers.keep(RIGHT, ANSWER, NOW + 60_000)
    await answers.release(RIGHT)
    assert await answers.keep(later, ANSWER, NOW + 60_000)


async def test_a_right_that_is_renewed_lapses_later(answers: StoredAnswers) -> None:
    await answers.take(RIGHT)

    assert await answers.hold(RIGHT, NOW + 30_000)

    assert await answers.take(replace(AGAIN, at=NOW + 29_999)) == Runs()
    assert await answers.take(replace(AGAIN, at=NOW + 30_000)) == Lapsed("req_1")


async def test_an_answer_that_is_lost_is_told_so_until_its_time_is_over(
    answers: StoredAnswers,
) -> None:
    await answers.take(RIGHT)
    await answers.keep(RIGHT, None, NOW + 1000)

    assert await answers.take(replace(AGAIN, at=NOW + 5)) == Lost()
    assert isinstance(await answers.take(replace(AGAIN, at=NOW + 1000)), Right)


async def test_what_is_old_is_forgotten_but_not_what_runs(answers: StoredAnswers) -> None:
    for number in range(3):
        right = replace(RIGHT, id=str(number), expires=NOW + 1, until=NOW + 1000)
        await answers.take(right)
        if number:
            await answers.keep(right, ANSWER, NOW + number)

    assert await answers.forget(NOW + 1, 100, 1000) == 1
    assert await answers.forget(NOW + 500, 100, 1000) == 1
    assert await answers.take(replace(AGAIN, id="0")) == Runs()
    assert await answers.forget(NOW + 1000, 100, 1000) == 1


@pytest.mark.parametrize(("entries", "size"), [(2, 1000), (100, 250)])
async def test_of_a_key_the_newest_are_kept(
    answers: StoredAnswers, entries: int, size: int
) -> None:
    answer = replace(ANSWER, body=bytes(100))
    for key_id, number in itertools.product(("alice", "bob"), range(4)):
        at = NOW + number
        right = replace(RIGHT, id=f"{key_id}{number}", key_id=key_id, at=at)
        await answers.take(right)
        if (key_id, number) < ("bob", 2):
            await answers.keep(right, answer, NOW + 10_000)

    forgotten = await answers.forget(NOW + 10, entries, size)

    assert forgotten == (4 if entries == 2 else 2)
    assert isinstance(await answers.take(replace(RIGHT, id="alice0", at=NOW + 10)), Right)
    assert await answers.take(replace(AGAIN, id="alice3", at=NOW + 10)) == answer
    assert await answers.take(replace(AGAIN, id="bob3", at=NOW + 10)) == Runs()


async def test_an_answer_leaves_nothing_behind_in_its_file(tmp_path: Path) -> None:
    tables = AnswerFile(tmp_path / "answers.db")
    await tables.open()
    answers = StoredAnswers(tables)
    await answers.take(RIGHT)
    await answers.keep(RIGHT, replace(ANSWER, body=b"a secret answer"), NOW + 1)

    await answers.forget(NOW + 1, 100, 1000)
    await tables.close()

    left, mode = await asyncio.to_thread(_look, tmp_path)
    assert b"secret answer" not in left
    assert mode == 0o600


def _look(folder: Path) -> tuple[bytes, int]:
    """Everything in a folder, and who may read its answers."""
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    return content, (folder / "answers.db").stat().st_mode & 0o777
