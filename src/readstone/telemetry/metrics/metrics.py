"""The metrics of a server: each of its processes counts on a board of its own, and any of them tells the sum."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from readstone.telemetry.log import LOGGER, REQUEST_EVENT, LogValue
from readstone.telemetry.metrics.board import Board, Series, read_boards
from readstone.telemetry.metrics.exposition import merge, render
from readstone.telemetry.metrics.families import BUILD, EVENTS
from readstone.telemetry.metrics.processes import facts, is_alive

Look: TypeAlias = Callable[[Board], None]
"""Writes on the board what something is like now."""

_LOOK_SECONDS = 1.0
EXPECTED = (
    *("unexpected error", "ledger cannot be kept", "ledger entries lost", "store failed"),
    *("limits are not counted", "reader worker died", "API process ended"),
)
"""Events that alerts look at: told as 0 before they happen, or an increase would not see the first."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one of several processes keeps its board: the folder of its server, and its name there."""

    folder: Path
    name: str

    @property
    def file(self) -> Path:
        """The board's."""
        return self.folder / f"{self.name}.board"


class Metrics:
    """What this process counts. Without a `desk` it is the only process of its server.

    Gauges are looked up when metrics are told; with a desk every second too, for the others.
    """

    def __init__(self, version: str, desk: Desk | None = None) -> None:
        self.board = Board(None if desk is None else desk.file)
        self.instance = secrets.token_hex(8)
        """Names this process among all that send metrics."""
        self._version = version
        self._desk = desk
        self._looks: list[Look] = []
        self._events = _EventCounter(self.board)
        for event in EXPECTED:
            self.board.add(EVENTS, (event, ""), 0.0)
        self._looking: asyncio.Task[None] | None = None

    def watch(self, look: Look) -> None:
        """Have something looked at before metrics are told."""
        self._looks.append(look)

    async def start(self) -> None:
        """Begin to count events of the log, and to look."""
        LOGGER.addHandler(self._events)
        if self._desk is not None:
            self._looking = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Count no more."""
        LOGGER.removeHandler(self._events)
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        self.board.close()

    def own(self) -> list[Series]:
        """What this process has counted, as it is now."""
        self._look()
        return list(self.board.read())

    def text(self) -> str:
        """What all processes of the server have counted, for Prometheus."""
        self._look()
        return render(merge(self._everything()))

    def _everything(self) -> Iterator[Series]:
        if self._desk is None:
            yield from self.board.read()
            yield from facts(self.board.pid, "0")
            return
        for file, pid, series in read_boards(self._desk.folder):
            alive = is_alive(pid)
            # What a process was like that is gone is nothing; what it counted was.
            yield from (each for each in series if alive or each.family.kind != "gauge")
            yield from facts(pid, file.stem)

    def _look(self) -> None:
        self.board.set(BUILD, (self._version,), 1.0)
        for look in self._looks:
            look(self.board)
        self.board.forget_unsaid()

    async def _keep_looking(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(_LOOK_SECONDS)


class _EventCounter(logging.Handler):
    """Counts lines of the log by event; those of requests are counted where they end, with more of what they were."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board

    def handle(self, record: logging.LogRecord) -> bool:
        """Count a record, but a request's."""
        return record.msg == REQUEST_EVENT or bool(super().handle(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Count it. Names of events are constants of the code, those of engines the configuration's."""
        fields: dict[str, LogValue] = getattr(record, "fields", {})
        engine = fields.get("engine", "")
        self._board.add(EVENTS, (record.msg, engine if isinstance(engine, str) else ""))
