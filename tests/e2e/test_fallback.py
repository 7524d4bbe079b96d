"""Several real engines as one, and the reader for a vision model that is down."""

import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from e2e.engines import joined, read_stream, tiny
from e2e.pages import ask, drawn, image_part, text_part
from e2e.server import Reply, Server, wait_until
from engines.real import RealEngine, seeing_llama, started

pytestmark = pytest.mark.e2e

SETTINGS = """
[engines.seer]
type = "http"
url = "{seer}"
health_seconds = 1

[models.seer]
kind = "vision"
engine = "seer"
fallback = ["readstone-ocr"]

[engines.twins]
type = "http"
urls = ["{one}", "{two}"]
health_seconds = 1

[models.tiny]
kind = "chat"
engine = "twins"
"""
NOTE = "The engine of 'seer' could not take the request; 'readstone-ocr' answered instead."


@dataclass(frozen=True, slots=True)
class Street:
    """A server, an engine that sees, and two that are twins."""

    server: Server
    seer: RealEngine
    twins: tuple[RealEngine, RealEngine]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Generator[Street]:
    folder = tmp_path_factory.mktemp("street")
    twin = tiny(folder, "qwen3")
    with (
        started(seeing_llama(), folder / "seer.log") as seer,
        started(twin, folder / "one.log") as one,
        started(twin, folder / "two.log") as two,
    ):
        settings = SETTINGS.format(seer=seer.url, one=one.url, two=two.url)
        (folder / "readstone.toml").write_text(settings, encoding="utf-8")
        server = Server(folder)
        yield Street(server, seer, (one, two))
        assert server.stop() == 0
        assert [line for line in server.log if "exception" in line] == []


def look(street: Street, text: str = "Extract all text.", **properties: object) -> Reply:
    """Show the model that sees a page of two lines."""
    messages = ask(image_part(drawn(2, "Page")), text_part(text))
    asked = {"max_tokens": 40, "stream": False, **properties}
    return street.server.chat(json.dumps({"model": "seer", "messages": messages, **asked}).encode())


def hello(street: Street) -> Any:
    """Who of the twins answered, or the error."""
    asked = {"model": "tiny", "stream": False, "max_tokens": 4, "temperature": 0}
    reply = street.server.chat(json.dumps({"messages": ask(text_part("hi")), **asked}).encode())
    return reply.json["x_metrics"]["engine"] if reply.status == 200 else reply.error


def test_the_reader_stands_in_for_a_vision_model_that_is_down_and_the_answer_says_so(
    street: Street,
) -> None:
    ours = look(street).json
    assert ours["x_metrics"]["engine"] == "seer"
    assert "notes" not in ours["x_metrics"]
    with street.seer.killed():
        answer = look(street).json
    assert "Page number 1 of many" in answer["choices"][0]["message"]["content"]
    assert answer["model"] == "seer"
    assert (answer["x_metrics"]["engine"], answer["x_metrics"]["notes"]) == ("reader", [NOTE])
    assert answer["system_fingerprint"].startswith("readstone-")
    assert answer["system_fingerprint"] != ours["system_fingerprint"]
    wait_until(lambda: look(street).json["x_metrics"]["engine"] == "seer", "it sees again")


def test_a_stream_of_the_reader_that_stands_in_says_so_too(street: Street) -> None:
    with street.seer.killed():
        chunks = read_stream(look(street, stream=True).content)
    assert "Page number 1 of many" in joined(chunks)
    assert chunks[-1]["x_metrics"]["notes"] == [NOTE]
    assert {chunk["model"] for chunk in chunks} == {"seer"}
    assert len({chunk["system_fingerprint"] for chunk in chunks}) == 1
    wait_until(lambda: look(street).json["x_metrics"]["engine"] == "seer", "it sees again")


def test_where_the_reader_cannot_do_it_the_client_is_told_to_come_back(street: Street) -> None:
    tool: Any = {"type": "function", "function": {"name": "look", "parameters": {}}}
    with street.seer.killed():
        reply = look(street, tools=[tool])
        question = look(street, "What is the animal in this picture doing?")
    for refused in (reply, question):
        assert refused.status == 502
        assert refused.error["code"] == "engine_unavailable"
        assert float(refused.headers["retry-after"]) >= 1
    wait_until(lambda: look(street).json["x_metrics"]["engine"] == "seer", "it sees again")


def wait_for_both(street: Street) -> None:
    """Until the twins take turns: one may come back well after the other."""
    wait_until(
        lambda: sorted(str(hello(street)) for _ in range(2)) == ["twins/1", "twins/2"],
        "both are asked",
    )


def test_twins_take_turns(street: Street) -> None:
    wait_for_both(street)
    assert sorted(hello(street) for _ in range(6)) == ["twins/1"] * 3 + ["twins/2"] * 3


def test_no_client_notices_that_one_of_two_engines_dies(street: Street) -> None:
    one, _ = street.twins
    wait_for_both(street)
    with ThreadPoolExecutor(8) as pool, one.killed():
        answers = list(pool.map(hello, [street] * 40))
    assert answers == ["twins/2"] * 40
    wait_for_both(street)


def test_where_both_die_the_client_is_told_to_come_back(street: Street) -> None:
    one, two = street.twins
    with one.killed(), two.killed():
        for _ in range(12):
            error = hello(street)
            assert (error["type"], error["code"]) in {
                ("upstream_error", "engine_unavailable"),
                ("overloaded_error", "overloaded"),
            }
            assert "127.0.0.1" not in json.dumps(error)
    wait_for_both(street)
