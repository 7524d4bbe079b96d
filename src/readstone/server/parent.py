"""The process that owns a server of several API processes: it has the port, the worker, the engines and the limits."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from readstone import __version__
from readstone.config import Config, Source
from readstone.config.renewal import Renewal
from readstone.core.engine import EngineState
from readstone.core.errors import ConfigurationError
from readstone.engines.assembly import build_common
from readstone.engines.worker.shared import Relay
from readstone.parts import cores
from readstone.server.entrance import Entrance
from readstone.server.folder import Folder
from readstone.server.house import Keep, Seats
from readstone.server.listening import address_of, bind
from readstone.server.member import Belongings, Member
from readstone.server.memory import Memory
from readstone.server.messages import (
    Alive,
    Begin,
    Change,
    Changed,
    FromProcess,
    ModelTold,
    News,
    Outcome,
    Reload,
    Told,
)
from readstone.server.reloading import Reloading
from readstone.server.share import check_shares
from readstone.server.signals import Signals
from readstone.serving.admission import Admission
from readstone.serving.exporting import build_exporter
from readstone.serving.limits.shared import MOST_PROCESSES, SharedCounters
from readstone.store.opening import open_store
from readstone.telemetry import log_trouble
from readstone.telemetry.metrics.metrics import Desk, Metrics

OWNER: Final = "owner"
"""What metrics call this process, where they call the others by their numbers."""

_NEWS_SECONDS: Final = 0.05
_CHANGE_SECONDS: Final = 30.0
_HAND_OVER_SECONDS: Final = 1.0
_MARGIN_SECONDS: Final = 25.0
"""What a process may take to end beyond the time its requests have: it commits what waits for the ledger."""


@dataclass(frozen=True, slots=True)
class _State:
    """An engine's."""

    state: EngineState


@dataclass(slots=True)
class Board:
    """What is announced, as an API process told it last."""

    catalogue: Sequence[ModelTold] = ()
    engines: Mapping[str, _State] = field(default_factory=dict[str, _State])
    troubles: Mapping[str, str] = field(default_factory=dict[str, str])
    logs: Mapping[str, Path] = field(default_factory=dict[str, Path])

    def note(self, told: Told) -> None:
        """Take what was told."""
        self.catalogue = told.models
        self.engines = {name: _State(state) for name, state in told.states.items()}
        self.troubles = told.troubles
        self.logs = {name: Path(path) for name, path in told.logs.items()}


Visit: TypeAlias = Callable[[str, Board], Coroutine[None, None, None]]
"""As of one process."""


