"""The account of one request: what it used so far, until it is entered in the ledger."""

import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Literal, Self, TypeAlias

from readstone.core.chat import ChatRequest
from readstone.core.errors import (
    ClientClosed,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    PictureFailed,
    RequestError,
    RequestTimeout,
    StoreUnavailable,
)
from readstone.core.ledger import Entry, Status
from readstone.core.model import Model
from readstone.core.usage import Usage
from readstone.serving.gateway import GatewayEvent, Served, StandIn
from readstone.serving.ledger import Ledger
from readstone.serving.limits.estimate import estimate

Gate: TypeAlias = Callable[[], Awaitable[None]]
Stage: TypeAlias = Literal["open", "committing", "answered"]

_NOTHING = Usage(0, 0)


class Account:
    """A block that answers a request, entered in the ledger once: by `settle`, or when it ends before.

    Entering the block raises StoreUnavailable where an answer could not be entered. A request that ends before its answer
    is whole costs what was used so far where its client left, else nothing.
    """

    __slots__ = (
        "_arrived",
        "_is_settled",
        "_key_id",
        "_ledger",
        "_model",
        "_request",
        "_request_id",
        "_route",
        "_served",
        "_tokens",
        "gate",
        "stage",
    )

    def __init__(
        self, ledger: Ledger, request_id: str, key_id: str, route: str, arrived: float
    ) -> None:
        self._ledger = ledger
        self._request_id = request_id
        self._key_id = key_id
        self._route = route
        self._arrived = arrived
        self._model: Model | None = None
        self._request: ChatRequest | None = None
        self._tokens = 0
        self._served: Served | None = None
        self._is_settled = False
        self.gate: Gate | None = None
        """Passed before the answer is entered; what it raises the request fails with."""
        self.stage: Stage = "open"
        """How far the answer is on its way into the ledger; once it is there it is charged."""

    def ask(self, model: Model) -> None:
        """The request asks for this model."""
        self._model = model

    def send(self, request: ChatRequest) -> None:
        """The request is on its way to its engine."""
        self._model = request.model
        self._request = request

    def take(self, event: GatewayEvent) -> None:
        """Take note of an event of the answer."""
        if isinstance(event, Served):
            self._served = event
        elif not isinstance(event, StandIn):
            self._tokens += event.tokens

    async def settle(self) -> None:
        """Enter the answer, whose last event was taken; StoreUnavailable where that cannot be done and has to be.

        Call it before the last byte of the answer is sent.
        """
        served, model = self._served, self._model
        if served is None or model is None:
            raise RuntimeError("an answer is entered when it is there")
        if self.gate is not None:
            await self.gate()
        self._is_settled = True
        self.stage = "committing"
        try:
            await self._ledger.commit(self._answered(served, model))
        except StoreUnavailable:
            self.stage = "open"
            raise
        self.stage = "answered"

    def _answered(self, served: Served, model: Model) -> Entry:
        finish, usage, metrics = served.finish, served.finish.usage, served.metrics
        return Entry(
            self._request_id,
            self._key_id,
            self._route,
            "ok",
            int(time.time() * 1000),
            model.id,
            metrics.engine,
            finish.reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            image_tokens=usage.image_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            estimated=usage.image_tokens_estimated,
            pages=usage.pages,
            images=_images(self._request),
            ttft_ms=int(metrics.ttft_seconds * 1000),
            total_ms=int(metrics.total_time_seconds * 1000),
            queue_ms=int(metrics.queue_seconds * 1000),
            cost=model.prices.cost(usage),
        )

    def __enter__(self) -> Self:
        self._ledger.check()
        return self

    def fail(self, error: BaseException) -> None:
        """The answer ended with an error; nothing is entered where it was settled before."""
        if not self._is_settled:
            self._is_settled = True
            self._ledger.note(self._unfinished(error))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self.fail(error)

    def _unfinished(self, error: BaseException) -> Entry:
        """The entry of a request without a whole answer: its prompt counts as soon as some of the answer was there."""
        model, request = self._model, self._request
        used = _NOTHING
        if self._tokens and request:
            expected = estimate(request)
            used = Usage(expected.prompt_tokens, self._tokens, expected.image_tokens)
        status = _status(error, begun=self._tokens > 0)
        return Entry(
            self._request_id,
            self._key_id,
            self._route,
            status,
            int(time.time() * 1000),
            model.id if model else "",
            model.engine if model else "",
            error=_code(error),
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
            image_tokens=used.image_tokens,
            estimated=self._tokens > 0,
            images=_images(self._request),
            total_ms=int((time.monotonic() - self._arrived) * 1000),
            cost=model.prices.cost(used) if model and status == "left" else 0,
        )


def _images(request: ChatRequest | None) -> int:
    """How many images and documents were sent."""
    return len(request.attachments) if request else 0


class NoAccount:
    """Of a request that is not entered."""

    def ask(self, model: Model) -> None:
        """Forget it."""

    def send(self, request: ChatRequest) -> None:
        """Forget it."""

    def take(self, event: GatewayEvent) -> None:
        """Forget it."""

    def fail(self, error: BaseException) -> None:
        """Forget it."""

    async def settle(self) -> None:
        """Enter nothing."""


NO_ACCOUNT = NoAccount()


def _status(error: BaseException, *, begun: bool) -> Status:
    match error:
        case ClientClosed() | CancelledError():
            return "left"
        case EngineUnavailable() if not begun:
            return "refused"
        case (
            EngineFailed()
            | EngineTimeout()
            | PictureFailed()
            | RequestTimeout()
            | StoreUnavailable()
        ):
            return "failed"
        case RequestError() if not begun:
            return "refused"
        case _:
            return "failed"


def _code(error: BaseException) -> str:
    match error:
        case RequestError():
            return error.code or "invalid_request"
        case CancelledError():
            return ClientClosed.code or ""
        case TimeoutError():
            return RequestTimeout.code or ""
        case _:
            return "internal_error"
