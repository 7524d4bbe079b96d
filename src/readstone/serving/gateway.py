"""The gateway: every request that reads a page or asks a model goes through here, and only here."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from readstone.core.chat import ChatRequest, Finish, Relay, TextDelta
from readstone.core.engine import Engine, PageRead, Reads
from readstone.core.errors import EngineFailed, EngineUnavailable, ModelNotFound, RequestError
from readstone.core.model import Model
from readstone.core.record import record
from readstone.core.usage import Metrics
from readstone.serving.admission import Permits
from readstone.serving.fallback import allows_fallback, stand_in
from readstone.serving.limits.hold import Hold, NoHold
from readstone.serving.limits.limiter import Limiter
from readstone.telemetry import log


@record
class Served:
    """The last event of a served stream: why it ended, what it used, how long it took."""

    finish: Finish
    metrics: Metrics


@record
class StandIn:
    """Comes before every other event where another model's engine answers: that engine's fingerprint."""

    fingerprint: str


_MICROSECONDS: Final = 1e6

GatewayEvent: TypeAlias = TextDelta | Relay | Served | StandIn


@dataclass(frozen=True, slots=True)
class Backend:
    """An engine and the admission that guards it."""

    engine: Engine
    admission: Permits


def _nobody(name: str) -> Model:
    raise ModelNotFound(f"There is no model '{name}' to fall back on.")


class Gateway:
    """Admits a request, runs it on its model's engine and measures it.

    Where that engine cannot take it, the models that the asked one names as its fallback stand in; `find` knows them.
    """

    def __init__(
        self,
        backends: Mapping[str, Backend],
        find: Callable[[str], Model] = _nobody,
        limiter: Limiter | None = None,
    ) -> None:
        self._backends = backends
        self._readers = {
            name for name, backend in backends.items() if isinstance(backend.engine, Reads)
        }
        self._find = find
        self._limiter = limiter

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Every engine, in the order of configuration."""
        return tuple(backend.engine for backend in self._backends.values())

    def engine(self, name: str) -> Engine:
        """The engine of that name. EngineUnavailable where it was taken out of service since its model was found."""
        return self._backend(name).engine

    def _backend(self, name: str) -> Backend:
        backend = self._backends.get(name)
        if backend is None:
            raise EngineUnavailable("The engine of this model was taken out of service.")
        return backend

    def chat(self, request: ChatRequest) -> AsyncGenerator[GatewayEvent]:
        """The engine's events, the last one with metrics; closing it aborts the work at any stage.

        Raises what the engine raises, Overloaded or RateLimited where there is no room, what a `Hold` raises, and
        EngineFailed where the engine's stream ends without a Finish. Where the model has a fallback: what stands in for it is told in the last
        event, and where nothing can, what the model that was asked failed with is raised.
        """
        meter = Meter(request.arrived, request.model.engine)
        if request.model.fallback:
            return self._in_turn(request, meter)
        return self._run(request, meter)

    def reads(self, engine: str) -> bool:
        """Whether that engine tells the lines of pages, so that `read` can ask it."""
        return engine in self._readers

    async def read(
        self, request: ChatRequest, engine: str, meter: "Meter"
    ) -> AsyncGenerator[PageRead | Finish]:
        """The pages of a request as that engine reads them, then the Finish; the permit is held until it is closed.

        The caller ends the meter: what it makes of the pages takes time too. Raises what `chat` raises; nothing
        stands in for a reader.
        """
        backend = self._backend(engine)
        reader = backend.engine
        if not isinstance(reader, Reads):
            raise EngineFailed("The engine does not tell the lines of pages.")
        async with self._hold(request) as hold, backend.admission.permit(request.key_id):
            meter.admitted()
            async with aclosing(reader.read(request)) as events:
                async for event in events:
                    if isinstance(event, Finish):
                        await hold.settle(event.usage)
                        yield event
                        return
                    yield event
        raise EngineFailed("The engine ended its pages without saying why.")

    async def _run(self, request: ChatRequest, meter: "Meter") -> AsyncGenerator[GatewayEvent]:
        backend = self._backend(request.model.engine)
        is_over = False
        async with self._hold(request) as hold, backend.admission.permit(request.key_id):
            meter.admitted()
            async with aclosing(backend.engine.chat(request)) as events:
                # To its very end: closing it after its last event would cost an exception on every floor.
                async for event in events:
                    if is_over:
                        break
                    if isinstance(event, Finish):
                        is_over = True
                        await hold.settle(event.usage)
                        yield Served(event, meter.end(event))
                        continue
                    if tokens := event.tokens:
                        meter.first_token()
                        hold.tokens += tokens
                    yield event
        if not is_over:
            raise EngineFailed("The engine ended its answer without saying why.")

    def _hold(self, request: ChatRequest) -> Hold | NoHold:
        return NoHold() if self._limiter is None else Hold(self._limiter, request)

    async def _in_turn(self, request: ChatRequest, meter: "Meter") -> AsyncGenerator[GatewayEvent]:
        """Ask the model, then those that stand in for it, until one begins to answer."""
        failure: RequestError | None = None
        for candidate in self._candidates(request):
            if failure is None and candidate is not request:
                failure = EngineUnavailable(
                    f"The engine of '{request.model.id}' is not up. Try again in a moment."
                )
            answer = (
                self._run(request, meter)
                if failure is None
                else self._stand_in(request, candidate, meter, failure)
            )
            begun = False
            try:
                async with aclosing(answer) as events:
                    async for event in events:
                        begun = True
                        yield event
            except RequestError as error:
                if begun or (failure is None and not allows_fallback(error)):
                    raise
                failure = failure or error
            else:
                return
        if failure is not None:
            raise failure

    async def _stand_in(
        self, request: ChatRequest, candidate: ChatRequest, meter: "Meter", failure: RequestError
    ) -> AsyncGenerator[GatewayEvent]:
        """The events of another model's engine, which say so before and after."""
        begun = False
        model = candidate.model
        async with aclosing(self._run(candidate, meter)) as events:
            async for event in events:
                if not begun:
                    begun = True
                    asked = request.model.id
                    log("fallback", id=request.id, model=asked, to=model.id, reason=failure.code)
                    yield StandIn(self.engine(model.engine).fingerprint)
                yield _told(event, request.model, model)

    def _candidates(self, request: ChatRequest) -> list[ChatRequest]:
        """The request, then as its stand-ins get it; where some of their engines are ready only for those."""
        candidates = [request]
        for name in request.model.fallback:
            changed = stand_in(request, self._find(name))
            if changed is not None:
                candidates.append(changed)
        ready = [each for each in candidates if self.engine(each.model.engine).state == "ready"]
        return ready or candidates


def _told(event: GatewayEvent, asked: Model, model: Model) -> GatewayEvent:
    """The event of a stand-in: the last one says who answered."""
    if not isinstance(event, Served):
        return event
    finish, metrics = event.finish, event.metrics
    engine = finish.engine or model.engine
    note = f"The engine of '{asked.id}' could not take the request; '{model.id}' answered instead."
    notes = (note, *finish.notes)
    return Served(
        replace(finish, engine=engine, notes=notes), replace(metrics, engine=engine, notes=notes)
    )


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
            ttft_seconds=_rounded(first - self._arrived, _MICROSECONDS),
            tps=_rounded(max(completion_tokens - 1, 0) / generating, 1e3)
            if generating > 0
            else 0.0,
            total_time_seconds=_rounded(now - self._arrived, _MICROSECONDS),
            image_seconds=_rounded(self._asked - self._arrived, _MICROSECONDS),
            queue_seconds=_rounded(self._admitted - self._asked, _MICROSECONDS),
            engine=finish.engine or self._engine,
            notes=finish.notes,
        )


def _rounded(value: float, parts: float) -> float:
    """A value of at least 0 in whole parts: `round` writes each as text and reads it again."""
    return int(value * parts + 0.5) / parts
