"""Promise 1, with kill -9: no answered request is missing from the ledger, and none is in it twice."""

from collections.abc import Generator
from pathlib import Path

import pytest
from benchmarks.ledger.kill import Round, killed, upstream

from postgres import Postgres, started_postgres

ANSWERS = (3, 40, 75, 110, 160)
"""After how many answers the servers are killed; `python -m benchmarks.ledger --kills 50` goes on."""


@pytest.fixture(scope="module")
def postgres() -> Generator[Postgres]:
    with started_postgres() as started:
        yield started


@pytest.fixture(scope="module")
def engine() -> Generator[str]:
    with upstream() as server:
        yield server.url


@pytest.mark.parametrize("answers", ANSWERS)
def test_what_a_killed_server_had_answered_is_in_its_file(
    tmp_path: Path, engine: str, answers: int
) -> None:
    _check(killed(tmp_path, engine, answers), answers)


@pytest.mark.parametrize("answers", ANSWERS[1:3])
def test_what_a_killed_server_had_answered_is_in_its_database(
    tmp_path: Path, engine: str, answers: int, postgres: Postgres
) -> None:
    _check(killed(tmp_path, engine, answers, postgres.database(f"kill{answers}")), answers)


def _check(found: Round, answers: int) -> None:
    assert found.whole >= answers
    assert (found.missing, found.twice) == (0, 0)
    assert found.entries >= found.whole
