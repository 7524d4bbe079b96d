"""What Postgres tells of changes of keys: a connection that listens, so that a check of a key need not ask."""

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from readstone.store.kept import CHANGING
from readstone.telemetry import log

_CHANNEL: Final = "readstone_keys"
"""The channel that a trigger of the table notifies (migrations/postgres)."""
_NAME: Final = "readstone keys"
"""What the connection is called in `pg_stat_activity`."""
_BEAT_SECONDS: Final = 1.0
_TRUST_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 0.5


class KeyNotices:
    """A mark that is another after each change of a key, by whichever process, as soon as Postgres tells: in milliseconds.

    Every second the connection notifies itself: what comes back proves that it is told, and what was told before has come
    before it. Two seconds after the last of these that came back was sent, the mark is `CHANGING`, as it is without a
    connection: keys are then looked up for each request. So what another process revokes opens nothing after two
    seconds, whatever becomes of the network, and behind a pooler that loses notifications keys are looked up always.
    """

    def __init__(self, url: str, settings: Mapping[str, str | int]) -> None:
        self._address = url, settings
        self._count = CHANGING + 1
        self._trusted_until = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def mark(self) -> int:
        """The mark as it is now; CHANGING while it cannot be known."""
        return self._count if time.monotonic() < self._trusted_until else CHANGING

    def note(self) -> None:
        """A key was changed."""
        self._count += 1

    def start(self) -> None:
        """Listen from now on, again and again where the connection is lost; the second call does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Listen no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        is_lost = False
        while True:
            try:
                url, settings = self._address
                connection = await psycopg.AsyncConnection.connect(
                    make_conninfo(url, **settings, application_name=_NAME), autocommit=True
                )
                async with connection:
                    if is_lost:
                        log("changes of keys are told again")
                    is_lost = False
                    await self._follow(connection)
            except (psycopg.Error, OSError, TimeoutError) as error:
                self._trusted_until = 0.0
                if not is_lost:
                    log("changes of keys are not told", reason=type(error).__name__)
                is_lost = True
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _follow(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        """Take note of what is told, for as long as the connection answers."""
        own = f"readstone_beat_{os.urandom(8).hex()}"
        await _listen(connection, _CHANNEL, own)
        self.note()  # whatever was changed while nobody listened
        while True:
            asked = time.monotonic()
            async with asyncio.timeout(_TRUST_SECONDS):
                await connection.execute("select pg_notify(%s, '')", (own,))
            # To its end: what came in one packet with the last that is taken would be lost.
            async with aclosing(connection.notifies(timeout=_BEAT_SECONDS)) as told:
                async for notice in told:
                    if notice.channel == own:
                        self._trusted_until = asked + _TRUST_SECONDS
                    else:
                        self.note()


async def _listen(connection: psycopg.AsyncConnection[tuple[object, ...]], *channels: str) -> None:
    """Have the connection told what is notified on these channels."""
    for channel in channels:
        await connection.execute(f"listen {channel}".encode())
