"""Counters in Redis or Valkey: exact between processes and machines.

Minutes go by the clock of that server, so machines whose clocks differ agree; days and months by each one's own.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from readstone.serving.limits.counters import (
    Charge,
    CountersFailed,
    Level,
    Outcome,
    Refused,
    Taken,
    Unknown,
)
from readstone.serving.limits.rules import Calendar, Lease

_CONNECTIONS: Final = 16
_SECONDS: Final = 2.0
"""Longest time to connect, and to wait for an answer."""


class RedisCounters:
    """Counts in one script on the server at `url`; every charge is one round trip."""

    def __init__(
        self, url: str, password: str | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] (its options are untyped)
            url,
            max_connections=_CONNECTIONS,
            timeout=_SECONDS,
            password=password,
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
            # A connection that was kept may be dead by now: one more try, at once, on a new one.
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis.from_pool(pool)
        self._clock = clock
        self._take = self._redis.register_script(_script("take"))
        self._correct = self._redis.register_script(_script("correct"))

    async def take(
        self, charges: Sequence[Charge], begins: Mapping[str, int] | None = None
    ) -> Outcome:
        """Charge everything or nothing."""
        keys = [charge.rule.name for charge in charges]
        now = self._clock() if self._clock else ""
        arguments: list[str | int | float] = [now, int(begins is not None)]
        today = now or time.time()
        for charge in charges:
            arguments += _arguments(charge, (begins or {}).get(charge.rule.name, 0), today)
        asked = asyncio.ensure_future(self._take(keys, arguments))
        try:
            return _outcome(await asyncio.shield(asked))
        except asyncio.CancelledError:
            await self._take_back(asked, charges)
            raise
        except (RedisError, OSError) as error:
            raise CountersFailed(type(error).__name__) from error

    async def _take_back(self, asked: asyncio.Future[Any], charges: Sequence[Charge]) -> None:
        """Whoever asked has left: what was charged meanwhile nobody would give back, and it would count as running on."""
        with suppress(RedisError, OSError, CountersFailed):
            outcome = _outcome(await asked)
            if isinstance(outcome, Taken):
                given = [Charge(charge.rule, -charge.amount) for charge in charges]
                await self.correct(outcome.at, given)

    async def correct(self, at: float, charges: Sequence[Charge]) -> None:
        """Add to what was taken at that time."""
        keys = [charge.rule.name for charge in charges]
        arguments: list[str | int | float] = []
        for charge in charges:
            arguments += [charge.rule.window.cell(at), charge.amount]
        try:
            await self._correct(keys, arguments)
        except (RedisError, OSError) as error:
            raise CountersFailed(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _script(name: str) -> str:
    return files("readstone.serving.limits").joinpath(f"{name}.lua").read_text()


def _arguments(charge: Charge, begin: int, today: float) -> list[str | int | float]:
    """What the script is told of a rule."""
    rule, window = charge.rule, charge.rule.window
    if isinstance(window, Calendar):
        cell = window.cell(today)
        return ["period", charge.amount, rule.most, 0, 0, cell, window.expiry(cell), begin]
    kind = "lease" if isinstance(window, Lease) else "slide"
    return [kind, charge.amount, rule.most, window.seconds, window.cell_seconds, 0, 0, 0]


def _outcome(answer: Sequence[Any]) -> Outcome:
    kind, now, told = answer[0], float(answer[1]), answer[2]
    if kind == b"unknown":
        return Unknown(now, list(told))
    levels = [
        Level(int(float(used)), max(float(reset), 0.0))
        for used, reset in zip(told[::2], told[1::2], strict=True)
    ]
    if kind == b"taken":
        return Taken(now, levels)
    wait = None if answer[4] == b"never" else max(float(answer[4]), 0.0)
    return Refused(int(answer[3]), wait, levels)
