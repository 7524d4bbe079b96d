"""What is put down is in the ledger for whoever reads it, whatever became of the process that put it down."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from readstone.core.ledger import Entry, Selection
from readstone.store.daybook import Daybook, gather
from readstone.store.sqlite import SQLiteStore

ALL = Selection()


def _entry(number: int) -> Entry:
    return Entry(f"req_{number}", "a", "/v1/chat/completions", "ok", at=number, model="m", cost=7)


def _of_another_version(entry: Entry) -> bytes:
    del entry
    return b'{"of": "another"}'


def _cut_off(file: int, line: bytes) -> int:
    """What a disk does that has no more room: here it takes nothing at all."""
    del file, line
    return 3


def _pages(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}-daybook-*"))


def _gathered(path: Path) -> list[Entry]:
    found: list[Entry] = []

    def commit(entries: Sequence[Entry]) -> None:
        found.extend(entries)

    gather(path, commit)
    return found


async def _requests(store: SQLiteStore) -> int:
    return sum(total.requests for total in await store.usage(ALL, ()))


def test_what_is_put_down_is_gathered_and_a_page_that_is_kept_stays(tmp_path: Path) -> None:
    book = Daybook(tmp_path / "db")
    assert book.write(_entry(1))
    assert book.write(_entry(2))

    assert _gathered(tmp_path / "db") == [_entry(1), _entry(2)]
    assert _gathered(tmp_path / "db") == [_entry(1), _entry(2)]
    book.close()


def test_pages_of_a_process_that_is_gone_are_gathered_once(tmp_path: Path) -> None:
    book = Daybook(tmp_path / "db")
    book.write(_entry(1))
    book.close()  # what a kill does: the kernel lets go of the lock

    assert _gathered(tmp_path / "db") == [_entry(1)]
    assert _pages(tmp_path / "db") == []


def test_a_page_is_for_its_owner_only(tmp_path: Path) -> None:
    book = Daybook(tmp_path / "db")
    book.write(_entry(1))

    assert [page.stat().st_mode & 0o077 for page in _pages(tmp_path / "db")] == [0]
    book.close()


def test_what_is_sealed_is_cleared_and_what_came_since_stays(tmp_path: Path) -> None:
    book = Daybook(tmp_path / "db")
    book.write(_entry(1))
    book.seal()
    book.write(_entry(2))
    assert len(_gathered(tmp_path / "db")) == 2
    book.clear()

    assert _gathered(tmp_path / "db") == [_entry(2)]
    book.close()


def test_what_a_commit_that_failed_was_to_clear_stays_until_one_succeeds(tmp_path: Path) -> None:
    book = Daybook(tmp_path / "db")
    book.write(_entry(1))
    book.seal()
    book.write(_entry(2))
    book.seal()
    book.write(_entry(3))

    assert {entry.request_id for entry in _gathered(tmp_path / "db")} == {"req_1", "req_2", "req_3"}
    book.clear()
    book.seal()
    book.clear()
    assert _gathered(tmp_path / "db") == []
    book.close()


def test_a_daybook_with_nothing_in_it_leaves_no_file(tmp_path: Path) -> None:
    book = Daybook(tmp_path / "db")
    assert _pages(tmp_path / "db") == []
    book.write(_entry(1))
    book.seal()
    book.clear()
    book.close()

    assert _pages(tmp_path / "db") == []


def test_a_line_that_was_cut_off_is_no_entry_and_takes_no_other_along(tmp_path: Path) -> None:
    book = Daybook(tmp_path / "db")
    book.write(_entry(1))
    (page,) = _pages(tmp_path / "db")
    whole = page.read_bytes()
    page.write_bytes(whole + whole[:-5])  # a process was killed, or the disk was full
    book.write(_entry(2))

    assert _gathered(tmp_path / "db") == [_entry(1), _entry(2)]
    book.close()


def test_a_line_of_another_version_is_told_and_takes_no_other_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    book = Daybook(tmp_path / "db")
    with monkeypatch.context() as patched:
        patched.setattr("readstone.store.daybook._encode", _of_another_version)
        book.write(_entry(1))
    book.write(_entry(2))

    assert _gathered(tmp_path / "db") == [_entry(2)]
    assert "line of a daybook is not read" in caplog.text
    book.close()


def test_where_nothing_can_be_written_it_says_so_and_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Daybook(tmp_path / "db")
    book.write(_entry(1))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _cut_off)
        assert not book.write(_entry(2))
    assert book.write(_entry(3))

    assert _gathered(tmp_path / "db") == [_entry(1), _entry(3)]
    book.close()


def test_where_no_file_can_be_made_it_says_so_and_the_log_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = Daybook(tmp_path / "nowhere" / "db")

    assert not book.write(_entry(1))
    assert not book.write(_entry(2))
    assert caplog.text.count("daybook failed") == 1


def test_a_page_that_was_taken_for_one_that_was_left_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(("first", "second"))

    def name(length: int) -> str:
        del length
        return next(names)

    def locked(file: int, how: int) -> None:
        """Somebody who reads was here between the making and the locking of the first."""
        del file, how
        (tmp_path / "db-daybook-first").unlink(missing_ok=True)

    with monkeypatch.context() as patched:
        patched.setattr("readstone.store.daybook.secrets.token_hex", name)
        patched.setattr("readstone.store.daybook.fcntl.flock", locked)
        book = Daybook(tmp_path / "db")
        assert book.write(_entry(1))

    assert _gathered(tmp_path / "db") == [_entry(1)]
    book.close()


async def test_whoever_reads_the_ledger_reads_what_another_process_put_down(tmp_path: Path) -> None:
    server, command_line = SQLiteStore(tmp_path / "db"), SQLiteStore(tmp_path / "db")
    await server.open()
    await command_line.open()
    assert server.daybook is not None
    server.daybook.write(_entry(1))

    assert await command_line.entry("req_1") == _entry(1)
    assert await command_line.entries(ALL, None, 10) == (_entry(1),)
    await server.append([_entry(1)])
    assert await _requests(server) == await _requests(command_line) == 1
    await command_line.close()
    await server.close()


async def test_what_a_killed_process_put_down_is_in_the_ledger_once(tmp_path: Path) -> None:
    book = Daybook(tmp_path / "db")
    book.write(_entry(1))
    book.write(_entry(2))
    book.close()
    store = SQLiteStore(tmp_path / "db")
    await store.open()
    await store.append([_entry(1)])

    (total,) = await store.usage(ALL, ())
    assert (total.requests, total.cost) == (2, 14)
    assert _pages(tmp_path / "db") == []
    await store.close()


async def test_an_entry_that_has_to_outlive_a_power_cut_is_not_put_down(tmp_path: Path) -> None:
    assert SQLiteStore(tmp_path / "db", synced=True).daybook is None
