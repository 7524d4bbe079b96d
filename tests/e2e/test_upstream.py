"""`--upstream`: what another server lists is found and served beside the reader, under our keys."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from e2e.server import Server, readstone, wait_until
from upstream import OLLAMA, VLLM, Flavour, Upstream, upstream

pytestmark = pytest.mark.e2e


@pytest.fixture
def ollama() -> Generator[Upstream]:
    with upstream(OLLAMA, {name: {} for name in OLLAMA.shows}) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path, ollama: Upstream) -> Generator[Server]:
    (tmp_path / "readstone.toml").write_text(
        '[engines.upstream]\ntype = "http"\nurl = "http://replaced/v1"\ndiscover_seconds = 1\n',
        encoding="utf-8",
    )
    started = Server(tmp_path, "--upstream", ollama.url)
    yield started
    assert started.stop() == 0
    assert [line for line in started.log if "exception" in line] == []


def _models(server: Server) -> dict[str, tuple[str, str, int | None]]:
    listed = server.call("GET", "/v1/models", authorization=f"Bearer {server.key}").json["data"]
    return {
        entry["id"]: (entry["kind"], entry["engine_state"], entry.get("context_length"))
        for entry in listed
    }


def _ask(server: Server, model: str) -> str:
    messages = [{"role": "user", "content": "Say hello."}]
    body = json.dumps({"model": model, "stream": False, "messages": messages}).encode()
    reply = server.chat(body)
    assert reply.status == 200, reply.content
    return reply.json["choices"][0]["message"]["content"]


def test_the_models_of_an_upstream_are_found_and_served(server: Server, ollama: Upstream) -> None:
    assert _models(server) == {
        "readstone-ocr": ("ocr", "ready", None),
        "u1-ocr-extract": ("extract", "ready", None),
        "llama3.2:3b": ("chat", "ready", None),
        "mistral:latest": ("chat", "ready", None),
        "mistral": ("chat", "ready", None),
        "gemma3:4b": ("vision", "ready", 8192),
    }
    assert _ask(server, "llama3.2:3b") == "Hello from upstream."
    (asked,) = ollama.asked
    assert (asked["model"], asked["stream"], asked["max_tokens"]) == ("llama3.2:3b", True, 4096)
    server.printed(r"  ready     gemma3:4b \(vision, engine upstream\)\n")
    assert ollama.url not in json.dumps(_models(server))


def test_what_the_upstream_pulls_and_removes_is_followed(server: Server, ollama: Upstream) -> None:
    ollama.models = {"llama3.2:3b": {}, "qwen3:4b": {}}
    wait_until(lambda: "qwen3:4b" in _models(server), "the new model is served")
    assert "gemma3:4b" not in _models(server)
    assert _ask(server, "qwen3:4b") == "Hello from upstream."
    server.printed(r"  gone      gemma3:4b\n")
    body = json.dumps({"model": "gemma3:4b", "messages": [{"role": "user", "content": "x"}]})
    assert server.chat(body.encode()).error["code"] == "model_not_found"


def test_a_server_starts_before_its_upstream_and_serves_it_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "k")
    with upstream(VLLM, {"late": {"max_model_len": 4096}}, key="other") as late:
        started = Server(tmp_path, "--upstream", late.url, "--upstream-key-env", "UPSTREAM_KEY")
        try:
            started.printed(r"waiting   for upstream, .* It refuses the key")
            assert "late" not in _models(started)
            late.key = "k"
            wait_until(lambda: "late" in _models(started), "the model is served")
            assert _models(started)["late"] == ("chat", "ready", 4096)
        finally:
            assert started.stop() == 0


def test_two_upstreams_with_the_same_model_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with upstream(VLLM, {"same": {}}) as one, upstream(VLLM, {"same": {}}) as two:
        done = readstone(
            tmp_path,
            *("serve", "--port", "0", "--data-dir", "data"),
            *("--upstream", one.url, "--upstream", two.url),
        )
    assert done.returncode == 1
    assert "Two models are called 'same'" in done.stderr
    assert "urls = [..]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_models_command_asks_the_upstream(tmp_path: Path, ollama: Upstream) -> None:
    done = readstone(tmp_path, "models", "--upstream", ollama.url)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1:] == [
        ["readstone-ocr", "ocr", "reader", "-", "-", "-", "-"],
        ["u1-ocr-extract", "extract", "reader", "-", "-", "-", "-"],
        ["llama3.2:3b", "chat", "upstream", "-", "-", "-", "-"],
        ["mistral:latest", "chat", "upstream", "-", "-", "-", "mistral"],
        ["gemma3:4b", "vision", "upstream", "-", "8192", "-", "-"],
    ]


def test_the_models_command_says_who_does_not_answer(tmp_path: Path) -> None:
    with upstream(VLLM, {}) as gone:
        url = gone.url
    done = readstone(tmp_path, "models", "--upstream", url)
    assert done.returncode == 0
    assert "readstone-ocr" in done.stdout
    told = "engine upstream does not list its models. It does not answer: Connection refused."
    assert told in done.stderr


def test_a_key_may_be_for_a_model_of_an_upstream(tmp_path: Path, ollama: Upstream) -> None:
    made = readstone(
        tmp_path,
        *("keys", "create", "one", "--model", "gemma3:4b", "--data-dir", "data"),
        *("--upstream", ollama.url),
    )
    assert made.returncode == 0, made.stderr


def test_the_doctor_looks_at_every_engine(tmp_path: Path) -> None:
    with upstream(VLLM, {"here": {}}) as well, upstream(Flavour("x"), {}) as gone:
        dead = gone.url
        gone.server_close()
        (tmp_path / "readstone.toml").write_text(
            f"""
port = 0
[engines.well]
type = "http"
url = "{well.url}"
[engines.wrong]
type = "http"
url = "{well.url}"
[engines.dead]
type = "http"
url = "{dead}"
[engines.both]
type = "pool"
engines = ["dead", "well"]
[engines.nowhere]
type = "llamacpp"
model = "nowhere.gguf"
[engines.absent]
type = "vllm"
model = "a/b"
command = ["no-such-vllm"]
[models.here]
kind = "chat"
engine = "both"
[models.there]
kind = "chat"
engine = "wrong"
""",
            encoding="utf-8",
        )
        done = readstone(tmp_path, "doctor", "--data-dir", "data")
    told = {line.split(":")[0].split("engine ")[-1]: line for line in done.stdout.splitlines()}
    assert done.returncode == 1
    assert told["well"] == f"ok      engine well: {well.url} is vLLM 0.33.0 and lists here"
    assert told["both"] == "ok      engine both: spreads requests over dead, well"
    assert "has no model 'there', which models.there asks for" in told["wrong"]
    assert told["wrong"].endswith("It lists: here.")
    assert told["dead"].startswith("FAILED  engine dead: ")
    assert "It does not answer" in told["dead"]
    assert "Start it, or correct engines.dead.url" in told["dead"]
    assert "There is no file 'nowhere.gguf'" in told["nowhere"]
    assert "no-such-vllm" in told["absent"]
    assert "Traceback" not in done.stderr
