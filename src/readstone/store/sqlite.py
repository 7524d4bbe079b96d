"""The embedded store: one SQLite file in WAL mode, used by this process and by the command line at once."""

import sqlite3
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from readstone.core.errors import ConfigurationError
from readstone.core.key import Key
from readstone.core.ledger import Entry, Grouping, Place, Selection, Total
from readstone.store.connection import Connection
from readstone.store.queries import read_queries
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

_FRESH_SECONDS = 0.025


class SQLiteStore:
    """Keeps everything in `path`.

    Keys, the ledger and reports on it have a connection and a thread each: a key is found while entries are committed, and
    entries are committed while a report is made. A change of a key is on the disk when it returns; entries are where
    `synced`, else they are with the operating system: they outlive the process, but a power cut may take the last seconds.
    """

    def __init__(self, path: Path, *, synced: bool = False) -> None:
        self._path = path
        self._queries = read_queries()
        self._keeper = Connection(path, synced=True)
        self._ledger = Connection(path, synced=synced)
        self._reports = Connection(path, synced=False)
        # Keys as they were found, and until when they are taken so.
        self._keys: dict[str, tuple[float, Key]] = {}
        self._changes = 0

    async def open(self) -> None:
        """Open the file, making or migrating it; ConfigurationError where that cannot be done."""
        try:
            for connection in (self._keeper, self._ledger, self._reports):
                await connection.open()
        except (sqlite3.Error, OSError) as error:
            await self.close()
            raise ConfigurationError(
                f"The store {self._path} cannot be opened ({error}). Check that the data directory "
                "is writable and has space, or name another with --data-dir."
            ) from error

    async def add_key(self, key: Key) -> None:
        """Keep a new key; ValueError where its public id is taken."""
        try:
            await self._execute(self._keeper, "add_key", key_values(key))
        except sqlite3.IntegrityError as error:
            raise ValueError(f"key {key.public_id} exists") from error

    async def find_key(self, public_id: str) -> Key | None:
        """The key with that public id, revoked or not.

        What this process changed is seen at once, what another one changed within 50 ms: every request asks for its key.
        """
        now = time.monotonic()
        kept = self._keys.get(public_id)
        if kept is not None:
            if now < kept[0]:
                return kept[1]
            # Those who ask while one looks it up again take it as it was: the second half of the 50 ms.
            self._keys[public_id] = now + _FRESH_SECONDS, kept[1]
        changes = self._changes
        rows, _ = await self._execute(self._keeper, "find_key", {"public_id": public_id})
        key = read_key(rows[0]) if rows else None
        if key is not None and changes == self._changes:
            self._keys[public_id] = now + _FRESH_SECONDS, key
        return key

    async def list_keys(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        rows, _ = await self._execute(self._keeper, "list_keys", {})
        return tuple(map(read_key, rows))

    async def revoke_key(self, public_id: str, at: int) -> bool:
        """Revoke a key for good; False where there is none, or it was revoked before."""
        values: Values = {"public_id": public_id, "at": at}
        _, changed = await self._execute(self._keeper, "revoke_key", values)
        self._changes += 1
        self._keys.pop(public_id, None)
        return changed > 0

    async def append(self, entries: Sequence[Entry]) -> None:
        """Commit entries in one transaction; one whose request id is there already changes nothing."""
        await self._ledger.run(self._append, entries)

    async def usage(self, selection: Selection, by: Collection[Grouping]) -> tuple[Total, ...]:
        """The totals of what is selected, ordered by day, key and model."""
        rows, _ = await self._execute(self._reports, "usage", usage_values(selection, by))
        return tuple(map(read_total, rows))

    async def entries(
        self, selection: Selection, after: Place | None, most: int
    ) -> tuple[Entry, ...]:
        """The newest entries of what is selected, at most so many."""
        query = "entries_of_key" if selection.key_id else "entries"
        values = entries_values(selection, after, most)
        rows, _ = await self._execute(self._reports, query, values)
        return tuple(map(read_entry, rows))

    async def prune(self, before: int, most: int) -> int:
        """Forget the oldest entries, at most so many; their space is used again by others."""
        values: Values = {"before": before, "most": most}
        _, changed = await self._execute(self._ledger, "prune", values)
        return changed

    async def close(self) -> None:
        """Close the file; what was committed stays."""
        for connection in (self._keeper, self._ledger, self._reports):
            await connection.close()

    async def _execute(
        self, connection: Connection, name: str, values: Values
    ) -> tuple[list[Row], int]:
        return await connection.run(_statement, self._queries[name], values)

    def _append(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        connection.execute("begin immediate")
        try:
            (number,) = connection.execute(self._queries["last_number"]).fetchone()
            connection.executemany(self._queries["append"], entries)
            connection.execute(self._queries["add_up"], {"number": number})
            connection.execute("commit")
        except BaseException:
            # A disk that is full may have rolled it back already.
            if connection.in_transaction:
                connection.execute("rollback")
            raise


def _statement(
    connection: sqlite3.Connection, statement: str, values: Values
) -> tuple[list[Row], int]:
    cursor = connection.execute(statement, values)
    return cursor.fetchall(), cursor.rowcount
