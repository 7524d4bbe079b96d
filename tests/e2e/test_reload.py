"""A configuration that is read again: by a signal or over HTTP, in one process and in several, with streams under way."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from e2e.load import SlowEngine, clients, ends, slow_engine
from e2e.server import Reply, Server, wait_until

pytestmark = pytest.mark.e2e

MODEL = """
[models.{name}]
kind = "chat"
engine = "{engine}"
upstream = "m"
prices.prompt = {price}
"""
ENGINE = """
[engines.{name}]
type = "http"
url = "{url}"
discover = false
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[SlowEngine]:
    with slow_engine() as started:
        yield started


@pytest.fixture(scope="module")
def other() -> Iterator[SlowEngine]:
    with slow_engine() as started:
        yield started


@pytest.fixture(scope="module", params=[1, 3])
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine: SlowEngine
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("reload")
    _write(folder, _base(engine))
    found = Server(folder, "--workers", str(request.param), up="/health")
    wait_until(lambda: _up(found) == request.param, "all processes are up")
    yield found
    assert found.stop() == 0
    assert [line for line in found.log if "exception" in line] == []


@pytest.fixture
def server(started: Server, engine: SlowEngine) -> Server:
    """A server with one model, as it is at the beginning."""
    _write(started.folder, _base(engine))
    assert _reload(started).status == 200
    return started


def _base(engine: SlowEngine) -> str:
    return _model("m", "up", 1000.0) + _engine("up", engine)


def _up(server: Server) -> int:
    return server.call("GET", "/ready").json.get("processes", {"up": 1})["up"]


def _write(folder: Path, text: str) -> None:
    (folder / "readstone.toml").write_text(text, encoding="utf-8")


def _model(name: str, engine: str, price: float = 0.0) -> str:
    return MODEL.format(name=name, engine=engine, price=price)


def _engine(name: str, engine: SlowEngine) -> str:
    return ENGINE.format(name=name, url=engine.url)


def _reload(server: Server) -> Reply:
    return server.call("POST", "/v1/admin/reload", authorization=f"Bearer {server.key}")


def _ask(server: Server, model: str) -> list[Reply]:
    """The answers of several connections held at once, so that all processes are among them."""
    question = [{"role": "user", "content": "hello"}]
    body = json.dumps({"model": model, "messages": question}).encode()
    headers = {"authorization": f"Bearer {server.key}"}
    replies: list[Reply] = []
    with ExitStack() as stack:
        for _ in range(6):
            connection = stack.enter_context(closing(server.connect()))
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            replies.append(Reply(answer.status, names, answer.read()))
    return replies


def _statuses(server: Server, model: str) -> set[int]:
    return {reply.status for reply in _ask(server, model)}


def _events(server: Server, event: str) -> list[dict[str, Any]]:
    return [line for line in server.log if line["event"] == event]


def test_models_engines_prices_and_limits_change_and_no_stream_ends(
    server: Server, engine: SlowEngine, other: SlowEngine
) -> None:
    assert _statuses(server, "more") == {404}
    before = len(other.asked)
    found = clients(server, 8)
    wait_until(lambda: min(len(client.ends) for client in found) > 3, "everybody was answered")
    text = _model("m", "up", 2000.0) + _model("more", "side") + _engine("up", engine)
    _write(
        server.folder, text + _engine("side", other) + "[limits.key]\ntokens_per_minute = 90000\n"
    )

    answer = _reload(server)

    wait_until(lambda: min(len(client.ends) for client in found) > 9, "they are answered on")
    for client in found:
        client.is_stopped = True
    counted = ends(found)
    assert answer.json == {
        "object": "reload",
        "applied": ["limits.key", "engines.side", "models.m", "models.more"],
        "restart": [],
    }
    assert (counted["failed"], counted["refused"], counted["closed"]) == (0, 0, 0)
    replies = _ask(server, "more")
    assert {reply.status for reply in replies} == {200}
    assert {reply.headers["x-ratelimit-limit-tokens"] for reply in replies} == {"90000"}
    assert len(other.asked) - before == 6
    assert _statuses(server, "m") == {200}
    assert _costs(server) == {5 * 2000 / 1e6}
    listed = server.call("GET", "/v1/models", authorization=f"Bearer {server.key}").json["data"]
    assert {"m", "more"} <= {model["id"] for model in listed}