class Parent:
    """Runs `config.workers` API processes; every part of the server that there is once is here."""

    def __init__(self, config: Config, source: Source, folder: Path) -> None:
        self.board = Board()
        self._config = config
        self.reloading = Reloading(source, source.read())
        self.reloading.apply = self._change_all
        self._folder = folder
        self._metrics = Metrics(__version__, Desk(folder, OWNER))
        self._exporter = build_exporter(config.otel, self._metrics, __version__)
        self._seats = Seats()
        common = build_common(config, cores(), self._seats.connect)
        self._keep = Keep(common, self._seats)
        memory = self._memory = Memory.make() if config.limits.redis is None else None
        self._counters = memory and SharedCounters(memory.limits, MOST_PROCESSES - 1)
        belongings = Belongings(
            self._begin,
            Relay(common.worker),
            {name: Admission(*room) for name, room in common.room.items()},
            self._memory,
            self._release,
        )
        self.members = [Member(number, belongings, self) for number in range(config.workers)]
        self._changed = asyncio.Event()
        self._changing: dict[int, asyncio.Future[str | None]] = {}
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._entrance: Entrance | None = None
        self._news: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start everything; returns when the first API process is up. ConfigurationError where none can be."""
        await self._metrics.start()
        if self._exporter is not None:
            await self._exporter.start()
        await self._keep.start()
        for member in self.members:
            member.start()
        self._news = asyncio.create_task(self._tell_news())
        while not any(member.is_up for member in self.members):
            for member in self.members:
                if member.trouble is not None:
                    raise ConfigurationError(member.trouble)
            self._changed.clear()
            await self._changed.wait()

    def enter(self, entrance: Entrance) -> None:
        """Let connections in from now on, while somebody is up to take them."""
        self._entrance = entrance
        entrance.look()

    async def drain(self, at_once: asyncio.Event) -> None:
        """Have every process answer what was accepted, and end; a second signal has them end without."""
        if self._entrance is not None:
            await self._entrance.close(_HAND_OVER_SECONDS)
            self._entrance = None
        for member in self.members:
            member.end(at_once=False)
        ended = asyncio.gather(*(member.until_ended() for member in self.members))
        haste = asyncio.create_task(at_once.wait())
        patience = self._config.drain_seconds + _MARGIN_SECONDS
        await asyncio.wait({ended, haste}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            for member in self.members:
                member.end(at_once=True)
            await asyncio.wait({ended}, timeout=_MARGIN_SECONDS)
        haste.cancel()
        ended.cancel()
        await asyncio.gather(haste, ended, return_exceptions=True)

    async def stop(self) -> None:
        """End what is left, and everything that was shared."""
        for member in self.members:
            await member.kill()
        if self._news is not None:
            self._news.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._news
        await self._keep.stop()
        if self._counters is not None:
            await self._counters.close()
        if self._memory is not None:
            self._memory.close()
        if self._exporter is not None:
            await self._exporter.stop()
        await self._metrics.stop()

    def heard(self, member: Member, message: FromProcess) -> None:
        """Do what an API process wants of us."""
        match message:
            case Alive(engine=engine):
                self._keep.hear(engine)
            case Told() if member.number == 0:
                self.board.note(message)
            case Changed(id=number) if (waiting := self._changing.get(number)) is not None:
                if not waiting.done():
                    waiting.set_result(message.error)
            case Reload():
                task = asyncio.create_task(self._reload_for(member, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case _:
                pass  # it is of no concern to others

    def changed(self, member: Member) -> None:
        """Let connections go where they are taken."""
        del member
        news = self._newest()
        for each in self.members:
            each.say(news)
        self._changed.set()
        if self._entrance is not None:
            self._entrance.look()

    async def _reload_for(self, member: Member, wish: Reload) -> None:
        """Reload, and tell the process that was asked for it."""
        try:
            changes = await self.reloading.reload()
        except ConfigurationError as error:
            member.say(Outcome(wish.id, error=str(error)))
        else:
            member.say(Outcome(wish.id, list(changes.applied), list(changes.restart)))

    async def _change_all(self, renewal: Renewal) -> None:
        """Have every process be so; the first finds out whether that can be, before the others are told."""
        check_shares(renewal.config)
        first, *others = [member for member in self.members if member.is_up] or [None]
        if first is not None:
            await self._change(first, renewal)
            await asyncio.gather(*(self._change(other, renewal) for other in others if other))

    async def _change(self, member: Member, renewal: Renewal) -> None:
        number = next(self._numbers)
        waiting = self._changing[number] = asyncio.get_running_loop().create_future()
        try:
            member.say(Change(number, renewal.settings))
            async with asyncio.timeout(_CHANGE_SECONDS):
                error = await waiting
        except TimeoutError:
            # Whatever holds it up, it begins anew with what all others have.
            log_trouble("API process does not reload", worker=member.number)
            member.end(at_once=False, for_good=False)
            return
        finally:
            del self._changing[number]
        if error is not None:
            raise ConfigurationError(error)

    def _begin(self, number: int) -> Begin:
        return Begin(
            number,
            len(self.members),
            self.reloading.settings,
            str(self._folder),
            self._config.log_format,
        )

    def _release(self, number: int) -> None:
        """What ran in a process that is gone runs no more."""
        if self._counters is not None:
            self._counters.release(number)

    def _newest(self) -> News:
        up = sum(member.is_up for member in self.members)
        return News(dict(self._keep.seen()), up)

    async def _tell_news(self) -> None:
        """Let all know how the engines are, whenever that changes."""
        told = None
        while True:
            news = self._newest()
            if news != told:
                for member in self.members:
                    member.say(news)
                told = news
            self._seats.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_NEWS_SECONDS):
                    await self._seats.changed.wait()


async def serve_many(config: Config, source: Source, visit: Visit) -> None:
    """Serve with `config.workers` processes until SIGTERM or Ctrl-C, then let running requests finish."""
    check_shares(config)
    listener = bind(config.host, config.port)
    # It is made or migrated once, before many use it; and what is wrong with it is told here.
    store = await open_store(config)
    await store.close()
    folder = await asyncio.to_thread(Folder.make)
    try:
        parent = Parent(config, source, folder.path)
        try:
            with Signals(parent.reloading.wish) as signals:
                await parent.start()
                parent.enter(Entrance(listener, parent.members))
                visitor = asyncio.create_task(
                    visit(address_of(config.host, listener), parent.board)
                )
                await signals.end.wait()
                await parent.drain(signals.at_once)
                await parent.reloading.stop()
                visitor.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await visitor
        finally:
            await parent.stop()
    finally:
        await asyncio.to_thread(folder.remove)
