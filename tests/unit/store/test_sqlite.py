"""The SQLite store beside its contract: files, migrations, two processes at once."""

import asyncio
import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest

from readstone.core.errors import ConfigurationError, StoreUnavailable
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.core.ledger import Entry, Selection
from readstone.core.limit import Limits
from readstone.store.connection import Connection
from readstone.store.migration import migrate
from readstone.store.queries import read_migrations
from readstone.store.sqlite import SQLiteStore


def _first(count: int, kind: str) -> list[str]:
    return read_migrations(kind)[:count]


async def _open(path: Path) -> SQLiteStore:
    store = SQLiteStore(path)
    await store.open()
    return store


async def test_keys_outlive_the_store(tmp_path: Path) -> None:
    path = tmp_path / "data" / "readstone.db"
    first = await _open(path)
    key, _ = mint("a", now=1)
    await first.add_key(key)
    await first.close()

    second = await _open(path)

    assert await second.list_keys() == (key,)
    await second.close()


async def test_what_one_process_revokes_the_other_sees_at_once(tmp_path: Path) -> None:
    server, command_line = await _open(tmp_path / "db"), await _open(tmp_path / "db")
    key, _ = mint("a", now=1)
    await server.add_key(key)

    await command_line.revoke_key(key.public_id, at=2)

    found = await server.find_key(key.public_id)
    assert found is not None
    assert found.revoked_at == 2
    await server.close()
    await command_line.close()


async def test_a_key_that_was_just_asked_for_is_looked_up_again_soon(tmp_path: Path) -> None:
    server, command_line = await _open(tmp_path / "db"), await _open(tmp_path / "db")
    key, _ = mint("a", now=1)
    await server.add_key(key)
    assert await server.find_key(key.public_id) == key

    await command_line.revoke_key(key.public_id, at=2)

    async with asyncio.timeout(10):
        while await server.find_key(key.public_id) == key:
            pass
    await server.close()
    await command_line.close()


async def test_what_this_process_revokes_is_never_found_as_it_was(tmp_path: Path) -> None:
    store = await _open(tmp_path / "db")
    key, _ = mint("a", now=1)
    await store.add_key(key)
    assert await store.find_key(key.public_id) == key

    looking = asyncio.gather(*(store.find_key(key.public_id) for _ in range(8)))
    await store.revoke_key(key.public_id, at=2)

    await looking
    found = await store.find_key(key.public_id)
    assert found is not None
    assert found.revoked_at == 2
    await store.close()


async def test_stores_that_open_at_once_do_not_race(tmp_path: Path) -> None:
    stores = await asyncio.gather(*(_open(tmp_path / "db") for _ in range(8)))

    await stores[0].add_key(mint("a", now=1)[0])

    assert all([len(await store.list_keys()) == 1 for store in stores])
    for store in stores:
        await store.close()


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = await _open(tmp_path / "db")

    assert (tmp_path / "db").stat().st_mode & 0o077 == 0
    await store.close()


async def test_the_file_is_in_wal_mode(tmp_path: Path) -> None:
    store = await _open(tmp_path / "db")

    connection = sqlite3.connect(tmp_path / "db")
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()
    await store.close()


async def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute("pragma user_version = 999")
    connection.close()

    with pytest.raises(ConfigurationError, match="newer version"):
        await _open(tmp_path / "db")


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"not a database at all, but long enough to look at" * 20)

    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await _open(tmp_path / "db")


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="--data-dir"):
        await _open(tmp_path / "file" / "db")


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "db")

    with pytest.raises(RuntimeError, match="not open"):
        await store.list_keys()
    await store.close()


def test_migrations_one_after_the_other_make_what_all_at_once_make(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh, grown = (sqlite3.connect(":memory:", isolation_level=None) for _ in range(2))
    migrate(fresh)

    scripts = len(read_migrations("sqlite"))
    for count in range(1, scripts + 1):
        monkeypatch.setattr("readstone.store.migration.read_migrations", partial(_first, count))
        migrate(grown)

    schema = "select type, name, sql from sqlite_master order by name"
    assert grown.execute(schema).fetchall() == fresh.execute(schema).fetchall()
    fresh.close()
    grown.close()


async def test_a_disk_that_is_full_is_told_and_used_again_when_there_is_room(
    tmp_path: Path,
) -> None:
    store = await _open(tmp_path / "db")
    await store.append([_entry(0)])
    # As few pages as there are: what SQLite says is what it says of a disk without room.
    await _limit(store, 1)

    with pytest.raises(StoreUnavailable):
        await store.append([_entry(number) for number in range(1, 500)])
    await _limit(store, 99_999)
    await store.append([_entry(1)])

    (total,) = await store.usage(Selection(), ())
    assert total.requests == 2
    await store.close()


async def test_keys_are_found_while_entries_are_committed(tmp_path: Path) -> None:
    store = await _open(tmp_path / "db")
    key, _ = mint("a", now=1)
    await store.add_key(key)
    ready, done = threading.Event(), threading.Event()

    def busy(connection: sqlite3.Connection) -> None:
        connection.execute("begin immediate")
        ready.set()
        done.wait(30)
        connection.execute("rollback")

    writing = asyncio.create_task(_ledger(store).run(busy))
    await asyncio.to_thread(ready.wait, 30)

    assert await store.find_key(key.public_id) == key
    assert await store.usage(Selection(), ()) == ()
    done.set()
    await writing
    await store.close()


def _ledger(store: SQLiteStore) -> Connection:
    return store._ledger  # pyright: ignore[reportPrivateUsage]  (what its thread is busy with is not told)


async def _limit(store: SQLiteStore, pages: int) -> None:
    def limit(connection: sqlite3.Connection) -> None:
        connection.execute(f"pragma max_page_count = {pages}")

    await _ledger(store).run(limit)


def _entry(number: int) -> Entry:
    return Entry(f"req_{number}", "a", "/v1/chat/completions", "ok", at=number)


def test_migrating_twice_changes_nothing() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    before = connection.execute("select sql from sqlite_master").fetchall()

    migrate(connection)

    assert connection.execute("select sql from sqlite_master").fetchall() == before
    connection.close()


async def test_keys_of_before_scopes_keep_what_they_could_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = sqlite3.connect(tmp_path / "db", isolation_level=None)
    with monkeypatch.context() as patched:
        patched.setattr("readstone.store.migration.read_migrations", partial(_first, 4))
        migrate(old)
    insert = "insert into keys (public_id, name, secret_hash, admin, created_at, models, limits) values (?, ?, ?, ?, 5, ?, ?)"
    old.execute(insert, ("boss", "a", bytes(32), 1, "[]", "{}"))
    old.execute(insert, ("client", "b", bytes(32), 0, '["m"]', '{"concurrency": 3}'))
    old.close()

    store = await _open(tmp_path / "db")

    boss, client = await store.list_keys()
    assert boss.grant == Grant(("api", "admin"))
    assert client.grant == Grant(("api",), ("m",), Limits(concurrency=3))
    assert (client.owner, client.former_until, client.state(0)) == ("", 0, "active")
    await store.close()
