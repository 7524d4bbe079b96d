"""Sends spans and metrics to a collector: OpenTelemetry's protocol over HTTP. Needs the extra `otel`."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeVar

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from readstone.telemetry.log import log, log_trouble
from readstone.telemetry.metrics.board import Series
from readstone.telemetry.metrics.families import FAMILIES
from readstone.telemetry.metrics.family import Family
from readstone.telemetry.trace import Span, Trace

T = TypeVar("T")

_KINDS: Final = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_STOP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Collector:
    """Where a collector listens, with headers that may hold a key; what is sent to it, and every how many seconds."""

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    traces: bool = True
    metrics: bool = True
    interval_seconds: float = 60.0
    timeout_seconds: float = 10.0


class _Sink(Protocol):
    """What is used of the exporter of metrics."""

    def export(self, metrics_data: MetricsData) -> MetricExportResult: ...


class Exporter:
    """Sends what it is given from threads of its own; a collector that is away holds nothing up and loses its share."""

    def __init__(
        self,
        collector: Collector,
        resource: Mapping[str, str],
        read: Callable[[], Iterable[Series]],
    ) -> None:
        self._collector = collector
        self._resource = Resource(dict(resource))
        self._scope = InstrumentationScope("readstone", resource.get("service.version"))
        self._read = read
        self._begun = time.time_ns()
        self._spans: BatchSpanProcessor | None = None
        self._metrics: _Sink | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False

    async def start(self) -> None:
        """Begin to send."""
        collector = self._collector
        headers, seconds = dict(collector.headers), collector.timeout_seconds
        base = collector.endpoint.rstrip("/")
        if collector.traces:
            self._spans = BatchSpanProcessor(
                OTLPSpanExporter(f"{base}/v1/traces", headers=headers, timeout=seconds)
            )
        if collector.metrics:
            self._metrics = OTLPMetricExporter(
                f"{base}/v1/metrics", headers=headers, timeout=seconds
            )
            self._task = asyncio.create_task(self._send_metrics())

    async def stop(self) -> None:
        """Send what is left, for some seconds at most."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                if self._metrics is not None:
                    await self._export(self._metrics)
                if self._spans is not None:
                    await _apart(self._spans.shutdown)

    def add(self, trace: Trace, spans: Sequence[Span]) -> None:
        """Send the spans of a request, soon."""
        if self._spans is not None:
            for span in spans:
                self._spans.on_end(self._readable(trace, span))

    async def _send_metrics(self) -> None:
        while self._metrics is not None:
            await asyncio.sleep(self._collector.interval_seconds)
            await self._export(self._metrics)

    async def _export(self, exporter: _Sink) -> None:
        data = self._data(self._read())
        result = await _apart(lambda: exporter.export(data))
        is_failing = result is not MetricExportResult.SUCCESS
        if is_failing and not self._is_failing:
            log_trouble("metrics are not exported")
        elif self._is_failing and not is_failing:
            log("metrics are exported again")
        self._is_failing = is_failing

    def _readable(self, trace: Trace, span: Span) -> ReadableSpan:
        trace_id = int(trace.trace_id, 16)
        parent = None
        if span.parent_id:
            is_remote = span.parent_id == trace.parent_id
            parent = SpanContext(trace_id, int(span.parent_id, 16), is_remote, _SAMPLED)
        return ReadableSpan(
            span.name,
            SpanContext(trace_id, int(span.span_id, 16), is_remote=False, trace_flags=_SAMPLED),
            parent,
            self._resource,
            span.attributes,
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR if span.error else StatusCode.UNSET),
            start_time=span.begun,
            end_time=span.ended,
            instrumentation_scope=self._scope,
        )

    def _data(self, series: Iterable[Series]) -> MetricsData:
        now = time.time_ns()
        found: dict[str, list[Series]] = {}
        for each in series:
            found.setdefault(each.family.name, []).append(each)
        metrics = [
            _metric(family, found[family.name], self._begun, now)
            for family in FAMILIES
            if family.name in found
        ]
        scoped = ScopeMetrics(self._scope, metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scoped], "")])


async def _apart(call: Callable[[], T]) -> T:
    """What a call returns that may wait for a network, in a thread that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  (whoever waits is told)
            tell(partial(done.set_exception, error))
        else:
            tell(partial(done.set_result, result))

    def tell(how: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.cancelled() else how())

    threading.Thread(target=run, name="export", daemon=True).start()
    return await done


def _metric(family: Family, series: list[Series], begun: int, now: int) -> Metric:
    cumulative = AggregationTemporality.CUMULATIVE
    match family.kind:
        case "histogram":
            data = Histogram([_histogram(each, begun, now) for each in series], cumulative)
        case "counter":
            data = Sum(
                [_number(each, begun, now) for each in series], cumulative, is_monotonic=True
            )
        case "gauge":
            data = Gauge([_number(each, begun, now) for each in series])
    return Metric(family.name, family.help, family.unit, data)


def _number(series: Series, begun: int, now: int) -> NumberDataPoint:
    return NumberDataPoint(_attributes(series), begun, now, series.numbers[0])


def _histogram(series: Series, begun: int, now: int) -> HistogramDataPoint:
    *counts, total = series.numbers
    whole = [int(count) for count in counts]
    return HistogramDataPoint(
        _attributes(series),
        begun,
        now,
        sum(whole),
        total,
        whole,
        series.family.buckets,
        min=float("inf"),
        max=float("-inf"),
    )


def _attributes(series: Series) -> dict[str, str]:
    """Its labels; an empty one is an attribute that is not there."""
    pairs = zip(series.family.labels, series.labels, strict=True)
    return {name: value for name, value in pairs if value}
