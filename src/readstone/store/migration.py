"""Migrations of an SQLite file: scripts it has not seen are applied in order, all or none."""

import sqlite3
from collections.abc import Iterator, Sequence

from readstone.store.queries import read_migrations


def migrate(connection: sqlite3.Connection, kind: str = "sqlite") -> None:
    """Apply the migrations this file has not seen, in order, in one transaction.

    `pragma user_version` counts them. sqlite3.DatabaseError where the file is newer than this code.
    """
    connection.execute("begin immediate")  # two processes that start at once take turns
    try:
        _apply(connection, read_migrations(kind))
    except BaseException:  # whatever it is, all or none of them
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
