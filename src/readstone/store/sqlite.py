"""The embedded store: one SQLite file in WAL mode, used by this process and by the command line at once."""

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias, TypeVar

from readstone.core.errors import ConfigurationError
from readstone.core.key import Key

T = TypeVar("T")
Row: TypeAlias = tuple[str, str, bytes, int, int, int | None, str]

_FRESH_SECONDS = 0.025
_NAMED = re.compile(r"-- name: (\w+)\n(.*?;)", re.DOTALL)


class SQLiteStore:
    """Keeps everything in `path`. One thread owns the connection, so the event loop never waits for a disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queries = dict(
            _NAMED.findall(files("readstone.store").joinpath("queries.sql").read_text())
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None
        # Found, and until when they are taken as found.
        self._keys: dict[str, tuple[float, Key]] = {}
        self._changes = 0

    async def open(self) -> None:
        """Open the file, making or migrating it; ConfigurationError where that cannot be done."""
        try:
            self._connection = await self._run(lambda: _connect(self._path))
        except (sqlite3.Error, OSError) as error:
            self._thread.shutdown()
            raise ConfigurationError(
                f"The store {self._path} cannot be opened ({error}). Check that the data directory "
                "is writable and has space, or name another with --data-dir."
            ) from error

    async def add_key(self, key: Key) -> None:
        """Keep a new key; ValueError where its public id is taken."""
        try:
            await self._execute("add_key", asdict(key) | {"models": json.dumps(key.models)})
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
        rows, _ = await self._execute("find_key", {"public_id": public_id})
        key = _key(rows[0]) if rows else None
        if key is not None and changes == self._changes:
            self._keys[public_id] = now + _FRESH_SECONDS, key
        return key

    async def list_keys(self) -> tuple[Key, ...]:
        """Every key, oldest first."""
        rows, _ = await self._execute("list_keys", {})
        return tuple(map(_key, rows))

    async def revoke_key(self, public_id: str, at: int) -> bool:
        """Revoke a key for good; False where there is none, or it was revoked before."""
        _, changed = await self._execute("revoke_key", {"public_id": public_id, "at": at})
        self._changes += 1
        self._keys.pop(public_id, None)
        return changed > 0

    async def close(self) -> None:
        """Close the file; what was committed stays."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._run(connection.close)
        self._thread.shutdown()

    async def _execute(
        self, name: str, values: dict[str, str | int | bytes | None]
    ) -> tuple[list[Row], int]:
        connection = self._connection
        if connection is None:
            raise RuntimeError("the store is not open")

        def statement() -> tuple[list[Row], int]:
            cursor = connection.execute(self._queries[name], values)
            return cursor.fetchall(), cursor.rowcount

        return await self._run(statement)

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _key(row: Row) -> Key:
    public_id, name, secret_hash, admin, created_at, revoked_at, models = row
    names = tuple(json.loads(models))
    return Key(public_id, name, secret_hash, bool(admin), created_at, revoked_at, names)


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    # The owner thread is the only one that uses it; close() may run while the interpreter ends.
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations this file has not seen, in order, in one transaction.

    `pragma user_version` counts them. sqlite3.DatabaseError where the file is newer than this code.
    """
    scripts = sorted(
        (entry.name, entry.read_text())
        for entry in files("readstone.store").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    connection.execute("begin immediate")  # two processes that start at once take turns
    try:
        _apply(connection, [script for _, script in scripts])
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _apply(connection: sqlite3.Connection, scripts: Sequence[str]) -> None:
    seen: int = connection.execute("pragma user_version").fetchone()[0]
    if seen > len(scripts):
        raise sqlite3.DatabaseError("it was written by a newer version of readstone")
    for script in scripts[seen:]:
        for statement in _statements(script):
            connection.execute(statement)
    connection.execute(f"pragma user_version = {len(scripts)}")


def _statements(script: str) -> Iterator[str]:
    """Split a script; sqlite3's own executescript would commit the transaction it runs in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
