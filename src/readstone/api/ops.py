"""`GET /health` and `GET /ready`: for whoever watches the server; public."""

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from readstone.api.reply import Reply
from readstone.serving.gateway import Gateway


class Health(msgspec.Struct):
    """The process answers."""

    status: str


class Readiness(msgspec.Struct):
    """Whether every engine would answer now, and each engine's state."""

    status: str
    engines: dict[str, str]


class Ops:
    """Answers without a key and without touching a disk."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def routes(self) -> list[Route]:
        """The two routes."""
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/ready", self.ready, methods=["GET"]),
        ]

    async def health(self, request: Request) -> Reply:
        """200 as long as the event loop turns."""
        del request
        return Reply(Health("ok"))

    async def ready(self, request: Request) -> Reply:
        """200 when every engine is ready, else 503."""
        del request
        states = {engine.name: engine.state for engine in self._gateway.engines}
        ready = all(state == "ready" for state in states.values())
        status = "ready" if ready else "not ready"
        return Reply(Readiness(status, dict(states)), 200 if ready else 503)
