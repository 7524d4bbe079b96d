"""A small OpenAI-compatible server in threads of the test: it lists models, shows them, and says hello."""

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias, cast

JSON: TypeAlias = dict[str, Any]
WORDS = ("Hello", " from", " upstream.")


@dataclass(frozen=True, slots=True)
class Flavour:
    """What a kind of server tells beside its list: answers of GET by path, and what `/api/show` has of each model."""

    owner: str
    tells: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    shows: Mapping[str, JSON] = field(default_factory=dict[str, JSON])


VLLM = Flavour("vllm", {"/version": {"version": "0.33.0"}})
OLLAMA = Flavour(
    "library",
    {"/api/version": {"version": "0.12.3"}},
    {
        "llama3.2:3b": {"capabilities": ["completion", "tools"]},
        "mistral:latest": {"capabilities": ["completion"]},
        "gemma3:4b": {"capabilities": ["completion", "vision"], "parameters": "num_ctx   8192\n"},
        "nomic-embed-text": {"capabilities": ["embedding"]},
    },
)


class Upstream(ThreadingHTTPServer):
    """Lists `models` (each with what its entry says), answers chats of them, and asks for `key` where there is one."""

    daemon_threads = True

    def __init__(self, flavour: Flavour, models: Mapping[str, JSON], key: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.flavour = flavour
        self.models = models
        self.key = key
        self.asked: list[JSON] = []
        """The bodies of chats."""
        self.headers: list[Mapping[str, str]] = []
        """Their headers."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _upstream(self) -> Upstream:
        return cast("Upstream", self.server)

    def do_GET(self) -> None:
        upstream = self._upstream
        if self.path in upstream.flavour.tells:
            self._say(200, upstream.flavour.tells[self.path])
        elif self.path != "/v1/models":
            self._say(404, {"error": "not found"})
        elif upstream.key and self.headers["authorization"] != f"Bearer {upstream.key}":
            self._say(401, {"error": {"message": "a secret of the upstream"}})
        else:
            owner = upstream.flavour.owner
            entries = [
                {"id": name, "object": "model", "created": 1, "owned_by": owner, **entry}
                for name, entry in upstream.models.items()
            ]
            self._say(200, {"object": "list", "data": entries})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/api/show":
            self._say(200, self._upstream.flavour.shows.get(body["model"], {}))
            return
        self._upstream.asked.append(body)
        self._upstream.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for word in WORDS:
            self._chunk([{"index": 0, "delta": {"content": word}, "finish_reason": None}])
        self._chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        self._chunk([], usage={"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8})
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        """Say nothing."""

    def _chunk(self, choices: list[JSON], **members: object) -> None:
        chunk = {"id": "x", "object": "chat.completion.chunk", "choices": choices, **members}
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def _say(self, status: int, content: JSON) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def upstream(flavour: Flavour, models: Mapping[str, JSON], key: str = "") -> Generator[Upstream]:
    """A server that serves while the block lasts."""
    server = Upstream(flavour, models, key)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
