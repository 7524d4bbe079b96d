"""What the parts of a server are like just now, told to its metrics; the parts themselves know none."""

import time
from collections.abc import Mapping
from typing import get_args

from readstone.core.engine import EngineState
from readstone.core.errors import RequestError
from readstone.engines.pool.pool import Pool
from readstone.media.attachments import Source
from readstone.serving.gateway import Backend
from readstone.serving.intake import Intake
from readstone.serving.ledger import Ledger
from readstone.telemetry.metrics.board import Board
from readstone.telemetry.metrics.families import (
    ENGINE_STATE,
    FETCH_DURATION,
    INTAKE_HELD,
    INTAKE_LIMIT,
    LEDGER_BATCH,
    LEDGER_COMMIT,
    LEDGER_WAITING,
    MEMBER_CIRCUIT,
    MEMBER_OPEN,
    MEMBER_REQUESTS,
    PERMITS_LIMIT,
    PERMITS_USED,
    QUEUE_LENGTH,
)

_STATES: tuple[str, ...] = get_args(EngineState)


def watch_backends(board: Board, backends: Mapping[str, Backend]) -> None:
    """Say what each engine's state, permits and queue are, and of pools what each member does."""
    for name, backend in backends.items():
        admission, engine = backend.admission, backend.engine
        board.set(QUEUE_LENGTH, (name,), admission.waiting)
        board.set(PERMITS_USED, (name,), admission.used)
        board.set(PERMITS_LIMIT, (name,), admission.limit)
        for state in _STATES:
            board.set(ENGINE_STATE, (name, state), float(state == engine.state))
        for lane in engine.lanes if isinstance(engine, Pool) else ():
            labels = (name, lane.engine.name)
            board.set(MEMBER_OPEN, labels, float(lane.is_open))
            board.set(MEMBER_CIRCUIT, labels, float(not lane.circuit.is_closed))
            board.set(MEMBER_REQUESTS, labels, lane.outstanding)


def watch_intake(board: Board, intake: Intake) -> None:
    """Say how many bytes are held."""
    board.set(INTAKE_HELD, (), intake.held)
    board.set(INTAKE_LIMIT, (), intake.budget)


def watch_ledger(board: Board, ledger: Ledger) -> None:
    """Say how many entries wait."""
    board.set(LEDGER_WAITING, (), ledger.waiting)


def count_commits(board: Board, ledger: Ledger) -> None:
    """Have commits counted from now on."""

    def committed(entries: int, seconds: float) -> None:
        board.observe(LEDGER_BATCH, (), entries)
        board.observe(LEDGER_COMMIT, (), seconds)

    ledger.committed = committed


class CountedSource:
    """Fetches as another source does, and counts with what outcome and how long it took."""

    def __init__(self, source: Source, board: Board) -> None:
        self._source = source
        self._board = board

    async def fetch(self, url: str, param: str) -> bytes:
        """What the source says of the URL."""
        begun = time.monotonic()
        outcome = "cancelled"
        try:
            data = await self._source.fetch(url, param)
            outcome = "ok"
        except RequestError as error:
            outcome = error.code or "invalid_request"
            raise
        else:
            return data
        finally:
            self._board.observe(FETCH_DURATION, (outcome,), time.monotonic() - begun)
