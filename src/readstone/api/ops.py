"""`GET /health`, `GET /ready` and `GET /metrics`: for whoever watches the server; the first two need no key."""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from readstone.api.reply import Reply
from readstone.serving.gateway import Gateway
from readstone.telemetry.metrics.exposition import CONTENT_TYPE
from readstone.telemetry.metrics.metrics import Metrics

METRICS: Final = "/metrics"


class Health(msgspec.Struct):
    """The process answers."""

    status: str


class Readiness(msgspec.Struct):
    """Whether requests should be sent here, and each engine's state.

    `ready`: every engine would answer now; `degraded`: some would, and the others are on their way back. Where several
    processes share the port, `processes` tells how many are `up` of how many; it is degraded while one is missing.
    """

    status: str
    engines: dict[str, str]
    processes: "Processes | UnsetType" = UNSET


class Processes(msgspec.Struct):
    """The API processes of this server."""

    up: int
    of: int


Count: TypeAlias = Callable[[], Processes]
"""Counts the API processes."""


class Ops:
    """Answers without waiting for a disk or an engine."""

    def __init__(self, gateway: Gateway, metrics: Metrics, count: Count | None = None) -> None:
        self._gateway = gateway
        self._count = count
        self._metrics = metrics
        self._settled: set[str] = set()
        """Engines that were ready, or had failed, when they were last looked at."""

    def routes(self) -> list[Route]:
        """The three routes."""
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/ready", self.ready, methods=["GET"]),
            Route(METRICS, self.metrics, methods=["GET"]),
        ]

    async def metrics(self, request: Request) -> Response:
        """What all processes of this server have counted, in the form of Prometheus."""
        del request
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def health(self, request: Request) -> Reply:
        """200 as long as the event loop turns."""
        del request
        return Reply(Health("ok"))

    async def ready(self, request: Request) -> Reply:
        """200 once no engine is starting for the first time, as long as any is ready; else 503."""
        del request
        states = {engine.name: engine.state for engine in self._gateway.engines}
        self._settled |= {name for name, state in states.items() if state in {"ready", "failed"}}
        ready = [name for name, state in states.items() if state == "ready"]
        if not ready or states.keys() - self._settled:
            return Reply(Readiness("not ready", dict(states)), 503)
        processes = UNSET if self._count is None else self._count()
        is_short = processes is not UNSET and processes.up < processes.of
        is_whole = len(ready) == len(states) and not is_short
        return Reply(Readiness("ready" if is_whole else "degraded", dict(states), processes))
