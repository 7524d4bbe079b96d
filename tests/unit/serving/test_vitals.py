"""The parts of a server are told to its metrics as they are."""

from collections.abc import Iterator

import pytest

from readstone.core.errors import InvalidImage
from readstone.core.ledger import Entry
from readstone.engines.fake import FakeEngine
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool
from readstone.serving.admission import Admission
from readstone.serving.gateway import Backend
from readstone.serving.intake import Intake
from readstone.serving.ledger import Ledger, LedgerTerms
from readstone.serving.vitals import (
    CountedSource,
    count_commits,
    watch_backends,
    watch_intake,
    watch_ledger,
)
from readstone.store.memory import MemoryStore
from readstone.telemetry.metrics.board import Board


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.close()


def told(board: Board) -> dict[tuple[str, ...], tuple[float, ...]]:
    return {(each.family.name, *each.labels): each.numbers for each in board.read()}


async def test_an_engine_is_told_with_its_state_permits_and_queue(board: Board) -> None:
    engine, admission = FakeEngine(name="up"), Admission(3, 8)
    backends = {"up": Backend(engine, admission)}

    watch_backends(board, backends)
    before = told(board)
    await engine.start()
    async with admission.permit("alice"), admission.permit("bob"):
        watch_backends(board, backends)
        during = told(board)

    assert before["readstone.engine.state", "up", "starting"] == (1,)
    assert during["readstone.engine.state", "up", "starting"] == (0,)
    assert during["readstone.engine.state", "up", "ready"] == (1,)
    assert during["readstone.permits.used", "up"] == (2,)
    assert during["readstone.permits.limit", "up"] == (3,)
    assert during["readstone.queue.length", "up"] == (0,)


async def test_a_pool_is_told_with_its_members(board: Board) -> None:
    members = [FakeEngine(name=f"gpu/{number}") for number in (1, 2)]
    pool = Pool("gpu", [Member(member, 2) for member in members])
    await members[0].start()
    circuit = pool.lanes[1].circuit
    for _ in range(5):
        circuit.failed(circuit.enter())

    watch_backends(board, {"gpu": Backend(pool, Admission(4, 0))})

    found = told(board)
    assert found["readstone.pool.member.open", "gpu", "gpu/1"] == (1,)
    assert found["readstone.pool.member.open", "gpu", "gpu/2"] == (0,)
    assert found["readstone.pool.member.circuit_open", "gpu", "gpu/1"] == (0,)
    assert found["readstone.pool.member.circuit_open", "gpu", "gpu/2"] == (1,)
    assert found["readstone.pool.member.requests", "gpu", "gpu/1"] == (0,)


async def test_bytes_that_are_held_are_told(board: Board) -> None:
    intake = Intake(1000, 0)
    async with intake.reservation() as reservation:
        await reservation.resize(300)
        watch_intake(board, intake)

    assert told(board)["readstone.intake.held",] == (300,)
    assert told(board)["readstone.intake.limit",] == (1000,)


async def test_commits_are_counted_with_their_entries(board: Board) -> None:
    ledger = Ledger(MemoryStore(), LedgerTerms())
    count_commits(board, ledger)
    ledger.note(Entry("req_1", "alice", "/", "ok", 1))
    watch_ledger(board, ledger)
    waiting = told(board)["readstone.ledger.waiting",]

    await ledger.start()
    await ledger.commit(Entry("req_2", "alice", "/", "ok", 1))
    await ledger.stop()

    assert waiting == (1,)
    assert told(board)["readstone.ledger.batch.size",][-1] == 2
    assert sum(told(board)["readstone.ledger.commit.duration",][:-1]) >= 1


async def test_fetches_are_counted_by_what_came_of_them(board: Board) -> None:
    class Shelf:
        async def fetch(self, url: str, param: str) -> bytes:
            if url == "bad":
                raise InvalidImage("no", param=param, code="image_fetch_failed")
            return b"image"

    source = CountedSource(Shelf(), board)

    assert await source.fetch("good", "p") == b"image"
    with pytest.raises(InvalidImage):
        await source.fetch("bad", "p")

    counts = {name[1]: sum(numbers[:-1]) for name, numbers in told(board).items()}
    assert counts == {"ok": 1, "image_fetch_failed": 1}
