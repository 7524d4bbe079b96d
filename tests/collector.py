"""A collector of OpenTelemetry's in a thread of the test: it takes OTLP over HTTP and keeps what it was sent, decoded."""

import gzip
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PATIENCE = 30.0


class Collector(ThreadingHTTPServer):
    """Answers with `status`; what came is in `spans` and `metrics`, and as bytes in `bodies`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.status = 200
        self.spans: list[Span] = []
        self.metrics: list[Metric] = []
        self.resources: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def until(self, seen: Callable[[], object]) -> None:
        """Wait for what another thread or process sends."""
        deadline = time.monotonic() + PATIENCE
        while not seen():
            assert time.monotonic() < deadline, "nothing was sent"
            time.sleep(0.02)

    def span(self, name: str) -> Span:
        """The one span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found


def attributes(span: Any) -> dict[str, Any]:
    """The attributes of a span or data point as JSON has them."""
    told: list[dict[str, Any]] = MessageToDict(span).get("attributes", [])
    return {each["key"]: next(iter(each["value"].values())) for each in told}


class _Visit(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector = cast("Collector", self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        collector.headers.append({name.lower(): value for name, value in self.headers.items()})
        collector.bodies.append(body)
        if collector.status == 200:
            self._keep(collector, body)
        self.send_response(collector.status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def _keep(self, collector: Collector, body: bytes) -> None:
        if self.path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            for each in traces.resource_spans:
                collector.resources.append(attributes(each.resource))
                for scope in each.scope_spans:
                    collector.spans.extend(scope.spans)
        elif self.path == "/v1/metrics":
            metrics = ExportMetricsServiceRequest.FromString(body)
            for each in metrics.resource_metrics:
                collector.resources.append(attributes(each.resource))
                for scope in each.scope_metrics:
                    collector.metrics.extend(scope.metrics)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        """Say nothing."""


@contextmanager
def started_collector() -> Generator[Collector]:
    """A collector for as long as the block lasts."""
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()
        thread.join()