def _costs(server: Server) -> set[float]:
    """What the last requests have cost."""
    path = "/v1/admin/usage/entries?limit=6"
    told = server.call("GET", path, authorization=f"Bearer {server.key}").json["data"]
    return {round(entry["cost"], 6) for entry in told}


def test_an_engine_that_is_taken_out_answers_what_it_has(
    server: Server, engine: SlowEngine, other: SlowEngine
) -> None:
    found = clients(server, 6)
    wait_until(lambda: min(len(client.ends) for client in found) > 3, "everybody was answered")
    _write(server.folder, _model("m", "side") + _engine("side", other))

    reloads = len(_events(server, "configuration read again"))
    retired = len(_events(server, "engine retired"))

    server.process.send_signal(signal.SIGHUP)

    wait_until(
        lambda: len(_events(server, "configuration read again")) > reloads, "it was read again"
    )
    line = _events(server, "configuration read again")[-1]
    assert (line["applied"], line["restart"]) == ("engines.up, engines.side, models.m", "")
    asked = len(other.asked)
    wait_until(lambda: len(other.asked) > asked + 20, "the other engine answers")
    for client in found:
        client.is_stopped = True
    counted = ends(found)
    assert (counted["failed"], counted["refused"], counted["closed"]) == (0, 0, 0)
    before = len(engine.asked)
    assert _statuses(server, "m") == {200}
    assert len(engine.asked) == before
    assert set(server.call("GET", "/ready").json["engines"]) == {"reader", "side"}
    wait_until(lambda: len(_events(server, "engine retired")) > retired, "it is let go")
    wait_until(lambda: _gauges(server) == {"reader", "side"}, "the metrics know it no more")


def _gauges(server: Server) -> set[str]:
    """The engines whose state all processes together tell."""
    told = server.call("GET", "/metrics", authorization=f"Bearer {server.key}").content.decode()
    return set(re.findall(r'^readstone_engine_state\{readstone_engine="(\w+)"', told, re.MULTILINE))


BROKEN = (
    ("[limits.key\n", "readstone.toml is not valid TOML"),
    ("[limits.key]\nrequests_per_hour = 3\n", "Unknown setting 'limits.key.requests_per_hour'"),
    (_model("x", "nobody"), "models.x.engine is 'nobody', which is not an engine here"),
)


def test_a_broken_file_changes_nothing_and_says_what_is_wrong(
    server: Server, engine: SlowEngine
) -> None:
    for text, said in BROKEN:
        stayed = len(_events(server, "configuration stays as it was"))
        _write(server.folder, _model("m", "up", 5.0) + _engine("up", engine) + text)
        answer = _reload(server)
        assert (answer.status, answer.error["code"]) == (400, "invalid_configuration")
        message = answer.error["message"] or ""
        assert message.startswith("The configuration stays as it was. ")
        assert said in message
        assert str(server.folder) not in message
        assert len(_events(server, "configuration stays as it was")) == stayed + 1
    assert _statuses(server, "m") == {200}
    assert _costs(server) == {5 * 1000 / 1e6}


def test_what_needs_a_restart_is_told_by_name_and_waits(server: Server, engine: SlowEngine) -> None:
    settings = "drain_seconds = 7.0\n[limits]\nbody_bytes = 1024\n"
    _write(server.folder, settings + _model("m", "up", 7.0) + _engine("up", engine))

    answer = _reload(server)

    assert answer.json["applied"] == ["models.m"]
    assert answer.json["restart"] == ["drain_seconds", "limits.body_bytes"]
    assert _reload(server).json["applied"] == []
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 2000}]})
    assert server.chat(body.encode()).status == 200


def test_only_a_key_that_administers_may_reload(server: Server) -> None:
    assert server.call("POST", "/v1/admin/reload").status == 401
    assert (
        server.call("GET", "/v1/admin/reload", authorization=f"Bearer {server.key}").status == 405
    )
