"""What a started server tells Prometheus, and to whom."""

import json
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from e2e.server import Server, readstone, wait_until
from upstream import VLLM, upstream

SETTINGS = """
[models.m]
kind = "chat"
engine = "up"
limits.requests_per_minute = 2
[engines.up]
type = "http"
url = "{url}"
discover = false
"""
OPERATION = 'gen_ai_operation_name="chat",gen_ai_provider_name="readstone",gen_ai_request_model="m"'


@pytest.fixture
def server(tmp_path: Path) -> Generator[Server]:
    with upstream(VLLM, {"m": {}}) as engine:
        settings = SETTINGS.format(url=engine.url)
        (tmp_path / "readstone.toml").write_text(settings, encoding="utf-8")
        started = Server(tmp_path, up="/health")
        yield started
        started.stop()


def _metrics(server: Server, key: str) -> dict[str, float]:
    reply = server.call("GET", "/metrics", authorization=f"Bearer {key}")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in reply.content.decode().splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


def test_a_server_tells_what_it_did_to_a_key_for_metrics(server: Server) -> None:
    key = readstone(
        server.folder, "keys", "create", "prometheus", "--scope", "metrics", "--data-dir", "data"
    ).stdout.strip()
    asked = {"model": "m", "messages": [{"role": "user", "content": "a secret question"}]}
    for _ in range(3):
        server.chat(json.dumps(asked).encode())
    server.call("GET", "/v1/models", authorization="Bearer rs-wrong")

    wait_until(lambda: _requests(server) == 3, "has counted all")
    entered = "readstone_ledger_batch_size_sum"
    wait_until(lambda: _metrics(server, key).get(entered) == 3, "has committed all")
    told = _metrics(server, key)

    route = 'http_route="/v1/chat/completions",gen_ai_request_model="m"'
    requests = f"readstone_requests_total{{{route},http_response_status_code"
    usage = f"gen_ai_client_token_usage_sum{{{OPERATION},gen_ai_token_type"
    assert told[f'{requests}="200",error_type=""}}'] == 2
    assert told[f'{requests}="429",error_type="rate_limit_exceeded"}}'] == 1
    assert told[f'{usage}="input"}}'] == 10
    assert told[f'{usage}="output"}}'] == 6
    assert told[f"gen_ai_server_time_to_first_token_seconds_count{{{OPERATION}}}"] == 2
    assert (
        told[
            'readstone_limit_refusals_total{gen_ai_request_model="m",error_type="rate_limit_exceeded",readstone_limit="requests"}'
        ]
        == 1
    )
    assert told['readstone_key_failures_total{error_type="invalid_api_key"}'] == 1
    assert 1 <= told["readstone_ledger_commit_duration_seconds_count"] <= 3
    assert told['readstone_permits_used{readstone_engine="up"}'] == 0
    assert told['readstone_engine_state{readstone_engine="up",readstone_state="ready"}'] == 1
    assert told['process_resident_memory_bytes{readstone_worker="0"}'] > 1e7
    assert told["readstone_requests_active"] == 1  # this one
    assert not [series for series in told if "secret" in series or "rs-" in series]


def test_metrics_are_for_keys_that_may_read_them_and_read_nothing_else(server: Server) -> None:
    created = ("keys", "create", "a", "--data-dir", "data", "--scope")
    metrics = readstone(server.folder, *created, "metrics").stdout.strip()
    client = readstone(server.folder, *created, "api").stdout.strip()

    assert server.call("GET", "/metrics").status == 401
    assert server.call("GET", "/metrics", authorization=f"Bearer {client}").status == 403
    assert server.call("GET", "/v1/models", authorization=f"Bearer {metrics}").status == 403


def test_any_of_several_processes_tells_what_all_have_done_and_those_that_died(
    tmp_path: Path,
) -> None:
    with upstream(VLLM, {"m": {}}) as engine:
        settings = SETTINGS.format(url=engine.url).replace("limits.", "#")
        (tmp_path / "readstone.toml").write_text(settings, encoding="utf-8")
        server = Server(tmp_path, "--workers", "2", up="/health")
        pids = _pids(server)
        for number in range(10):
            assert _ask(server, number) == 200
        wait_until(lambda: _requests(server) == 10, "has counted all")
        assert {_requests(server) for _ in range(6)} == {10.0}

        os.kill(pids[1], signal.SIGKILL)
        wait_until(lambda: _pids(server)[1] != pids[1], "is replaced")
        told = _metrics(server, server.key)
        for number in range(6):
            assert (
                _ask(server, number % 2) == 200
            )  # the same keys again: no request is answered anew
        wait_until(lambda: _requests(server) == 16, "has counted all")
        assert {_requests(server) for _ in range(6)} == {16.0}
        server.stop()

    workers = {
        f'process_start_time_seconds{{readstone_worker="{name}"}}' for name in ("0", "1", "owner")
    }
    assert workers <= told.keys()
    assert (
        told['readstone_events_total{readstone_event="API process ended",readstone_engine=""}'] == 1
    )
    assert told['readstone_engine_state{readstone_engine="reader",readstone_state="ready"}'] == 1
    assert len(engine.asked) == 10


def _pids(server: Server) -> dict[int, int]:
    """The API processes by number, as the log has them last."""
    wait_until(
        lambda: len([line for line in server.log if line["event"] == "API process ready"]) > 1,
        "both are up",
    )
    ready = [line for line in server.log if line["event"] == "API process ready"]
    return {line["worker"]: line["pid"] for line in ready}


def _ask(server: Server, number: int) -> int:
    """Ask with a key of its own; the status."""
    asked = {"model": "m", "messages": [{"role": "user", "content": f"question {number}"}]}
    return server.chat(json.dumps(asked).encode(), idempotency_key=f"key-{number}").status


def _requests(server: Server) -> float:
    told = _metrics(server, server.key)
    asked = [
        value
        for series, value in told.items()
        if series.startswith('readstone_requests_total{http_route="/v1/chat/completions"')
    ]
    return sum(asked)


def test_metrics_are_for_everybody_where_they_are_public(tmp_path: Path) -> None:
    (tmp_path / "readstone.toml").write_text("metrics.public = true\n", encoding="utf-8")
    server = Server(tmp_path, up="/health")

    reply = server.call("GET", "/metrics")
    server.stop()

    assert reply.status == 200
    assert b"readstone_build{" in reply.content
