"""`--llm`: a model file is served by llama.cpp as a process of ours, from one command."""

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from e2e.server import Server, readstone, wait_until
from models.tiny import SEER

pytestmark = pytest.mark.e2e

LLM = ("--llm", str(SEER / "seer.gguf"), "--mmproj", str(SEER / "seer-mmproj.gguf"))


@pytest.fixture
def server(tmp_path: Path) -> Generator[Server]:
    started = Server(tmp_path, *LLM, "--llm-name", "tiny/seer")
    yield started
    if started.process.poll() is None:
        assert started.stop() == 0


def _children(server: Server) -> list[int]:
    """The engine's processes, by its log."""
    return [line["pid"] for line in server.log if line["event"] == "engine ready"]


def test_a_file_is_all_it_takes(server: Server) -> None:
    server.printed(r"  ready     tiny/seer \(vision, engine llm\)\n")
    messages = [{"role": "user", "content": "Hello?"}]
    body = json.dumps(
        {"model": "tiny/seer", "stream": False, "max_tokens": 4, "messages": messages}
    )
    reply = server.chat(body.encode())
    assert reply.status == 200, reply.content
    assert reply.json["usage"]["completion_tokens"] > 0
    assert reply.json["x_metrics"]["engine"] == "llm"
    assert (server.folder / "data/logs/llm.log").exists()


def test_it_ends_with_the_server(server: Server) -> None:
    server.printed(r"  ready     tiny/seer ")
    (engine,) = _children(server)
    assert server.stop() == 0
    wait_until(lambda: not Path(f"/proc/{engine}").exists(), "the engine is gone")


def test_it_ends_with_a_server_that_is_killed(server: Server) -> None:
    server.printed(r"  ready     tiny/seer ")
    (engine,) = _children(server)
    os.kill(server.process.pid, 9)
    server.process.wait()
    wait_until(lambda: not Path(f"/proc/{engine}").exists(), "the engine is gone")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("nowhere.gguf", "There is no file 'nowhere.gguf'. A file on the hub is written"),
        ("owner/repository", "A file on the hub is written 'owner/repository:file.gguf'"),
        (__file__, "is not a GGUF file"),
        (str(SEER), "is a folder: name a GGUF file in it"),
        (str(SEER / "seer-mmproj.gguf"), "it goes to 'mmproj' (--mmproj), beside its model"),
    ],
)
def test_a_file_that_is_not_there_is_told(tmp_path: Path, file: str, told: str) -> None:
    done = readstone(tmp_path, "serve", "--port", "0", "--data-dir", "data", "--llm", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_and_the_models_know_it(tmp_path: Path) -> None:
    (tmp_path / "readstone.toml").write_text("port = 0\n", encoding="utf-8")
    done = readstone(tmp_path, "doctor", "--data-dir", "data", *LLM)
    assert done.returncode == 0, done.stdout
    assert "ok      engine llm: " in done.stdout
    assert "seer.gguf (0.00 GB) and " in done.stdout
    listed = readstone(tmp_path, "models", *LLM).stdout.splitlines()
    assert listed[-1].split() == ["seer", "vision", "llm", "-", "-", "-", "-"]
