"""A server is killed under load: with an Idempotency-Key every request is answered at last, and charged once."""

import http.client
import json
import sqlite3
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import openai
import pytest

from e2e.server import Reply, Server
from e2e.test_drain import answered
from postgres import started_postgres
from upstream import VLLM, Upstream, upstream

REQUESTS = 60
SETTINGS = """
[models.m]
kind = "chat"
engine = "up"
prices = {{ prompt = 1.0, completion = 2.0 }}
[engines.up]
type = "http"
url = "{url}"
discover = false
"""


class _Engine(Upstream):
    def handle_error(self, request: object, client_address: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (it looks at neither)
        """Say nothing of servers that are gone in the middle of an answer: here they are."""
        del request, client_address


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[Upstream]:
    monkeypatch.setattr("upstream.Upstream", _Engine)
    with upstream(VLLM, {"m": {}}) as engine:
        settings = SETTINGS.format(url=engine.url)
        (tmp_path / "readstone.toml").write_text(settings, encoding="utf-8")
        yield engine


def _ask(server: Server, number: int) -> Reply | None:
    """The answer to a request with a key of its own; None where the server is gone."""
    stream = number % 2 == 0
    messages = [{"role": "user", "content": f"question {number}"}]
    body = json.dumps({"model": "m", "stream": stream, "messages": messages}).encode()
    try:
        return server.chat(body, idempotency_key=f"key-{number}")
    except (OSError, http.client.HTTPException):
        return None


def _lapse(folder: Path) -> None:
    """Let twenty seconds pass for those who were being answered when the server was killed."""
    with closing(sqlite3.connect(folder / "data" / "answers.db")) as database, database:
        database.execute("update answers set until = 0 where state = 'running'")


@pytest.mark.parametrize("answers", [5, 30])
def test_every_key_is_charged_once_although_its_server_is_killed(
    tmp_path: Path, engine: Upstream, answers: int
) -> None:
    first = Server(tmp_path, up="/health")
    whole: dict[int, bytes] = {}
    with ThreadPoolExecutor(8) as clients:
        for number, reply in enumerate(clients.map(partial(_ask, first), range(REQUESTS))):
            if reply is not None and reply.status == 200:
                whole[number] = reply.content
            if len(whole) == answers:
                first.process.kill()
    first.process.wait()
    charged = answered(first)
    asked = len(engine.asked)
    _lapse(tmp_path)

    second = Server(tmp_path, up="/health", key=first.key)
    replies = {number: _ask(second, number) for number in range(REQUESTS)}
    second.stop()

    assert asked < REQUESTS * 2
    lost = 0
    for number, reply in replies.items():
        assert reply is not None
        if number in whole:
            assert (reply.content, reply.headers["idempotent-replayed"]) == (whole[number], "true")
        elif reply.status == 409:
            assert reply.error["code"] == "idempotency_answer_lost"
            lost += 1
    assert {reply.status for reply in replies.values() if reply} <= {200, 409}
    assert charged >= answers
    assert lost <= 8
    assert answered(second) == REQUESTS


def test_two_servers_on_one_database_answer_a_key_once(tmp_path: Path, engine: Upstream) -> None:
    with started_postgres() as postgres:
        store = f'store.url = "{postgres.database("repeats")}"\n'
        servers: list[Server] = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            settings = store + SETTINGS.format(url=engine.url)
            (folder / "readstone.toml").write_text(settings, encoding="utf-8")
            key = servers[0].key if servers else ""
            servers.append(Server(folder, up="/health", key=key))
        with ThreadPoolExecutor(8) as clients:
            asked = [(server, number) for number in range(20) for server in servers * 2]
            replies = list(clients.map(_ask, *zip(*asked, strict=True)))
        late = [_ask(servers[1], number) for number in range(20)]
        for server in servers:
            server.stop()

    assert {reply.status for reply in replies if reply} <= {200, 409}
    for (_, number), reply in zip(asked, replies, strict=True):
        final = late[number]
        assert reply
        assert final
        if reply.status == 200:
            assert reply.content == final.content
        else:
            assert reply.error["code"] == "idempotency_key_in_use"
    assert len(engine.asked) == 20


def test_the_official_client_gets_the_same_answer_again(tmp_path: Path, engine: Upstream) -> None:
    server = Server(tmp_path, up="/health")
    headers = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
    with (
        openai.DefaultHttpxClient(trust_env=False) as http_client,
        openai.OpenAI(
            base_url=f"{server.address}/v1", api_key=server.key, http_client=http_client
        ) as client,
    ):
        answers = [
            client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hello"}], extra_headers=headers
            )
            for _ in range(2)
        ]
        with pytest.raises(openai.ConflictError) as refused:
            client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "bye"}], extra_headers=headers
            )
    metrics = server.call("GET", "/metrics", authorization=f"Bearer {server.key}")
    line = server.requests(replayed=True)[0]
    server.stop()

    assert answers[0] == answers[1]
    assert refused.value.code == "idempotency_key_reused"
    assert len(engine.asked) == 1
    assert b'readstone_idempotency_total{readstone_outcome="replayed"} 1\n' in metrics.content
    assert line["status"] == 200


def test_a_form_is_answered_again_with_another_boundary(tmp_path: Path) -> None:
    server = Server(tmp_path)
    page = (Path(__file__).parents[1] / "data" / "receipt.jpg").read_bytes()

    def post(boundary: str) -> Reply:
        parts = [("model", b"u1-ocr-extract"), ("prompt", b'{"total": "Total"}')]
        body = b"".join(
            b'--%b\r\ncontent-disposition: form-data; name="%b"\r\n\r\n%b\r\n'
            % (boundary.encode(), name.encode(), value)
            for name, value in parts
        )
        body += (
            b'--%b\r\ncontent-disposition: form-data; name="image"; filename="r.jpg"\r\n'
            b"content-type: image/jpeg\r\n\r\n%b\r\n--%b--\r\n"
            % (boundary.encode(), page, boundary.encode())
        )
        return server.call(
            "POST",
            "/v1/ocr/image/extract",
            body,
            authorization=f"Bearer {server.key}",
            content_type=f"multipart/form-data; boundary={boundary}",
            idempotency_key="a-form",
        )

    first, again = post("one-boundary"), post("another--boundary")
    server.stop()

    assert first.status == 200, first.content
    assert (again.status, again.content) == (200, first.content)
    assert again.headers["idempotent-replayed"] == "true"
