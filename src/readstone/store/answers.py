"""Answers that are kept for requests sent again, in a file of their own or in the database of the store."""

import json
import sqlite3
from pathlib import Path
from typing import Protocol, runtime_checkable

from readstone.core.errors import ConfigurationError
from readstone.core.repeat import KeptAnswer, Lapsed, Lost, Right, Runs, Standing
from readstone.store.connection import Connection
from readstone.store.queries import read_queries
from readstone.store.rows import Row, Values

_TRIES = 8
"""A row that was there when a right was refused may be gone when it is looked at; nobody is as unlucky as this."""


@runtime_checkable
class Tables(Protocol):
    """Runs the named queries; StoreUnavailable where that cannot be done just now."""

    async def execute(self, name: str, values: Values) -> tuple[list[Row], int]:
        """The rows of a query, and how many it changed."""
        ...


class AnswerFile:
    """The tables of an SQLite file that holds nothing else: what is forgotten is overwritten with zeros."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queries = read_queries()
        self._connection = Connection(path, synced=False, migrations="answers")

    async def open(self) -> None:
        """Open the file, making or migrating it; ConfigurationError where that cannot be done."""
        try:
            await self._connection.open()
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(
                f"{self._path} cannot be opened ({error}). Check that the data directory is writable and has space, "
                "name another with --data-dir, or set idempotency.enabled to false."
            ) from error
        await self._connection.run(_overwrite)

    async def execute(self, name: str, values: Values) -> tuple[list[Row], int]:
        """The rows of a query, and how many it changed."""
        return await self._connection.run(_statement, self._queries[name], values)

    async def close(self) -> None:
        """Close the file."""
        await self._connection.close()


class StoredAnswers:
    """Keeps answers in tables. Every method raises StoreUnavailable where that cannot be done just now."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def start(self) -> None:
        """Open the file, where there is one; ConfigurationError where that cannot be done."""
        if isinstance(self._tables, AnswerFile):
            await self._tables.open()

    async def stop(self) -> None:
        """Close it; what was kept stays."""
        if isinstance(self._tables, AnswerFile):
            await self._tables.close()

    async def take(self, right: Right, lapsed: str = "") -> Standing:
        """Take a right; what there is where that is not possible."""
        values: Values = {
            "id": right.id,
            "key_id": right.key_id,
            "request_id": right.request_id,
            "at": right.at,
            "until": right.until,
            "expires": right.expires,
            "lapsed": lapsed,
            "nothing": b"",
        }
        for _ in range(_TRIES):
            taken, _ = await self._tables.execute("take_right", values)
            if taken:
                return right
            found, _ = await self._tables.execute("find_answer", {"id": right.id})
            if found:
                return _standing(found[0], right.at)
        return Runs()

    async def hold(self, right: Right, until: int) -> bool:
        """Extend a right; False where it is another's by now."""
        values: Values = {"id": right.id, "request_id": right.request_id, "until": until}
        _, changed = await self._tables.execute("hold_answer", values)
        return changed > 0

    async def keep(self, right: Right, answer: KeptAnswer | None, expires: int) -> bool:
        """Keep the answer of a right, None where it is lost; False where the right is another's by now."""
        kept = answer or KeptAnswer("", 0, (), b"")
        values: Values = {
            "id": right.id,
            "request_id": right.request_id,
            "state": "lost" if answer is None else "kept",
            "expires": expires,
            "fingerprint": kept.fingerprint,
            "status": kept.status,
            "headers": json.dumps(kept.headers),
            "body": kept.body,
            "size": len(kept.body),
        }
        _, changed = await self._tables.execute("keep_answer", values)
        return changed > 0

    async def release(self, right: Right) -> None:
        """Give up a right: the next request with that key is answered."""
        values: Values = {"id": right.id, "request_id": right.request_id}
        await self._tables.execute("release_answer", values)

    async def forget(self, now: int, entries: int, size: int) -> int:
        """Forget what is old, and of each key the oldest beyond so many and so many bytes; how many it were."""
        values: Values = {"now": now, "entries": entries, "bytes": size}
        _, changed = await self._tables.execute("forget_answers", values)
        return changed


def _standing(row: Row, now: int) -> Standing:
    request_id, state, until, fingerprint, status, headers, body = row
    if state == "running":
        return Runs() if until > now else Lapsed(request_id)
    if state == "lost":
        return Lost()
    pairs = tuple((str(name), str(value)) for name, value in json.loads(headers))
    return KeptAnswer(fingerprint, status, pairs, bytes(body))


def _overwrite(connection: sqlite3.Connection) -> None:
    connection.execute("pragma secure_delete = on")


def _statement(
    connection: sqlite3.Connection, statement: str, values: Values
) -> tuple[list[Row], int]:
    cursor = connection.execute(statement, values)
    return cursor.fetchall(), cursor.rowcount
