"""The Postgres store beside its contract: migrations, servers that start at once, a database that goes away."""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial

import psycopg
import pytest

from postgres import Postgres, started_postgres
from readstone.core.errors import ConfigurationError, StoreUnavailable
from readstone.core.key import mint
from readstone.store.kept import CHANGING
from readstone.store.postgres import PostgresStore, migrate
from readstone.store.queries import read_migrations


@pytest.fixture(scope="module")
def postgres() -> Generator[Postgres]:
    with started_postgres() as started:
        yield started


def _first(count: int, kind: str) -> list[str]:
    return read_migrations(kind)[:count]


async def _open(url: str) -> PostgresStore:
    store = PostgresStore(url)
    await store.open()
    return store


async def _schema(url: str) -> list[tuple[str, ...]]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(
            "select table_name, column_name, data_type, is_nullable, column_default "
            "from information_schema.columns where table_schema = 'public' order by 1, 2"
        )
        return await cursor.fetchall()


async def test_migrations_one_after_the_other_make_what_all_at_once_make(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, grown = postgres.database("fresh"), postgres.database("grown")
    await (await _open(fresh)).close()

    scripts = len(read_migrations("postgres"))
    async with await psycopg.AsyncConnection.connect(grown) as connection:
        for count in range(1, scripts + 1):
            seen = partial(_first, count)
            monkeypatch.setattr("readstone.store.postgres.read_migrations", seen)
            await migrate(connection)

    assert await _schema(grown) == await _schema(fresh)
    assert await _schema(fresh) != []


async def test_keys_of_before_scopes_keep_what_they_could_do(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.database("older")
    insert = b"insert into keys (public_id, name, secret_hash, admin, created_at) values (%s, 'a', '', %s, 5)"
    async with await psycopg.AsyncConnection.connect(url) as connection:
        with monkeypatch.context() as patched:
            patched.setattr("readstone.store.postgres.read_migrations", partial(_first, 3))
            await migrate(connection)
        await connection.execute(insert, ("boss", 1))
        await connection.execute(insert, ("client", 0))

    store = await _open(url)

    assert [key.grant.scopes for key in await store.list_keys()] == [("api", "admin"), ("api",)]
    await store.close()


async def test_servers_that_start_at_once_migrate_once(postgres: Postgres) -> None:
    url = postgres.database("crowd")

    stores = await asyncio.gather(*(_open(url) for _ in range(4)))

    await stores[0].add_key(mint("a", now=1)[0])
    assert len(await stores[1].list_keys()) == 1
    for store in stores:
        await store.close()


async def test_what_one_server_revokes_the_other_refuses_soon(postgres: Postgres) -> None:
    url = postgres.database("two")
    one, other = await _open(url), await _open(url)
    key, _ = mint("a", now=1)
    await one.add_key(key)
    assert await other.find_key(key.public_id) == key

    await one.revoke_key(key.public_id, at=2)

    async with asyncio.timeout(10):
        while await other.find_key(key.public_id) == key:
            pass
    for store in (one, other):
        await store.close()


async def test_a_key_is_not_looked_up_while_nobody_tells_of_a_change(postgres: Postgres) -> None:
    store = await _open(postgres.database("quiet"))
    key, _ = mint("a", now=1)
    await store.add_key(key)
    assert await store.find_key(key.public_id) == key
    await _until(lambda: _mark(store) != CHANGING)
    assert await store.find_key(key.public_id) == key

    async def never(*args: object) -> object:
        raise AssertionError(args)

    store._execute = never  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    assert await store.find_key(key.public_id) == key
    await store.close()


async def test_a_change_by_hand_is_told_too(postgres: Postgres) -> None:
    url = postgres.database("hand")
    store = await _open(url)
    key, _ = mint("a", now=1)
    await store.add_key(key)
    assert await store.find_key(key.public_id) == key

    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("update keys set revoked_at = 5")

    async with asyncio.timeout(10):
        while await store.find_key(key.public_id) == key:
            pass
    await store.close()


async def test_without_the_connection_that_tells_keys_are_looked_up_each_time(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.database("deaf")
    store = await _open(url)
    key, _ = mint("a", now=1)
    await store.add_key(key)
    assert await store.find_key(key.public_id) == key
    await _until(lambda: _mark(store) != CHANGING)
    notices = store._notices  # pyright: ignore[reportPrivateUsage]  (a listener that hangs)
    await notices.stop()
    monkeypatch.setattr(notices, "start", lambda: None)
    await _until(lambda: _mark(store) == CHANGING)

    other = await _open(url)
    for at in range(2, 5):
        key = replace(key, name=str(at))
        await other.change_key(key)
        assert await store.find_key(key.public_id) == key
    for each in (store, other):
        await each.close()


async def test_behind_a_pooler_that_loses_what_is_told_keys_are_looked_up_each_time(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def elsewhere(*args: object) -> None:
        """As if each statement went over another connection: nobody listens on the one that is told."""
        del args

    monkeypatch.setattr("readstone.store.notices._listen", elsewhere)
    store = await _open(postgres.database("pooled"))
    key, _ = mint("a", now=1)
    await store.add_key(key)

    for _ in range(20):
        assert await store.find_key(key.public_id) == key
        assert _mark(store) == CHANGING
        await asyncio.sleep(0.1)
    await store.close()


async def test_a_listener_that_is_cut_off_listens_again_and_has_missed_nothing(
    postgres: Postgres,
) -> None:
    url = postgres.database("cut")
    store, other = await _open(url), await _open(url)
    key, _ = mint("a", now=1)
    await store.add_key(key)
    assert await store.find_key(key.public_id) == key
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'readstone keys'"
    await _until(lambda: _mark(store) != CHANGING)
    async with (
        asyncio.timeout(20),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        while _mark(store) != CHANGING:
            await connection.execute(cut.encode())
            await asyncio.sleep(0.01)
    await other.revoke_key(key.public_id, at=2)
    await _until(lambda: _mark(store) != CHANGING)

    found = await store.find_key(key.public_id)
    assert found is not None
    assert found.revoked_at == 2
    for each in (store, other):
        await each.close()


async def _until(is_so: Callable[[], bool]) -> None:
    """Wait for what a connection is told."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110  (nothing tells a test)
            await asyncio.sleep(0.01)


def _mark(store: PostgresStore) -> int:
    return store._notices.mark  # pyright: ignore[reportPrivateUsage]


async def test_a_database_of_a_newer_version_is_refused(postgres: Postgres) -> None:
    url = postgres.database("newer")
    await (await _open(url)).close()
    with psycopg.connect(url) as connection:
        connection.execute("update schema_version set version = 999")

    with pytest.raises(ConfigurationError, match="cannot be used"):
        await _open(url)


async def test_a_database_that_is_not_there_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        await _open("postgresql://somebody:secret@127.0.0.1:1/nothing?connect_timeout=1")

    assert "secret" not in str(caught.value)


async def test_a_database_that_is_restarted_is_used_again(postgres: Postgres) -> None:
    store = await _open(postgres.database("restarted"))
    key, _ = mint("a", now=1)
    await store.add_key(key)

    postgres.stop()
    with pytest.raises(StoreUnavailable):
        await store.find_key(key.public_id)
    postgres.start()

    assert await store.find_key(key.public_id) == key
    await store.close()
