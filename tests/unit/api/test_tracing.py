"""A request becomes a span at a collector, within the trace its client names; its engine is told which."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import pytest
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from collector import Collector, attributes, started_collector
from readstone.api.exchange import Exchange
from readstone.api.http import Door
from readstone.api.metering import Metering
from readstone.api.tracing import traced
from readstone.config.otel import OtelConfig
from readstone.core.chat import Finish
from readstone.core.errors import ConfigurationError, EngineFailed, RateLimited
from readstone.core.key import mint
from readstone.core.usage import Metrics as Times
from readstone.core.usage import Usage
from readstone.serving.exporting import build_exporter
from readstone.serving.gateway import Served
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore
from readstone.telemetry import LOGGER
from readstone.telemetry.metrics.metrics import Metrics
from readstone.telemetry.trace import begin_trace
from unit.api.asgi import ask

PATH = "/v1/chat/completions"
OPERATIONS = {PATH: "chat"}
KEY, WRITTEN = mint("tester", 1_700_000_000)
TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"
SERVED = Served(
    Finish("stop", Usage(700, 31, pages=2)),
    Times(0.03, 30.0, 1.0, image_seconds=0.2, queue_seconds=0.1, engine="reader"),
)


class Answers:
    """Answers for a model, or raises what it was given; `passed_on` are the headers its engine would get."""

    error: Exception | None = None
    passed_on: tuple[tuple[str, str], ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        exchange: Exchange = scope["exchange"]
        exchange.notes["model"] = "readstone-ocr"
        self.passed_on = exchange.passed_on
        if self.error is not None:
            raise self.error
        exchange.served = SERVED
        await exchange.answer(200, {}, {})


@pytest.fixture
def collector() -> Generator[Collector]:
    with started_collector() as collector:
        yield collector


@pytest.fixture
def answers() -> Answers:
    return Answers()


@asynccontextmanager
async def opened(config: OtelConfig, answers: Answers) -> AsyncGenerator[Door]:
    """A door whose requests are exported; everything is sent when the block ends."""
    store = MemoryStore()
    await store.add_key(KEY)
    metrics = Metrics("1.2.3")
    exporter = build_exporter(config, metrics, "1.2.3")
    await metrics.start()
    if exporter is not None:
        await exporter.start()
    meter = traced(
        Metering(metrics.board, [PATH], OPERATIONS),
        None if exporter is None else exporter.add,
        OPERATIONS,
        config.sample_ratio,
    )
    yield Door(Router([Route(PATH, answers)]), Authenticator(store), meter=meter)
    if exporter is not None:
        await exporter.stop()
    await metrics.stop()


async def post(door: Door, **headers: str) -> None:
    await ask(door, PATH, method="POST", headers={"authorization": f"Bearer {WRITTEN}", **headers})


async def test_a_request_is_a_span_and_what_it_waited_for_spans_below(
    collector: Collector, answers: Answers
) -> None:
    async with opened(OtelConfig(endpoint=collector.url, metrics=False), answers) as door:
        await post(door, traceparent=PARENT, tracestate="vendor=1")

    request = collector.span(f"POST {PATH}")
    told = attributes(request)
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
    assert request.kind == request.SPAN_KIND_SERVER
    assert request.status.code == 0
    assert (
        told
        | {
            "http.request.method": "POST",
            "http.route": PATH,
            "http.response.status_code": "200",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "readstone",
            "gen_ai.request.model": "readstone-ocr",
            "gen_ai.usage.input_tokens": "700",
            "gen_ai.usage.output_tokens": "31",
            "readstone.pages": "2",
            "readstone.key": KEY.public_id,
        }
        == told
    )
    engine, images, queue = map(collector.span, ("chat readstone-ocr", "images", "queue"))
    assert {span.parent_span_id for span in (engine, images, queue)} == {request.span_id}
    assert engine.kind == engine.SPAN_KIND_CLIENT
    assert attributes(engine)["readstone.engine"] == "reader"
    assert images.end_time_unix_nano - images.start_time_unix_nano == 200_000_000
    assert queue.start_time_unix_nano == images.end_time_unix_nano
    assert engine.start_time_unix_nano == queue.end_time_unix_nano
    assert engine.end_time_unix_nano - request.start_time_unix_nano == 1_000_000_000
    assert collector.resources[0]["service.name"] == "readstone"
    assert collector.resources[0]["service.version"] == "1.2.3"


async def test_an_engine_is_told_the_trace_and_the_span_above_it(
    collector: Collector, answers: Answers
) -> None:
    async with opened(OtelConfig(endpoint=collector.url), answers) as door:
        await post(door, traceparent=PARENT, tracestate="vendor=1")

    span_id = collector.span(f"POST {PATH}").span_id.hex()
    assert answers.passed_on == (
        ("traceparent", f"00-{TRACE_ID}-{span_id}-01"),
        ("tracestate", "vendor=1"),
    )


async def test_a_failure_is_told_by_its_code(collector: Collector, answers: Answers) -> None:
    async with opened(OtelConfig(endpoint=collector.url), answers) as door:
        answers.error = EngineFailed("a secret of the engine")
        await post(door)
        answers.error = RateLimited()
        await post(door)

    failed, refused = collector.spans
    assert (attributes(failed)["error.type"], failed.status.code) == ("engine_failed", 2)
    # OpenTelemetry: what the client did wrong is no error of the server's.
    assert (attributes(refused)["error.type"], refused.status.code) == ("rate_limit_exceeded", 0)
    assert failed.trace_id != refused.trace_id
    assert not any(b"secret" in body for body in collector.bodies)


async def test_what_is_not_sampled_is_not_sent_but_passed_on(
    collector: Collector, answers: Answers
) -> None:
    config = OtelConfig(endpoint=collector.url, metrics=False, sample_ratio=0.0)
    async with opened(config, answers) as door:
        await post(door)
        assert re.fullmatch(
            r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", dict(answers.passed_on)["traceparent"]
        )
        await post(door, traceparent=PARENT[:-1] + "0")
        assert dict(answers.passed_on)["traceparent"].startswith(f"00-{TRACE_ID}-")

    assert collector.spans == []


async def test_metrics_are_sent_under_the_names_of_opentelemetry(
    collector: Collector, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLECTOR_HEADERS", "x-key = secret, x-tenant=a=b")
    config = OtelConfig(
        endpoint=collector.url, headers_env="COLLECTOR_HEADERS", traces=False, service_name="mine"
    )
    async with opened(config, answers) as door:
        await post(door)

    metrics = {metric.name: metric for metric in collector.metrics}
    usage = metrics["gen_ai.client.token.usage"]
    assert (usage.unit, usage.histogram.aggregation_temporality) == ("{token}", 2)
    points = {
        attributes(point)["gen_ai.token.type"]: point for point in usage.histogram.data_points
    }
    assert (points["input"].count, points["input"].sum) == (1, 700)
    assert list(points["input"].explicit_bounds)[:3] == [1, 4, 16]
    assert sum(points["input"].bucket_counts) == 1
    requests = metrics["readstone.requests"].sum
    assert requests.is_monotonic
    assert requests.data_points[0].as_double == 1
    assert "error.type" not in attributes(requests.data_points[0])
    assert metrics["readstone.build"].gauge.data_points[0].as_double == 1
    assert collector.resources[-1]["service.name"] == "mine"
    assert collector.headers[0]["x-key"] == "secret"
    assert collector.headers[0]["x-tenant"] == "a=b"
    assert collector.spans == []


async def test_a_collector_that_fails_is_told_of_once_and_holds_nothing_up(
    collector: Collector, answers: Answers
) -> None:
    collector.status = 400
    config = OtelConfig(endpoint=collector.url, traces=False, interval_seconds=0.01)
    events: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: events.append(record.msg)
    LOGGER.addHandler(handler)
    try:
        async with opened(config, answers) as door:
            await post(door)
            await asyncio.to_thread(collector.until, lambda: len(collector.bodies) > 2)
            collector.status = 200
            await asyncio.to_thread(collector.until, lambda: collector.metrics)
    finally:
        LOGGER.removeHandler(handler)

    assert events.count("metrics are not exported") == 1


async def test_without_a_collector_nothing_is_traced(answers: Answers) -> None:
    async with opened(OtelConfig(), answers) as door:
        await post(door, traceparent=PARENT)

    assert answers.passed_on == ()


async def test_headers_that_are_none_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECTOR_HEADERS", "secret")
    config = OtelConfig(endpoint="http://127.0.0.1:1", headers_env="COLLECTOR_HEADERS")
    metrics = Metrics("1.2.3")

    with pytest.raises(ConfigurationError, match="COLLECTOR_HEADERS"):
        build_exporter(config, metrics, "1.2.3")
    await metrics.stop()


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://x", "http://"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="endpoint"):
        OtelConfig(endpoint=endpoint)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00-xyz",
        PARENT.upper(),
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
        f"{PARENT}-more",
    ],
)
def test_what_is_no_traceparent_counts_as_none(parent: str) -> None:
    trace = begin_trace(parent, "vendor=1", 1.0)

    assert (trace.parent_id, trace.state, trace.is_sampled) == ("", "", True)
    assert trace.trace_id != TRACE_ID


def test_a_traceparent_of_a_later_version_is_understood() -> None:
    trace = begin_trace(f"01-{TRACE_ID}-{PARENT_ID}-01-more", "é", 0.0)

    assert (trace.trace_id, trace.parent_id, trace.is_sampled) == (TRACE_ID, PARENT_ID, True)
    assert trace.state == ""
    assert [name for name, _ in trace.headers] == ["traceparent"]
