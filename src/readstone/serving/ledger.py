"""The ledger at work: the entry of an answer is safe before the answer's last byte goes out."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from readstone.core.errors import StoreUnavailable
from readstone.core.ledger import DAY_MILLISECONDS, Entry
from readstone.store import Entries
from readstone.telemetry import log, log_bug, log_trouble

_MOST_WAITING: Final = 20_000
"""Entries held at once; in front of a store that is down for long what comes then is lost, and counted."""
_BATCH: Final = 2_000
_APART_SECONDS: Final = 0.002
_FEW: Final = 4
"""Commits of more entries begin so far apart at least: under load many requests share one."""
_GATHER_SECONDS: Final = 0.2
"""And where nobody waits for a commit, as entries are put down in a daybook."""
_COMMIT_SECONDS: Final = 15.0
_RETRY_SECONDS: Final = 0.5
_STOP_SECONDS: Final = 20.0
_PRUNE_SECONDS: Final = 600.0
_PRUNED_AT_ONCE: Final = 500
_PRUNE_PAUSE: Final = 0.02

Committed: TypeAlias = Callable[[int, float], None]
"""Is told of each commit how many entries it had, and how many seconds it took."""

_Waiting: TypeAlias = tuple[Entry, asyncio.Future[None] | None]


@dataclass(frozen=True, slots=True)
class LedgerTerms:
    """Whether requests are refused while entries cannot be kept, and for how many days they are; 0 is for ever."""

    required: bool = True
    keep_days: int = 0


def _unheard(entries: int, seconds: float) -> None:
    del entries, seconds


class Ledger:
    """Commits entries in groups: all that wait go into one transaction, and the next gather meanwhile.

    Where the store has a daybook the entry of an answer is put down in it, and nobody waits for the commit.
    """

    def __init__(self, entries: Entries, terms: LedgerTerms) -> None:
        self._entries = entries
        self._terms = terms
        self._daybook = entries.daybook
        self._waiting = deque[_Waiting]()
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._is_failing = self._is_stopping = False
        self._lost = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.committed: Committed = _unheard
        """Called after each commit."""

    @property
    def waiting(self) -> int:
        """How many entries wait to be committed."""
        return len(self._waiting)

    async def start(self) -> None:
        """Begin to commit, and to forget what is old."""
        tasks = [self._commit_all()]
        if self._terms.keep_days:
            tasks.append(self._prune_all())
        self._tasks = [asyncio.create_task(task) for task in tasks]

    async def stop(self) -> None:
        """Commit what waits, then end."""
        if not self._tasks:
            return
        self._is_stopping = True
        self._wake.set()
        self._hurry.set()
        committing, *others = self._tasks
        for task in others:
            task.cancel()
        await asyncio.wait({committing}, timeout=_STOP_SECONDS)
        committing.cancel()
        await asyncio.wait(self._tasks)
        if self._waiting:
            log_trouble("ledger entries lost", entries=len(self._waiting))

    def check(self) -> None:
        """Raise StoreUnavailable where an answer could not be entered now and has to be."""
        if self._is_failing and self._terms.required:
            raise StoreUnavailable

    async def commit(self, entry: Entry) -> None:
        """Enter an answer; returns when its entry outlives this process.

        Where that fails, raises StoreUnavailable (the entry then says `failed` and costs nothing), or returns where
        the ledger is not required.
        """
        if self._is_failing:
            self.note(self._as_failed(entry))
            self.check()
            return
        book, room = self._daybook, len(self._waiting) < _MOST_WAITING
        if book is not None and room and book.write(entry):
            self._add(entry, None)
            return
        done = asyncio.get_running_loop().create_future()
        self._add(entry, done)
        self._hurry.set()
        await done

    def note(self, entry: Entry) -> None:
        """Enter a request soon; nobody waits for it."""
        self._add(entry, None)

    def _add(self, entry: Entry, done: asyncio.Future[None] | None) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._lose((entry, done))
            return
        self._waiting.append((entry, done))
        self._wake.set()

    def _lose(self, waiting: _Waiting) -> None:
        _, done = waiting
        self._lost += 1
        self._tell([done])

    async def _commit_all(self) -> None:
        while self._waiting or not self._is_stopping:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            begun = time.monotonic()
            size = min(len(self._waiting), _BATCH)
            batch = [self._waiting.popleft() for _ in range(size)]
            self._hurry.clear()
            daybook = None if self._waiting else self._daybook  # its page is in the batch
            if daybook is not None:
                daybook.seal()
            if not await self._commit_batch(batch):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if daybook is not None:
                daybook.clear()
            await self._pause(begun, size)

    async def _pause(self, begun: float, size: int) -> None:
        """Let entries gather for the next commit, where there are not too many already."""
        if self._is_stopping or size == _BATCH:
            return
        if self._daybook is None:
            if size > _FEW:
                await asyncio.sleep(max(begun + _APART_SECONDS - time.monotonic(), 0.0))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_GATHER_SECONDS):
                await self._hurry.wait()

    async def _commit_batch(self, batch: Sequence[_Waiting]) -> bool:
        """Commit and tell who waits; whether it went well."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._entries.append([entry for entry, _ in batch])
        except (StoreUnavailable, TimeoutError):
            self._fail(batch)
            return False
        except Exception as error:  # noqa: BLE001  (a mistake of ours in these entries must not stop all others)
            log_bug(error)
            for waiting in batch:
                self._lose(waiting)
            return True
        self.committed(len(batch), time.monotonic() - begun)
        if self._is_failing:
            self._is_failing = False
            log("ledger is kept again", lost=self._lost)
            self._lost = 0
        for _, done in batch:
            if done is not None and not done.done():
                done.set_result(None)
        return True

    def _fail(self, batch: Sequence[_Waiting]) -> None:
        """Tell who waits, and keep the entries for another try, before those that came since."""
        if not self._is_failing:
            self._is_failing = True
            log_trouble("ledger cannot be kept", required=self._terms.required)
        every = [*batch, *self._waiting]
        self._tell([done for _, done in every])
        self._waiting = deque[_Waiting](
            (self._as_failed(entry) if done else entry, None) for entry, done in every
        )
        while len(self._waiting) > _MOST_WAITING:
            self._lose(self._waiting.pop())

    def _tell(self, waiting: Sequence[asyncio.Future[None] | None]) -> None:
        for done in waiting:
            if done is None or done.done():
                continue
            if self._terms.required:
                done.set_exception(StoreUnavailable())
            else:
                done.set_result(None)

    def _as_failed(self, entry: Entry) -> Entry:
        """The entry of an answer that was not given, for it could not be entered."""
        if not self._terms.required or entry.status != "ok":
            return entry
        return entry._replace(status="failed", error=StoreUnavailable.code or "", cost=0)

    async def _prune_all(self) -> None:
        """Forget old entries, a few at a time, so that nobody waits for it."""
        while True:
            before = int(time.time() * 1000) - self._terms.keep_days * DAY_MILLISECONDS
            pruned = 0
            try:
                while fresh := await self._entries.prune(before, _PRUNED_AT_ONCE):
                    pruned += fresh
                    await asyncio.sleep(_PRUNE_PAUSE)
            except StoreUnavailable:
                pass  # the store has told the log; later is soon enough
            if pruned:
                log("ledger pruned", entries=pruned)
            await asyncio.sleep(_PRUNE_SECONDS)
