"""The gateway: every request that reads a page or asks a model goes through here, and only here."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from readstone.core.chat import ChatRequest, Finish, Relay, TextDelta
from readstone.core.engine import Engine
from readstone.core.errors import EngineFailed
from readstone.core.usage import Metrics
from readstone.serving.admission import Admission


@dataclass(frozen=True, slots=True)
class Served:
    """The last event of a served stream: why it ended, what it used, how long it took."""

    finish: Finish
    metrics: Metrics


GatewayEvent: TypeAlias = TextDelta | Relay | Served


@dataclass(frozen=True, slots=True)
class Backend:
    """An engine and the admission that guards it."""

    engine: Engine
    admission: Admission


class Gateway:
    """Admits a request, runs it on its model's engine and measures it."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self._backends = backends

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Every engine, in the order of configuration."""
        return tuple(backend.engine for backend in self._backends.values())

    def engine(self, name: str) -> Engine:
        """The engine of that name; the catalogue was checked to name no other."""
        return self._backends[name].engine

    async def chat(self, request: ChatRequest) -> AsyncGenerator[GatewayEvent]:
        """The engine's events, the last one with metrics; closing it aborts the work at any stage.

        Raises what the engine raises, Overloaded or RateLimited where there is no room, and EngineFailed where the
        engine's stream ends without a Finish.
        """
        backend = self._backends[request.model.engine]
        meter = Meter(request.arrived, backend.engine.name)
        async with backend.admission.permit(request.key_id):
            meter.admitted()
            async with aclosing(backend.engine.chat(request)) as events:
                async for event in events:
                    match event:
                        case TextDelta() | Relay():
                            if event.tokens:
                                meter.first_token()
                            yield event
                        case Finish():
                            yield Served(event, meter.end(event))
                            return
        raise EngineFailed("The engine ended its answer without saying why.")


class Meter:
    """The times of one request, from its arrival (`time.monotonic()` seconds)."""

    def __init__(self, arrived: float, engine: str) -> None:
        self._arrived = arrived
        self._engine = engine
        self._asked = time.monotonic()
        self._admitted = self._asked
        self._first: float | None = None

    def admitted(self) -> None:
        """Note the time at which a permit was had."""
        self._admitted = time.monotonic()

    def first_token(self) -> None:
        """Note the time of the first token; later calls change nothing."""
        if self._first is None:
            self._first = time.monotonic()

    def end(self, finish: Finish) -> Metrics:
        """What was measured. `tps` leaves the first token out, as it belongs to `ttft_seconds`."""
        completion_tokens = finish.usage.completion_tokens
        now = time.monotonic()
        first = now if self._first is None else self._first
        generating = now - first
        return Metrics(
            ttft_seconds=round(first - self._arrived, 6),
            tps=round(max(completion_tokens - 1, 0) / generating, 3) if generating > 0 else 0.0,
            total_time_seconds=round(now - self._arrived, 6),
            image_seconds=round(self._asked - self._arrived, 6),
            queue_seconds=round(self._admitted - self._asked, 6),
            engine=finish.engine or self._engine,
            notes=finish.notes,
        )
