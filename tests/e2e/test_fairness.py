"""One key's many pages do not starve another key's one, and a full queue says when to come back."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from e2e.pages import MODEL, ask, body, drawn, image_part
from e2e.server import Reply, Server, readstone, wait_until
from e2e.visitor import Visitor, frozen

pytestmark = pytest.mark.e2e

QUEUE = 12
SETTINGS = f"[reader]\nconcurrency = 1\nqueue = {QUEUE}\n"


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server that reads one request at a time."""
    folder = tmp_path_factory.mktemp("single")
    (folder / "readstone.toml").write_text(SETTINGS, encoding="utf-8")
    started = Server(folder)
    yield started
    assert started.stop() == 0


@pytest.fixture
def modest(single: Server) -> str:
    """Another key."""
    return readstone(single.folder, "keys", "create", "modest", "--data-dir", "data").stdout.strip()


class Finish:
    """Requests sent from threads, and the order in which they were answered."""

    def __init__(self, server: Server) -> None:
        self.order: list[tuple[str, Reply]] = []
        self._server = server
        self._lock = threading.Lock()

    def ask(self, name: str, key: str) -> None:
        content = body(image_part(drawn(3, name)))
        headers = {"authorization": f"Bearer {key}", "x-client-request-id": name}
        reply = self._server.call("POST", "/v1/chat/completions", content, **headers)
        with self._lock:
            self.order.append((name, reply))

    def named(self, status: int) -> list[str]:
        return [name for name, reply in self.order if reply.status == status]


def test_another_keys_page_is_read_before_the_twelve_of_one(single: Server, modest: str) -> None:
    finish = Finish(single)
    holding = body(image_part(drawn(45, "Holding")), stream=True)
    with Visitor(single, "holding").ask(holding) as holder, ThreadPoolExecutor(QUEUE + 2) as pool:
        answer = holder.first_text()
        with frozen(single.worker):
            for number in range(QUEUE + 1):
                pool.submit(finish.ask, f"Greedy{number}", single.key)
            wait_until(lambda: finish.named(429), "one is refused, so twelve wait")
            pool.submit(finish.ask, "Modest", modest)
            wait_until(lambda: len(finish.named(429)) == 2, "one of them has lost its place")
        answer.read()
    assert len(finish.named(200)) == QUEUE
    assert finish.named(200).index("Modest") <= 2
    refusals = [reply for _, reply in finish.order if reply.status == 429]
    for reply in refusals:
        assert (reply.error["type"], reply.error["code"]) == (
            "rate_limit_error",
            "rate_limit_exceeded",
        )
        assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("2", "2000")


def test_the_sdk_comes_back_when_it_was_told_to(single: Server) -> None:
    finish = Finish(single)
    holding = body(image_part(drawn(45, "Keeping")), stream=True)
    http_client = openai.DefaultHttpxClient(trust_env=False)
    with (
        openai.OpenAI(
            base_url=f"{single.address}/v1", api_key=single.key, http_client=http_client
        ) as client,
        Visitor(single, "keeping").ask(holding) as holder,
        ThreadPoolExecutor(QUEUE + 2) as pool,
    ):
        create: Any = client.chat.completions.create
        answer = holder.first_text()
        with frozen(single.worker):
            for number in range(QUEUE + 1):
                pool.submit(finish.ask, f"Eager{number}", single.key)
            wait_until(lambda: finish.named(429), "the queue is full")
            patient = pool.submit(
                create,
                model=MODEL,
                messages=ask(image_part(drawn(3, "Patient"))),
                extra_headers={"X-Client-Request-Id": "patient"},
            )
            (line,) = single.requests(client_id="patient")
            assert line["status"] == 429
        answer.read()
        content = patient.result(60).choices[0].message.content
    assert content.startswith("Patient number 0")
    assert [line["status"] for line in single.requests(client_id="patient")] == [429, 200]
