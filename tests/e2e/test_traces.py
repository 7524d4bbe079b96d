"""A started server sends traces and metrics to a collector, and tells its engines which trace they are in."""

import json
from pathlib import Path

from collector import attributes, started_collector
from e2e.server import Server
from upstream import VLLM, upstream

SETTINGS = """
[models.m]
kind = "chat"
engine = "up"
[engines.up]
type = "http"
url = "{url}"
discover = false
[otel]
endpoint = "{collector}"
interval_seconds = 0.2
"""
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_trace_goes_through_a_server_to_its_engine_and_never_holds_content(
    tmp_path: Path,
) -> None:
    with started_collector() as collector, upstream(VLLM, {"m": {}}) as engine:
        settings = SETTINGS.format(url=engine.url, collector=collector.url)
        (tmp_path / "readstone.toml").write_text(settings, encoding="utf-8")
        server = Server(tmp_path, up="/health")
        asked = {"model": "m", "messages": [{"role": "user", "content": "a secret question"}]}
        reply = server.chat(
            json.dumps(asked).encode(), traceparent=f"00-{TRACE_ID}-00f067aa0ba902b7-01"
        )
        collector.until(lambda: collector.metrics)
        server.stop()

    request = collector.span("POST /v1/chat/completions")
    assert reply.status == 200
    assert request.trace_id.hex() == TRACE_ID
    assert engine.headers[-1]["traceparent"] == f"00-{TRACE_ID}-{request.span_id.hex()}-01"
    assert attributes(request)["readstone.request_id"] == reply.headers["x-request-id"]
    assert {metric.name for metric in collector.metrics} >= {
        "gen_ai.server.request.duration",
        "readstone.ledger.batch.size",
    }
    for word in (b"secret question", b"Hello", server.key.encode()):
        assert not any(word in body for body in collector.bodies)
