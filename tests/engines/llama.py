"""A real engine: llama.cpp's own server on this machine, and what it says without us in between."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from e2e.server import PATIENCE, environment, wait_until
from models.tiny import SEER

SCRIPT = Path(__file__).parent / "llama_server.py"


@dataclass(frozen=True, slots=True)
class Weights:
    """What a server is started with: a GGUF, the name it answers to, and what makes images into tokens."""

    model: Path
    name: str
    projector: Path | None = None


SEEING = Weights(SEER / "seer.gguf", "seer", SEER / "seer-mmproj.gguf")


class Llama:
    """A started server; it can be killed and started again at the same address."""

    def __init__(self, weights: Weights, log: Path, *, slots: int = 4, context: int = 2048) -> None:
        self.name = weights.name
        self.port = _free_port()
        self._log = log
        projector = [weights.projector] if weights.projector else []
        self._arguments = [weights.model, weights.name, self.port, slots, context, *projector]
        self._process = self._start()

    @property
    def url(self) -> str:
        """The base of its API."""
        return f"http://127.0.0.1:{self.port}/v1"

    def chat(self, messages: Sequence[Any], **properties: Any) -> Any:
        """Its whole answer to messages."""
        return json.loads(self._post({"messages": messages, **properties}))

    def stream(self, messages: Sequence[Any], **properties: Any) -> list[Any]:
        """The chunks of its answer, the usage included."""
        asked = {"stream": True, "stream_options": {"include_usage": True}, **properties}
        return list(chunks(self._post({"messages": messages, **asked})))

    @property
    def busy(self) -> int:
        """How many of its slots work on something."""
        return sum(slot["is_processing"] for slot in json.loads(self._get("/slots")))

    def metric(self, name: str) -> int:
        """The value of one of its own metrics."""
        text = self._get("/metrics").decode()
        (value,) = re.findall(rf"^llamacpp:{name} (\S+)$", text, re.MULTILINE)
        return int(float(value))

    @contextmanager
    def killed(self) -> Generator[None]:
        """End it at once; when the block is left, one like it is started where it was."""
        self._kill()
        try:
            yield
        finally:
            self._process = self._start()

    @contextmanager
    def frozen(self) -> Generator[None]:
        """Stop it where it stands for the length of a block."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and wait until it has."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._kill()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, SCRIPT, *map(str, self._arguments)],
                env={**environment(), "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: process.poll() is not None or self._answers(), "llama.cpp answers")
        assert process.poll() is None, self._log.read_text(encoding="utf-8", errors="replace")
        return process

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return json.loads(self._get("/health")) == {"status": "ok"}
        except OSError:
            return False

    def _get(self, path: str) -> bytes:
        return self._call("GET", path, None)

    def _post(self, properties: Mapping[str, Any]) -> bytes:
        return self._call("POST", "/v1/chat/completions", json.dumps(properties))

    def _call(self, method: str, path: str, body: str | None) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def llama(weights: Weights, log: Path, *, slots: int = 4, context: int = 2048) -> Generator[Llama]:
    """A server for the length of a block."""
    started = Llama(weights, log, slots=slots, context=context)
    try:
        yield started
    finally:
        started.stop()


def chunks(stream: bytes) -> Iterator[Any]:
    """The JSON of a stream's events, in order; the last must be [DONE]."""
    *events, done, rest = stream.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    for event in events:
        if event.startswith(b"data: "):
            yield json.loads(event.removeprefix(b"data: "))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
