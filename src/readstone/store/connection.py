"""A connection to an SQLite file and the one thread that uses it, so the event loop never waits for a disk."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from readstone.core.errors import StoreUnavailable
from readstone.store.migration import migrate
from readstone.telemetry import log_trouble

T = TypeVar("T")
P = ParamSpec("P")

_BUSY_SECONDS = 10


class Connection:
    """One connection. `synced`: a commit is on the disk before it returns; else it survives the process, not the power.

    `migrations` names the folder of the scripts that make its tables.
    """

    def __init__(self, path: Path, *, synced: bool, migrations: str = "sqlite") -> None:
        self._path = path
        self._migrations = migrations
        self._synced = synced
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, making or migrating it; sqlite3.Error or OSError where that cannot be done."""
        try:
            loop = asyncio.get_running_loop()
            self._connection = await loop.run_in_executor(
                self._thread, _connect, self._path, self._synced, self._migrations
            )
        except BaseException:  # a cancelled start too leaves no thread behind
            self._thread.shutdown()
            raise

    async def run(
        self,
        call: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call with the connection, in its thread. StoreUnavailable where the file cannot be read or written just now."""
        connection = self._connection
        if connection is None:
            raise RuntimeError("the store is not open")
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: call(connection, *args, **kwargs)
            )
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            log_trouble("store failed", reason=str(error))
            raise StoreUnavailable from error

    async def close(self) -> None:
        """Close the file; what was committed stays."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        self._thread.shutdown()


def _connect(path: Path, synced: bool, migrations: str) -> sqlite3.Connection:  # noqa: FBT001  (a positional call in a thread)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    # The owner thread is the only one that uses it; close() may run while the interpreter ends.
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"pragma synchronous = {'full' if synced else 'normal'}")
        migrate(connection, migrations)
    except BaseException:  # whatever it is, no file stays open
        connection.close()
        raise
    return connection
