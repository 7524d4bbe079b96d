"""The store of several processes or machines: a Postgres database."""

import asyncio
import re
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from readstone.core.errors import ConfigurationError, StoreUnavailable
from readstone.core.key import Key
from readstone.core.ledger import Entry, Grouping, Place, Selection, Total
from readstone.store.daybook import Daybook
from readstone.store.kept import KeptKeys
from readstone.store.notices import KeyNotices
from readstone.store.queries import read_migrations, read_queries
from readstone.store.rows import (
    Row,
    Values,
    entries_values,
    key_values,
    read_entry,
    read_key,
    read_total,
    usage_values,
)
from readstone.telemetry import log_trouble

_WAIT_SECONDS = 5.0
_STATEMENT_MILLISECONDS = 10_000
_MIGRATING = 0x52454144
"""The lock that lets servers that start at once take turns."""

_NAMED = re.compile(r":(\w+)")


class PostgresStore:
    """Keeps everything in the database of `url`, over at most `connections` connections.

    A lost connection is replaced; while there is none, calls raise StoreUnavailable after a few seconds at most. It has no
    daybook: a machine that is lost would take it along.
    """

    def __init__(self, url: str, *, password: str | None = None, connections: int = 4) -> None:
        self.daybook: Daybook | None = None
        self._queries = {
            name: _NAMED.sub(r"%(\1)s", query).encode() for name, query in read_queries().items()
        }
        settings: dict[str, str | int] = {
            **({} if password is None else {"password": password}),
            "connect_timeout": int(_WAIT_SECONDS),
            "options": f"-c statement_timeout={_STATEMENT_MILLISECONDS}",
        }
        self._pool = AsyncConnectionPool[psycopg.AsyncConnection[Row]](
            url,
            min_size=1,
            max_size=connections,
            open=False,
            timeout=_WAIT_SECONDS,
            check=AsyncConnectionPool.check_connection,
            kwargs=settings,
        )
        self._kept = KeptKeys()
        self._notices = KeyNotices(url, settings)

    async def open(self) -> None:
        """Connect and migrate; ConfigurationError where that cannot be done."""
        try:
            await self._pool.open(wait=True, timeout=_WAIT_SECONDS)
            async with self._pool.connection() as connection:
                await migrate(connection)
        except (psycopg.Error, PoolTimeout) as error:
            await self._pool.close()
            raise ConfigurationError(
                "The Postgres database of store.url cannot be used. Check that it is up, that the user may create tables, "
                f"and the URL itself. ({type(error).__name__})"
            ) from error

    async def add_key(self, key: Key) -> None:
        """Keep a new key; ValueError where its public id is taken."""
        try:
            await self._change("add_key", key_values(key))
        except psycopg.errors.UniqueViolation as error:
            raise ValueError(f"key {key.public_id} exists") from error

    async def find_key(self, public_id: str) -> Key | None:
        """The key with that public id; what another process changed is seen as store/notices.py says."""
        self._notices.start()
        mark = self._notices.mark
        kept = self._kept.find(public_id, mark)
        if kept is not None:
            return kept
        rows, _ = await self.execute("find_key", {"public_id": public_id})
        if not rows:
            return None
        key = read_key(rows[0])
        self._kept.keep(key, mark)
        return key

    async def list_keys(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        rows, _ = await self.execute("list_keys", {})
        return tuple(map(read_key, rows))

    async def change_key(self, key: Key) -> bool:
        """Change name, owner and grant of a key; False where there is none, or it was revoked."""
        return await self._change("change_key", key_values(key)) > 0

    async def rotate_key(self, key: Key) -> bool:
        """Change the secrets of a key; False where there is none, or it was revoked."""
        return await self._change("rotate_key", key_values(key)) > 0

    async def revoke_key(self, public_id: str, at: int) -> bool:
        """Revoke a key for good; False where there is none, or it was revoked before."""
        return await self._change("revoke_key", {"public_id": public_id, "at": at}) > 0

    async def append(self, entries: Sequence[Entry]) -> None:
        """Commit entries in one transaction; one whose request id is there already changes nothing."""
        if entries:
            columns = map(list, zip(*entries, strict=True))
            values = dict(zip(Entry._fields, columns, strict=True))
            values["estimated"] = list(map(int, values["estimated"]))
            async with self._connected() as connection:
                await connection.execute(self._queries["append_all"], values)

    async def usage(self, selection: Selection, by: Collection[Grouping]) -> tuple[Total, ...]:
        """The totals of what is selected, ordered by day, key and model."""
        rows, _ = await self.execute("usage", usage_values(selection, by))
        return tuple(map(read_total, rows))

    async def entries(
        self, selection: Selection, after: Place | None, most: int
    ) -> tuple[Entry, ...]:
        """The newest entries of what is selected, at most so many."""
        query = "entries_of_key" if selection.key_id else "entries"
        rows, _ = await self.execute(query, entries_values(selection, after, most))
        return tuple(map(read_entry, rows))

    async def entry(self, request_id: str) -> Entry | None:
        """The entry of a request."""
        rows, _ = await self.execute("entry", {"request_id": request_id})
        return read_entry(rows[0]) if rows else None

    async def prune(self, before: int, most: int) -> int:
        """Forget the oldest entries, at most so many."""
        _, changed = await self.execute("prune", {"before": before, "most": most})
        return changed

    async def close(self) -> None:
        """Close every connection."""
        await self._notices.stop()
        await self._pool.close()

    async def _change(self, name: str, values: Values) -> int:
        """Change keys, which this process knows without being told; how many there were to change."""
        try:
            _, changed = await self.execute(name, values)
        finally:
            self._notices.note()
        return changed

    async def execute(self, name: str, values: Values) -> tuple[list[Row], int]:
        """The rows of a named query, and how many it changed."""
        async with self._connected() as connection:
            cursor = await connection.execute(self._queries[name], values)
            rows = await cursor.fetchall() if cursor.description else []
            return rows, cursor.rowcount

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[psycopg.AsyncConnection[Row]]:
        """A connection and its transaction, committed at the end; StoreUnavailable where there is none to be had."""
        try:
            async with asyncio.timeout(2 * _WAIT_SECONDS), self._pool.connection() as connection:
                yield connection
        except psycopg.IntegrityError:
            raise
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            log_trouble("store failed", reason=type(error).__name__)
            raise StoreUnavailable from error


async def migrate(connection: psycopg.AsyncConnection[Row]) -> None:
    """Apply the migrations this database has not seen, in order, in one transaction.

    psycopg.DatabaseError where the database is newer than this code.
    """
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(%s)", (_MIGRATING,))
        await connection.execute("create table if not exists schema_version (version int not null)")
        cursor = await connection.execute("select coalesce(max(version), 0) from schema_version")
        row = await cursor.fetchone()
        scripts = read_migrations("postgres")
        seen = row[0] if row else 0
        if seen > len(scripts):
            raise psycopg.DatabaseError("it was written by a newer version of readstone")
        for script in scripts[seen:]:
            await connection.execute(script.encode())
        await connection.execute("delete from schema_version")
        await connection.execute("insert into schema_version values (%s)", (len(scripts),))
