"""Real engines on this machine, each a process with an OpenAI wire, and what they say without us in between."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal, TypeAlias

from e2e.server import PATIENCE, environment, free_port
from models.tiny import SEER

HERE = Path(__file__).parent
INSTALLED = HERE.parent.parent / ".tools/engines"
"""Where `./run engines` installs those that are not among our own dependencies."""

Elsewhere: TypeAlias = Literal["vllm", "transformers"]
"""Engines with an environment of their own."""

SIGHTED = "seer-qwen2.5-vl"
"""What the model that sees is called at its engine: the name tells its family."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How an engine is started: a command line with `{port}` in it, and what it says of itself.

    `running` is the metric that counts the requests it works on, `start_seconds` how long it may take to answer.
    """

    command: Sequence[str | Path]
    name: str
    running: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    start_seconds: float = PATIENCE


class RealEngine:
    """A started engine; it can be stopped where it stands, or killed and started again at the same address."""

    def __init__(self, launch: Launch, log: Path) -> None:
        self.name = launch.name
        self.port = free_port()
        self._launch = launch
        self._log = log
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
    def tells(self) -> bool:
        """Whether it tells how many requests it works on."""
        return self._launch.running is not None

    @property
    def busy(self) -> int:
        """How many requests it works on, as it says itself."""
        assert self._launch.running, f"{self.name} does not tell"
        return self.metric(self._launch.running)

    def metric(self, name: str) -> int:
        """The value of one of its own metrics."""
        text = self._call("GET", "/metrics", None)[1].decode()
        values: list[str] = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
        assert values, f"{self.name} has no metric {name}"
        return int(sum(map(float, values)))

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
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and wait until it has."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._kill()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [str(part).replace("{port}", str(self.port)) for part in self._launch.command],
                env={**environment(), "OMP_NUM_THREADS": "1", **self._launch.variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + self._launch.start_seconds
        while not self._answers():
            said = self._log.read_text(encoding="utf-8", errors="replace")[-4000:]
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        return process

    def _kill(self) -> None:
        """End it and all it started: vLLM's engine outlives its API server."""
        with suppress(ProcessLookupError):
            self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        os.killpg(self._process.pid, number)

    def _answers(self) -> bool:
        try:
            return self._call("GET", "/health", None)[0] == HTTPStatus.OK
        except OSError:
            return False

    def _post(self, properties: Mapping[str, Any]) -> bytes:
        asked = json.dumps({"model": self.name, **properties})
        return self._call("POST", "/v1/chat/completions", asked)[1]

    def _call(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def started(launch: Launch, log: Path) -> Generator[RealEngine]:
    """An engine for the length of a block."""
    engine = RealEngine(launch, log)
    try:
        yield engine
    finally:
        engine.stop()


def llama(model: Path, name: str, *projector: Path, slots: int = 4, context: int = 2048) -> Launch:
    """llama.cpp's own server; with a projector, its model sees."""
    arguments = [model, name, "{port}", str(slots), str(context), *projector]
    running = "llamacpp:requests_processing"
    return Launch([sys.executable, HERE / "llama_server.py", *arguments], name, running)


def seeing_llama() -> Launch:
    """llama.cpp with the model that sees."""
    return llama(SEER / "seer.gguf", SIGHTED, SEER / "seer-mmproj.gguf")


def elsewhere(engine: Elsewhere) -> Launch:
    """An engine of an environment of its own, with the model that sees."""
    variables = {
        "PYTHONPATH": str(HERE / "shim"),
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
    }
    bin_ = INSTALLED / engine / "bin"
    where = ("--host=127.0.0.1", "--port={port}")
    match engine:
        case "vllm":
            module = "vllm.entrypoints.openai.api_server"
            names = ("--model", SEER, "--served-model-name", SIGHTED)
            options = ("--enforce-eager", "--dtype=float32", "--max-model-len=2048")
            # A small model would put white space into its JSON for ever.
            schemas = (
                '--structured-outputs-config={"backend":"xgrammar","disable_any_whitespace":true}'
            )
            command = [bin_ / "python", "-m", module, *names, *options, schemas, *where]
            return Launch(command, SIGHTED, "vllm:num_requests_running", variables, 600)
        case "transformers":
            options = ("--device=cpu", "--dtype=float32")
            command = [bin_ / "transformers", "serve", SEER, *where, *options]
            # It answers to the folder it was started with, and to nothing else.
            return Launch(command, str(SEER), None, variables, 600)


def chunks(stream: bytes) -> Iterator[Any]:
    """The JSON of a stream's events, in order."""
    for event in stream.split(b"\n\n"):
        if event.startswith(b"data: {"):
            yield json.loads(event.removeprefix(b"data: "))
