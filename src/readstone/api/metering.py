"""Counts every request as it ends, in a few microseconds: by route and status, and by model where one was asked."""

import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from starlette.routing import compile_path
from starlette.types import Scope

from readstone.api.exchange import Exchange
from readstone.serving.gateway import Served
from readstone.telemetry.metrics.board import Board
from readstone.telemetry.metrics.families import (
    ACTIVE,
    FIRST_TOKEN,
    HTTP_DURATION,
    KEY_FAILURES,
    OPERATION_DURATION,
    OUTPUT_TOKEN,
    PAGES,
    QUEUE_DURATION,
    REFUSALS,
    REQUESTS,
    TOKEN_USAGE,
)
from readstone.telemetry.metrics.family import Family

PROVIDER: Final = "readstone"
"""OpenTelemetry's `gen_ai.provider.name`: who is asked, not who trained the model."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "_OTHER"
"""What OpenTelemetry's conventions call a method that is not well known."""
_NO_ROUTE: Final = ""
_REFUSED: Final = frozenset(
    {"rate_limit_exceeded", "insufficient_quota", "overloaded", "limits_unavailable"}
)
_CLIENT_CLOSED: Final = 499
_ERRORS: Final = 400

_Sort: TypeAlias = tuple[str, str, int, str, str]
"""Requests that are counted alike: method, route, status, model, error."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """Where on the board a sort of request is counted; 0 where it is not."""

    http: int
    requests: int
    failures: int
    is_refusal: bool
    operation: int = 0
    first: int = 0
    each: int = 0
    prompt: int = 0
    completion: int = 0
    pages: int = 0
    queue: int = 0


class Metering:
    """Counts requests on a board. `routes` are the paths there are, `{name}` for what varies; others are one.

    `operations` says which of them ask a model, and what OpenTelemetry calls that. Nothing that clients choose becomes a
    label: models are those of the catalogue, errors those of the code.
    """

    def __init__(self, board: Board, routes: Iterable[str], operations: Mapping[str, str]) -> None:
        paths = list(routes)
        self._board = board
        self._exact = {path: path for path in paths if "{" not in path}
        self._patterns = [(compile_path(path)[0], path) for path in paths if "{" in path]
        self._operations = operations
        self._cells: dict[_Sort, _Cells] = {}
        self._active = board.series(ACTIVE)

    def begin(self, exchange: Exchange) -> None:
        """A request has come."""
        del exchange
        self._board.numbers[self._active] += 1.0

    def end(self, exchange: Exchange, scope: Scope) -> str:
        """It is over; its route."""
        seconds = time.monotonic() - exchange.arrived
        notes = exchange.notes
        path, method = scope["path"], scope["method"]
        route = self._exact.get(path) or self._route(path)
        sort = (
            method if method in _METHODS else _OTHER,
            route,
            exchange.status or 0,
            str(notes.get("model", "")),
            str(notes.get("error", "")),
        )
        cells = self._cells.get(sort) or self._find(sort, exchange)
        numbers = self._board.numbers
        numbers[self._active] -= 1.0
        numbers[cells.requests] += 1.0
        _observe(numbers, cells.http, HTTP_DURATION, seconds)
        if cells.is_refusal:
            limit = str(notes.get("limit", ""))
            self._board.add(REFUSALS, (sort[3], sort[4], limit))
        if cells.failures:
            numbers[cells.failures] += 1.0
        if cells.operation:
            _observe(numbers, cells.operation, OPERATION_DURATION, seconds)
            if exchange.served is not None:
                self._count_answer(cells, exchange.served, seconds)
        return route

    def _count_answer(self, cells: _Cells, served: Served, seconds: float) -> None:
        numbers, usage, metrics = self._board.numbers, served.finish.usage, served.metrics
        _observe(numbers, cells.prompt, TOKEN_USAGE, usage.prompt_tokens)
        completion = usage.completion_tokens
        _observe(numbers, cells.completion, TOKEN_USAGE, completion)
        _observe(numbers, cells.queue, QUEUE_DURATION, metrics.queue_seconds)
        numbers[cells.pages] += usage.pages
        _observe(numbers, cells.first, FIRST_TOKEN, metrics.ttft_seconds)
        if completion > 1:
            rest = (seconds - metrics.ttft_seconds) / (completion - 1)
            _observe(numbers, cells.each, OUTPUT_TOKEN, rest)

    def _route(self, path: str) -> str:
        for pattern, route in self._patterns:
            if pattern.match(path):
                return route
        return _NO_ROUTE

    def _find(self, sort: _Sort, exchange: Exchange) -> _Cells:
        method, route, status, model, error = sort
        if status == _CLIENT_CLOSED:
            error = "client_closed"
        elif status >= _ERRORS and not error:
            error = str(status)
        series = self._board.series
        keyless = exchange.principal is None and error and status in {401, 429}
        cells = _Cells(
            series(HTTP_DURATION, (method, route, str(status))),
            series(REQUESTS, (route, model, str(status), error)),
            series(KEY_FAILURES, (error,)) if keyless else 0,
            error in _REFUSED and not keyless,
        )
        if model and route in self._operations:
            cells = self._of_model(cells, self._operations[route], model, error)
        self._cells[sort] = cells
        return cells

    def _of_model(self, cells: _Cells, operation: str, model: str, error: str) -> _Cells:
        series = self._board.series
        labels = (operation, PROVIDER, model)
        return _Cells(
            cells.http,
            cells.requests,
            cells.failures,
            cells.is_refusal,
            series(OPERATION_DURATION, (*labels, error)),
            series(FIRST_TOKEN, labels),
            series(OUTPUT_TOKEN, labels),
            series(TOKEN_USAGE, (*labels, "input")),
            series(TOKEN_USAGE, (*labels, "output")),
            series(PAGES, (model,)),
            series(QUEUE_DURATION, (model,)),
        )


def _observe(numbers: "memoryview[float]", first: int, family: Family, value: float) -> None:
    buckets = family.buckets
    numbers[first + bisect_left(buckets, value)] += 1.0
    numbers[first + len(buckets) + 1] += value
