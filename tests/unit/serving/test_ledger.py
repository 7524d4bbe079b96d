"""Entries are committed in groups before who waits goes on, and what happens where they cannot be."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from readstone.core.errors import StoreUnavailable
from readstone.core.ledger import DAY_MILLISECONDS, Entry, Selection
from readstone.serving import ledger as module
from readstone.serving.ledger import Ledger, LedgerTerms
from readstone.store.daybook import Daybook, gather
from readstone.store.memory import MemoryStore

ALL = Selection()


class Disk(MemoryStore):
    """Keeps what it is told to while it is `well`; `gate` holds commits back. It may have a daybook."""

    def __init__(self, daybook: Daybook | None = None) -> None:
        super().__init__()
        self.daybook = daybook
        self.well = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.commits: list[int] = []
        self.mistake = False

    async def append(self, entries: Sequence[Entry]) -> None:
        self.begun.set()
        await self.gate.wait()
        if self.mistake:
            raise ValueError("a mistake of ours")
        if not self.well:
            raise StoreUnavailable
        self.commits.append(len(entries))
        await super().append(entries)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(module, "_APART_SECONDS", 0.0)
    monkeypatch.setattr(module, "_GATHER_SECONDS", 0.0)


@asynccontextmanager
async def _started(disk: Disk, terms: LedgerTerms) -> AsyncGenerator[Ledger]:
    ledger = Ledger(disk, terms)
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.stop()


def _entry(number: int, at: int = 5) -> Entry:
    return Entry(f"req_{number}", "a", "/v1/chat/completions", "ok", at=at, cost=7)


async def _ids(disk: Disk) -> set[str]:
    return {entry.request_id for entry in await disk.entries(ALL, None, 100_000)}


async def _pass() -> None:
    """Let the others go on."""
    await asyncio.sleep(0)


async def _until(disk: Disk, condition: str) -> None:
    """Wait until an entry of that status is there."""
    async with asyncio.timeout(10):
        while condition not in {entry.status for entry in await disk.entries(ALL, None, 1000)}:
            await _pass()


async def test_a_committed_entry_is_in_the_store() -> None:
    disk = Disk()
    async with _started(disk, LedgerTerms()) as ledger:
        await ledger.commit(_entry(1))

        assert await _ids(disk) == {"req_1"}


async def test_nobody_goes_on_before_the_commit() -> None:
    disk = Disk()
    disk.gate.clear()
    async with _started(disk, LedgerTerms()) as ledger:
        waiting = asyncio.create_task(ledger.commit(_entry(1)))
        await disk.begun.wait()

        assert not waiting.done()
        disk.gate.set()
        await waiting


async def test_entries_that_come_during_a_commit_share_the_next() -> None:
    disk = Disk()
    disk.gate.clear()
    async with _started(disk, LedgerTerms()) as ledger:
        first = asyncio.create_task(ledger.commit(_entry(0)))
        await disk.begun.wait()
        others = [asyncio.create_task(ledger.commit(_entry(number))) for number in range(1, 21)]
        await asyncio.sleep(0)
        disk.gate.set()
        await asyncio.gather(first, *others)

    assert disk.commits == [1, 20]


async def test_who_leaves_while_it_waits_takes_nobody_along() -> None:
    disk = Disk()
    disk.gate.clear()
    async with _started(disk, LedgerTerms()) as ledger:
        leaving, staying = (asyncio.create_task(ledger.commit(_entry(n))) for n in range(2))
        await disk.begun.wait()
        leaving.cancel()
        disk.gate.set()
        await staying

    assert await _ids(disk) == {"req_0", "req_1"}


async def test_stopping_commits_what_waits() -> None:
    disk = Disk()
    async with _started(disk, LedgerTerms()) as ledger:
        for number in range(50):
            ledger.note(_entry(number))

    assert len(await _ids(disk)) == 50


async def test_an_answer_that_cannot_be_entered_is_refused_and_entered_as_failed_later() -> None:
    disk = Disk()
    disk.well = False
    async with _started(disk, LedgerTerms()) as ledger:
        with pytest.raises(StoreUnavailable):
            await ledger.commit(_entry(1))
        with pytest.raises(StoreUnavailable):
            ledger.check()
        with pytest.raises(StoreUnavailable):
            await ledger.commit(_entry(2))
        disk.well = True
        await _until(disk, "failed")
        ledger.check()
        await ledger.commit(_entry(3))

    found = {entry.request_id: entry for entry in await disk.entries(ALL, None, 10)}
    assert [found[f"req_{n}"].status for n in (1, 2, 3)] == ["failed", "failed", "ok"]
    assert [found[f"req_{n}"].cost for n in (1, 2, 3)] == [0, 0, 7]
    assert found["req_1"].error == "store_unavailable"


async def test_where_the_ledger_is_not_required_answers_go_out_and_are_entered_later() -> None:
    disk = Disk()
    disk.well = False
    async with _started(disk, LedgerTerms(required=False)) as ledger:
        await ledger.commit(_entry(1))
        ledger.check()
        await ledger.commit(_entry(2))
        disk.well = True

    found = await disk.entries(ALL, None, 10)
    assert [(entry.status, entry.cost) for entry in found] == [("ok", 7), ("ok", 7)]


async def test_entries_without_end_lose_what_comes_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 3)
    disk = Disk()
    disk.gate.clear()
    async with _started(disk, LedgerTerms()) as ledger:
        for number in range(5):
            ledger.note(_entry(number))
        disk.gate.set()

    assert await _ids(disk) == {"req_0", "req_1", "req_2"}


async def test_a_mistake_in_one_commit_does_not_stop_the_next() -> None:
    disk = Disk()
    disk.mistake = True
    async with _started(disk, LedgerTerms()) as ledger:
        with pytest.raises(StoreUnavailable):
            await ledger.commit(_entry(1))
        disk.mistake = False

        await ledger.commit(_entry(2))

    assert await _ids(disk) == {"req_2"}


async def test_old_entries_are_forgotten_when_the_ledger_starts() -> None:
    disk = Disk()
    await disk.append([_entry(1)])
    async with _started(disk, LedgerTerms(keep_days=30)):
        async with asyncio.timeout(10):
            while await _ids(disk):
                await _pass()

    (total,) = await disk.usage(ALL, ())
    assert total.requests == 1


async def test_entries_are_kept_for_ever_where_no_days_are_named() -> None:
    disk = Disk()
    await disk.append([_entry(1, at=DAY_MILLISECONDS)])
    async with _started(disk, LedgerTerms(keep_days=0)) as ledger:
        await ledger.commit(_entry(2))

    assert await _ids(disk) == {"req_1", "req_2"}


async def _checked(ledger: Ledger) -> None:
    """Look whether answers can be entered until they cannot."""
    async with asyncio.timeout(10):
        while True:
            ledger.check()
            await _pass()


def _put_down(path: Path) -> list[str]:
    found: list[str] = []
    gather(path, lambda entries: found.extend(entry.request_id for entry in entries))
    return found


async def test_with_a_daybook_nobody_waits_for_the_commit(tmp_path: Path) -> None:
    disk = Disk(Daybook(tmp_path / "db"))
    disk.gate.clear()
    async with _started(disk, LedgerTerms()) as ledger:
        for number in range(3):
            await ledger.commit(_entry(number))
        assert await _ids(disk) == set()
        assert _put_down(tmp_path / "db") == ["req_0", "req_1", "req_2"]
        disk.gate.set()

    assert await _ids(disk) == {"req_0", "req_1", "req_2"}
    assert _put_down(tmp_path / "db") == []


async def test_what_is_put_down_during_a_commit_is_not_cleared_by_it(tmp_path: Path) -> None:
    disk = Disk(Daybook(tmp_path / "db"))
    disk.gate.clear()
    async with _started(disk, LedgerTerms()) as ledger:
        await ledger.commit(_entry(1))
        await disk.begun.wait()
        await ledger.commit(_entry(2))
        disk.gate.set()
        async with asyncio.timeout(10):
            while not await _ids(disk):
                await _pass()
        await _pass()

        assert _put_down(tmp_path / "db") == ["req_2"]


async def test_an_answer_that_cannot_be_put_down_waits_for_its_commit(tmp_path: Path) -> None:
    disk = Disk(Daybook(tmp_path / "nowhere" / "db"))
    async with _started(disk, LedgerTerms()) as ledger:
        await ledger.commit(_entry(1))
        assert await _ids(disk) == {"req_1"}
        disk.well = False
        with pytest.raises(StoreUnavailable):
            await ledger.commit(_entry(2))


async def test_answers_that_were_put_down_stay_answered_where_their_commit_fails(
    tmp_path: Path,
) -> None:
    disk = Disk(Daybook(tmp_path / "db"))
    disk.well = False
    async with _started(disk, LedgerTerms()) as ledger:
        await ledger.commit(_entry(1))
        with pytest.raises(StoreUnavailable):
            await _checked(ledger)
        assert _put_down(tmp_path / "db") == ["req_1"]
        with pytest.raises(StoreUnavailable):
            await ledger.commit(_entry(2))
        disk.well = True

    found = {entry.request_id: entry.status for entry in await disk.entries(ALL, None, 10)}
    assert found == {"req_1": "ok", "req_2": "failed"}
    assert _put_down(tmp_path / "db") == []


async def test_no_more_is_put_down_than_may_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 2)
    disk = Disk(Daybook(tmp_path / "db"))
    disk.gate.clear()
    async with _started(disk, LedgerTerms()) as ledger:
        for number in range(2):
            await ledger.commit(_entry(number))
        with pytest.raises(StoreUnavailable):
            await ledger.commit(_entry(2))
        disk.gate.set()

    assert await _ids(disk) == {"req_0", "req_1"}


async def test_a_ledger_that_was_never_started_stops() -> None:
    await Ledger(Disk(), LedgerTerms()).stop()
