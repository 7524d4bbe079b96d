"""Each request becomes a span when it has ended, with what it waited for below it; nothing is held while it runs."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from starlette.types import Scope

from readstone.api.exchange import Exchange
from readstone.api.http import Meter
from readstone.api.metering import PROVIDER
from readstone.serving.gateway import Served
from readstone.telemetry.trace import Attributes, Span, Trace, begin_trace, new_span_id

Export: TypeAlias = Callable[[Trace, Sequence[Span]], None]
"""Takes the spans of a request, the one of the request itself first."""

_SECOND: Final = 1_000_000_000
_FAILURE: Final = 500
_ERRORS: Final = 400
_CLIENT_CLOSED: Final = 499


class Tracing:
    """Traces requests beside what counts them; of new traces a share of `ratio` is sampled.

    `operations` says what OpenTelemetry calls what the routes do that ask models. Attributes are those of OpenTelemetry's conventions for HTTP
    and GenAI, and never content.
    """

    def __init__(
        self, meter: Meter, export: Export, operations: Mapping[str, str], ratio: float
    ) -> None:
        self._meter = meter
        self._export = export
        self._operations = operations
        self._ratio = ratio

    def begin(self, exchange: Exchange) -> None:
        """Find the request's place in a trace, before it is passed on to anyone."""
        self._meter.begin(exchange)
        parent, state = exchange.header(b"traceparent"), exchange.header(b"tracestate")
        exchange.trace = begin_trace(
            None if parent is None else parent.decode("latin-1"),
            None if state is None else state.decode("latin-1"),
            self._ratio,
        )

    def end(self, exchange: Exchange, scope: Scope) -> str:
        """Tell what the request was."""
        route = self._meter.end(exchange, scope)
        trace = exchange.trace
        if trace is not None and trace.is_sampled:
            self._export(trace, self._spans(exchange, scope, route, trace))
        return route

    def _spans(self, exchange: Exchange, scope: Scope, route: str, trace: Trace) -> list[Span]:
        ended = time.time_ns()
        begun = ended - int((time.monotonic() - exchange.arrived) * _SECOND)
        error = _error(exchange)
        attributes = _attributes(exchange, scope, route, error)
        operation = self._operations.get(route)
        model = exchange.notes.get("model")
        if operation is not None and model is not None:
            attributes |= _model_attributes(exchange, operation, str(model))
        method = scope["method"]
        request = Span(
            f"{method} {route}" if route else str(method),
            "server",
            trace.span_id,
            trace.parent_id,
            begun,
            ended,
            attributes,
            error if (exchange.status or 0) >= _FAILURE else "",
        )
        if exchange.served is None or operation is None:
            return [request]
        return [request, *_below(request, exchange.served, operation, str(model))]


def traced(
    meter: Meter, export: Export | None, operations: Mapping[str, str], ratio: float
) -> Meter:
    """The meter, with traces where they are exported."""
    return meter if export is None else Tracing(meter, export, operations, ratio)


def _below(request: Span, served: Served, operation: str, model: str) -> list[Span]:
    """What the request waited for, one after the other: its images, a permit, the engine."""
    metrics, usage = served.metrics, served.finish.usage
    here = request.begun + int(metrics.image_seconds * _SECOND)
    admitted = here + int(metrics.queue_seconds * _SECOND)
    ended = request.begun + int(metrics.total_time_seconds * _SECOND)
    engine: Attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.response.finish_reasons": [served.finish.reason],
        "readstone.engine": metrics.engine,
        "readstone.time_to_first_token": metrics.ttft_seconds,
    }
    return [
        Span("images", "internal", new_span_id(), request.span_id, request.begun, here, {}),
        Span("queue", "internal", new_span_id(), request.span_id, here, admitted, {}),
        Span(
            f"{operation} {model}",
            "client",
            new_span_id(),
            request.span_id,
            admitted,
            max(ended, admitted),
            engine,
        ),
    ]


def _error(exchange: Exchange) -> str:
    status = exchange.status or 0
    if status == _CLIENT_CLOSED:
        return "client_closed"
    noted = exchange.notes.get("error")
    return str(noted or status) if noted or status >= _ERRORS else ""


def _attributes(exchange: Exchange, scope: Scope, route: str, error: str) -> Attributes:
    found: Attributes = {
        "http.request.method": scope["method"],
        "http.response.status_code": exchange.status or 0,
        "readstone.request_id": exchange.id,
    }
    if route:
        found["http.route"] = route
    if error:
        found["error.type"] = error
    if exchange.principal is not None:
        found["readstone.key"] = exchange.principal.key_id
    return found


def _model_attributes(exchange: Exchange, operation: str, model: str) -> Attributes:
    found: Attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": model,
    }
    if exchange.served is not None:
        usage = exchange.served.finish.usage
        found["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        found["gen_ai.usage.output_tokens"] = usage.completion_tokens
        found["gen_ai.response.finish_reasons"] = [exchange.served.finish.reason]
        found["readstone.pages"] = usage.pages
    return found
