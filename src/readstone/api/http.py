"""The door: every HTTP request gets an id, is authenticated unless its path is public, and ends in one log line."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from readstone.api.access import scope_of
from readstone.api.errors import body, problem
from readstone.api.exchange import Exchange
from readstone.api.ids import Ids
from readstone.core.errors import (
    ClientClosed,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
)
from readstone.serving.keys import Authenticator
from readstone.serving.limits.limiter import Limiter

PUBLIC_PATHS = frozenset({"/health", "/ready", "/docs", "/openapi.json"})
"""Everything else needs a key, unknown paths included."""

_AS_IT_IS = frozenset({None, b"", b"identity"})
"""Content-Encodings of bodies that are read."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request that failed."""

    status: int
    content: object
    headers: dict[str, str]


Refuse: TypeAlias = Callable[[Exception], Refusal]


def refusal(error: Exception) -> Refusal:
    """The answer of every route that has no form of its own (contract: errors)."""
    found = problem(error)
    return Refusal(found.status, body(error), found.headers)


class Meter(Protocol):
    """Counts requests."""

    def begin(self, exchange: Exchange) -> None:
        """A request has come."""
        ...

    def end(self, exchange: Exchange, scope: Scope) -> str:
        """It is over; its status says how. Its route, as it is written in the documents; '' where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Paths:
    """What holds for some paths only: routes that need no router, forms of refusals, and who needs no key."""

    direct: Mapping[str, ASGIApp] = field(default_factory=dict[str, ASGIApp])
    refusals: Mapping[str, Refuse] = field(default_factory=dict[str, Refuse])
    public: frozenset[str] = PUBLIC_PATHS


class Door:
    """The outermost ASGI application for HTTP: ids, keys, errors and the log, once for every route.

    `limiter` knows what a key has left; `meter` counts. Public paths are left out of the log: probes would fill it.
    """

    def __init__(
        self,
        routes: ASGIApp,
        authenticator: Authenticator,
        paths: Paths | None = None,
        *,
        limiter: Limiter | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._routes = routes
        self._authenticator = authenticator
        self._paths = paths or Paths()
        self._limiter = limiter
        self._meter = meter
        self._ids = Ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the path that is checked is the one that is routed, as the socket gave it."""
        exchange = Exchange(scope, receive, send, self._limiter, self._ids.new())
        # `app` makes starlette raise its refusals, so that they become errors of ours below.
        inner: Scope = {**scope, "exchange": exchange, "app": self}
        if self._meter is not None:
            self._meter.begin(exchange)
        try:
            if scope["path"] not in self._paths.public:
                written = exchange.header(b"authorization")
                exchange.principal = await self._authenticator.principal(
                    written.decode("latin-1") if written is not None else None, exchange
                )
                exchange.principal.require_scope(scope_of(scope["path"]))
            _require_plain(exchange)
            route = self._paths.direct.get(scope["path"], self._routes)
            await route(inner, exchange.receive, exchange.send)
        except ClientClosed:
            exchange.status = 499
        except asyncio.CancelledError:
            exchange.status = 499
            raise
        except Exception as error:  # noqa: BLE001  (the border: whatever it is, the client gets JSON)
            refuse = self._paths.refusals.get(scope["path"], refusal)
            await _refuse(exchange, _translated(error, scope), refuse)
        finally:
            if self._meter is not None:
                self._meter.end(exchange, scope)
            if scope["path"] not in self._paths.public:
                exchange.log()


def _require_plain(exchange: Exchange) -> None:
    if exchange.header(b"content-encoding") not in _AS_IT_IS:
        raise InvalidRequest("The body is compressed (Content-Encoding): send it as it is.")


async def _refuse(exchange: Exchange, error: Exception, refuse: Refuse) -> None:
    exchange.note_error(error)
    if exchange.status is None:
        found = refuse(error)
        await exchange.answer(found.status, found.content, found.headers)


def _translated(error: Exception, scope: Scope) -> Exception:
    """Starlette's refusals as errors of the tree."""
    if not isinstance(error, HTTPException):
        return error
    method, path = scope["method"], scope["path"][:200]
    if error.headers and (allowed := error.headers.get("Allow")):
        return MethodNotAllowed(f"{path} does not take {method}; it takes {allowed}.", allowed)
    return NotFound(f"There is no route {method} {path}; GET /docs lists them.")
