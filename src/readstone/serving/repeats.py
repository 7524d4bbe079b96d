"""Requests that are sent again: of those with the same Idempotency-Key one is answered, the others get its answer."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, assert_never

from readstone.config import Config
from readstone.core.errors import InvalidRequest, RepeatRefused, StoreUnavailable
from readstone.core.repeat import KeptAnswer, Lapsed, Lost, Right, Runs
from readstone.store import Entries, Store
from readstone.store.answers import AnswerFile, StoredAnswers, Tables

_LEASE_MILLISECONDS: Final = 20_000
"""How long a right holds without being renewed: so long a process may be silent before it counts as gone."""
_RENEW_SECONDS: Final = 5.0
_FORGET_SECONDS: Final = 30.0
_SOON: Final = 1.0


@dataclass(frozen=True, slots=True)
class RepeatTerms:
    """How long answers are kept, how large they may be, and how many and how much of one key's.

    A body that is sent again may have `body_bytes` and take `body_seconds`.
    """

    ttl_seconds: int
    answer_bytes: int
    entries_per_key: int
    bytes_per_key: int
    body_bytes: int
    body_seconds: float


def build_repeats(config: Config, store: Store) -> "Repeats":
    """As it is configured: answers are kept in the database, or in a file of their own beside that of the store."""
    own, limits = config.idempotency, config.limits
    terms = RepeatTerms(
        own.ttl_seconds,
        own.answer_bytes,
        own.entries_per_key,
        own.bytes_per_key,
        limits.body_bytes,
        limits.request_seconds,
    )
    if not own.enabled:
        return Repeats(None, store, terms)
    tables = store if isinstance(store, Tables) else AnswerFile(config.data_dir / "answers.db")
    return Repeats(StoredAnswers(tables), store, terms)


def _nobody(outcome: str) -> None:
    del outcome


class Repeats:
    """Gives requests the right to be answered for their Idempotency-Keys, and keeps answers.

    An answer is charged once: a right is looked at again just before its answer is entered in the ledger, so one that lapsed
    meanwhile fails instead; and who takes over a right that has lapsed first looks whether its request was entered. Without
    `answers` there are no rights.
    """

    def __init__(
        self,
        answers: StoredAnswers | None,
        entries: Entries,
        terms: RepeatTerms,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.terms = terms
        self.counted: Callable[[str], None] = _nobody
        """Told the outcome of each request: `first`, `replayed`, or the code it was refused with."""
        self._kept = answers
        self._entries = entries
        self._now = now
        self._running: dict[str, Right] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to renew rights, and to forget answers; ConfigurationError where they cannot be kept."""
        if self._kept is None:
            return
        await self._kept.start()
        self._tasks = [
            asyncio.create_task(each) for each in (self._keep_renewing(), self._forget())
        ]

    async def stop(self) -> None:
        """Renew no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._kept is not None:
            await self._kept.stop()

    async def take(self, key_id: str, key: str, request_id: str) -> Right | KeptAnswer:
        """A right for the request, or the answer that there is; RepeatRefused where there can be neither."""
        lapsed = ""
        while True:
            wanted = self._wanted(key_id, key, request_id)
            standing = await self._answers.take(wanted, lapsed)
            match standing:
                case Right():
                    self._running[standing.request_id] = standing
                    return standing
                case KeptAnswer():
                    return standing
                case Lapsed(request_id=lapsed):
                    entry = await self._entries.entry(lapsed)
                    if entry is not None and entry.status == "ok":
                        raise self._lost()
                case Runs():
                    raise RepeatRefused(
                        "A request with this Idempotency-Key is being answered. Try again in a moment.",
                        retry_after=_SOON,
                    )
                case Lost():
                    raise self._lost()
                case _:
                    assert_never(standing)

    async def hold(self, right: Right) -> None:
        """Just before an answer is charged; RepeatRefused where the right is another request's by now."""
        if not await self._answers.hold(right, self._milliseconds() + _LEASE_MILLISECONDS):
            raise RepeatRefused(
                "Another request with this Idempotency-Key is being answered instead.",
                retry_after=_SOON,
            )

    async def keep(self, right: Right, answer: KeptAnswer | None) -> None:
        """Keep an answer that was charged, None where it is lost. Where that is not possible, it is lost when the right lapses."""
        self._running.pop(right.request_id, None)
        expires = self._milliseconds() + self.terms.ttl_seconds * 1000
        with suppress(StoreUnavailable):  # it told the log; the client gets its answer all the same
            await self._answers.keep(right, answer, expires)

    async def release(self, right: Right) -> None:
        """Nothing was charged: the next request with that key is answered."""
        self._running.pop(right.request_id, None)
        with suppress(StoreUnavailable):  # then it lapses
            await self._answers.release(right)

    def leave(self, right: Right) -> None:
        """Let a right lapse: it is not known whether something was charged."""
        self._running.pop(right.request_id, None)

    @property
    def _answers(self) -> StoredAnswers:
        if self._kept is None:
            raise InvalidRequest(
                "This server keeps no answers (idempotency.enabled): send the request without an Idempotency-Key.",
                param="Idempotency-Key",
                code="idempotency_disabled",
            )
        return self._kept

    def _wanted(self, key_id: str, key: str, request_id: str) -> Right:
        at = self._milliseconds()
        lease, kept = at + _LEASE_MILLISECONDS, at + self.terms.ttl_seconds * 1000
        return Right(_digest(key_id, key), key_id, request_id, at, lease, kept)

    def _lost(self) -> RepeatRefused:
        return RepeatRefused(
            "The request with this Idempotency-Key was answered and charged, and its answer is not kept: send it with "
            "another key to have it answered and charged anew.",
            code="idempotency_answer_lost",
        )

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await self.renew()

    async def renew(self) -> None:
        """Renew the rights of what is being answered."""
        for right in list(self._running.values()):
            if right.request_id in self._running:
                # One that is another's by now is found out before it is charged.
                with suppress(StoreUnavailable):
                    await self._answers.hold(right, self._milliseconds() + _LEASE_MILLISECONDS)

    async def _forget(self) -> None:
        terms = self.terms
        while True:
            try:
                now = self._milliseconds()
                await self._answers.forget(now, terms.entries_per_key, terms.bytes_per_key)
            except StoreUnavailable:
                pass  # later is soon enough
            await asyncio.sleep(_FORGET_SECONDS)


class Fingerprint:
    """A keyed hash of a request, taken piece by piece: without the Idempotency-Key it tells nothing of what it is of.

    `boundary` is what parts the parts of a form: clients make a new one each time, so it does not count.
    """

    def __init__(self, key_id: str, key: str, path: str, boundary: bytes = b"") -> None:
        secret = f"readstone repeat\0{key_id}\0{key}".encode()
        self._hash = hmac.new(hashlib.sha256(secret).digest(), path.encode(), hashlib.sha256)
        self._boundary = boundary
        self._tail = b""

    def add(self, piece: bytes) -> None:
        """The next piece of the body."""
        if not self._boundary:
            self._hash.update(piece)
            return
        *parts, last = (self._tail + piece).split(self._boundary)
        for part in parts:
            self._hash.update(part + b"\0")
        kept = max(len(last) - len(self._boundary) + 1, 0)
        self._hash.update(last[:kept])
        self._tail = last[kept:]

    def finish(self) -> str:
        """The hash of everything; nothing is added afterwards."""
        self._hash.update(self._tail)
        return self._hash.hexdigest()


def _digest(key_id: str, key: str) -> str:
    return hashlib.sha256(f"{key_id}\0{key}".encode()).hexdigest()
