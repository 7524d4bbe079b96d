"""The embedded store: one SQLite file in WAL mode, used by this process and by the command line at once."""

import sqlite3
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from readstone.core.errors import ConfigurationError, StoreUnavailable
from readstone.core.key import Key
from readstone.core.ledger import Entry, Grouping, Place, Selection, Total
from readstone.store.connection import Connection
from readstone.store.daybook import Daybook, gather
from readstone.store.kept import KeptKeys
from readstone.store.mark import Mark
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
from readstone.store.turn import FileTurn
from readstone.telemetry import log_trouble


class SQLiteStore:
    """Keeps everything in `path`.

    Keys, the ledger and reports on it have a connection and a thread each: a key is found while entries are committed, and
    entries are committed while a report is made. A change of a key is on the disk when it returns; entries are where
    `synced`, else they are with the operating system: they outlive the process, but a power cut may take the last seconds. So
    then there is a daybook: what any process put down is committed before the ledger is read.
    """

    def __init__(self, path: Path, *, synced: bool = False) -> None:
        self._path = path
        self._queries = read_queries()
        self._keeper = Connection(path, synced=True)
        self._ledger = Connection(path, synced=synced)
        self._reports = Connection(path, synced=False)
        self.daybook: Daybook | None = None if synced else Daybook(path)
        self._kept = KeptKeys()
        self._turn = FileTurn(path.with_name(f"{path.name}-turn"))
        self._mark = Mark(path.with_name(f"{path.name}-keys"))

    async def open(self) -> None:
        """Open the file, making or migrating it; ConfigurationError where that cannot be done."""
        try:
            for connection in (self._keeper, self._ledger, self._reports):
                await connection.open()
            self._turn.open()
            await self._keeper.run(lambda _: self._mark.open())
        except (sqlite3.Error, OSError) as error:
            await self.close()
            raise ConfigurationError(
                f"The store {self._path} cannot be opened ({error}). Check that the data directory "
                "is writable and has space, or name another with --data-dir."
            ) from error

    async def add_key(self, key: Key) -> None:
        """Keep a new key; ValueError where its public id is taken."""
        try:
            await self._change("add_key", key_values(key))
        except sqlite3.IntegrityError as error:
            raise ValueError(f"key {key.public_id} exists") from error

    async def find_key(self, public_id: str) -> Key | None:
        """The key with that public id, revoked or not; what any process changed before is seen."""
        mark = self._mark.value
        kept = self._kept.find(public_id, mark)
        if kept is not None:
            return kept
        rows, _ = await self._execute(self._keeper, "find_key", {"public_id": public_id})
        if not rows:
            return None
        key = read_key(rows[0])
        self._kept.keep(key, mark)
        return key

    async def list_keys(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        rows, _ = await self._execute(self._keeper, "list_keys", {})
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
        await self._ledger.run(self._append, entries)

    async def usage(self, selection: Selection, by: Collection[Grouping]) -> tuple[Total, ...]:
        """The totals of what is selected, ordered by day, key and model."""
        rows = await self._report("usage", usage_values(selection, by))
        return tuple(map(read_total, rows))

    async def entries(
        self, selection: Selection, after: Place | None, most: int
    ) -> tuple[Entry, ...]:
        """The newest entries of what is selected, at most so many."""
        query = "entries_of_key" if selection.key_id else "entries"
        rows = await self._report(query, entries_values(selection, after, most))
        return tuple(map(read_entry, rows))

    async def entry(self, request_id: str) -> Entry | None:
        """The entry of a request."""
        rows = await self._report("entry", {"request_id": request_id})
        return read_entry(rows[0]) if rows else None

    async def prune(self, before: int, most: int) -> int:
        """Forget the oldest entries, at most so many; their space is used again by others."""
        _, changed = await self._gathered(self._ledger, "prune", {"before": before, "most": most})
        return changed

    async def close(self) -> None:
        """Close the file; what was committed stays."""
        for connection in (self._keeper, self._ledger, self._reports):
            await connection.close()
        if self.daybook is not None:
            self.daybook.close()
        self._mark.close()
        self._turn.close()

    async def _change(self, name: str, values: Values) -> int:
        """Change keys; how many there were to change."""

        def change(connection: sqlite3.Connection) -> int:
            with self._mark.changing():
                return _statement(connection, self._queries[name], values)[1]

        with _translated():
            return await self._keeper.run(change)

    async def _report(self, name: str, values: Values) -> list[Row]:
        """The rows of a query over the whole ledger."""
        return (await self._gathered(self._reports, name, values))[0]

    async def _gathered(
        self, connection: Connection, name: str, values: Values
    ) -> tuple[list[Row], int]:
        """Execute after what any process put down was committed, by those that are gone too."""

        def execute(connection: sqlite3.Connection) -> tuple[list[Row], int]:
            gather(self._path, partial(self._append, connection))
            return _statement(connection, self._queries[name], values)

        with _translated():
            return await connection.run(execute)

    async def _execute(
        self, connection: Connection, name: str, values: Values
    ) -> tuple[list[Row], int]:
        return await connection.run(_statement, self._queries[name], values)

    def _append(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        with self._turn:
            self._commit(connection, entries)

    def _commit(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        connection.execute("begin immediate")
        try:
            (number,) = connection.execute(self._queries["last_number"]).fetchone()
            connection.executemany(self._queries["append"], entries)
            connection.execute(self._queries["add_up"], {"number": number})
            connection.execute("commit")
        except BaseException:  # whatever it is, nobody finds the transaction open
            # A disk that is full may have rolled it back already.
            if connection.in_transaction:
                connection.execute("rollback")
            raise


@contextmanager
def _translated() -> Generator[None]:
    """A file beside the database that cannot be read or written is a store that cannot."""
    try:
        yield
    except OSError as error:
        log_trouble("store failed", reason=str(error))
        raise StoreUnavailable from error


def _statement(
    connection: sqlite3.Connection, statement: str, values: Values
) -> tuple[list[Row], int]:
    cursor = connection.execute(statement, values)
    return cursor.fetchall(), cursor.rowcount
