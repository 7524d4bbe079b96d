"""Files of the hub: named, fetched from a server here that behaves like it, resumed, checked, kept."""

import asyncio
import hashlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from readstone.core.errors import ConfigurationError, EngineFailed
from readstone.engines import download
from readstone.engines.hub import Hub, HubFile, parse_weights
from unit.engines.processes import until

FILE = HubFile("ggml-org/tiny", "q4/tiny.gguf")
CONTENT = bytes(range(256)) * 12_000


@dataclass
class Web:
    """A hub and the store its contents come from, with faults to order, and what they were asked."""

    content: bytes = CONTENT
    status: int = 302
    ranges: bool = True
    breaks: int = 0
    """How many answers break off in the middle."""
    held: threading.Event | None = None
    """Contents are held back in their middle until it is set."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    hub: str = ""
    store: str = ""
    asked: list[tuple[str, str, str | None, str | None]] = field(
        default_factory=list[tuple[str, str, str | None, str | None]]
    )
    """Method, path, Range and Authorization of every request."""


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub and as its store."""

    web: ClassVar[Web]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its signature)
        """Nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        told = (self.headers["Range"], self.headers["Authorization"])
        self.web.asked.append((self.command, self.path, *told))
        if self.path.startswith("/content"):
            self._content()
        elif self.path.startswith("/ggml-org/old/"):
            self.send_response(307)
            self.send_header("Location", self.path.replace("/old/", "/tiny/"))
            self.end_headers()
        else:
            self._resolve()

    def _resolve(self) -> None:
        self.send_response(self.web.status)
        digest = hashlib.sha256(self.web.content).hexdigest()
        told = {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(self.web.content))}
        for name, value in {
            **told,
            "Location": f"{self.web.store}/content",
            **self.web.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()

    def _content(self) -> None:
        asked = self.headers["Range"] if self.web.ranges else None
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        content = self.web.content[begin:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        if self.web.held:
            self.web.held.wait(30)
        if self.web.breaks:
            self.web.breaks -= 1
        else:
            self.wfile.write(content[half:])


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    web = Web()
    handler = type("WebHandler", (Handler,), {"web": web})
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=[0.01]) for server in servers]
    for thread in threads:
        thread.start()
    web.hub, web.store = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    yield web
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hub(web: Web, tmp_path: Path) -> Hub:
    return Hub(tmp_path, f"{web.hub}/", token="hf_secret")


def test_a_path_and_a_file_of_the_hub_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.touch()

    assert parse_weights(str(path)) == path
    assert parse_weights("ggml-org/tiny:q4/tiny.gguf") == FILE
    assert parse_weights("o/r@v1:a.gguf") == HubFile("o/r", "a.gguf", "v1")
    assert str(FILE) == "ggml-org/tiny@main:q4/tiny.gguf"


@pytest.mark.parametrize(
    "text", ["missing.gguf", "o/r:../a.gguf", "o/..:a.gguf", "o/r:/etc/a", "o/r/s:a", "o/r@:a", ""]
)
def test_what_is_neither_is_refused_with_how_it_is_written(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match=r"owner/repository:file\.gguf"):
        parse_weights(text or "a b")


def test_revisions_lie_apart(tmp_path: Path) -> None:
    hub = Hub(tmp_path)

    assert hub.path(FILE) == tmp_path / "ggml-org/tiny/q4/tiny.gguf"
    assert hub.path(HubFile("o/r", "a", "v1")) == tmp_path / "o/r@v1/a"
    assert hub.path(tmp_path) == tmp_path


async def test_a_file_is_fetched_once_and_kept(hub: Hub, web: Web) -> None:
    path = await hub.fetch(FILE)

    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == ["tiny.gguf"]
    assert web.asked[0][:2] == ("HEAD", "/ggml-org/tiny/resolve/main/q4/tiny.gguf")
    asked = len(web.asked)
    assert await hub.fetch(FILE) == path
    assert len(web.asked) == asked


async def test_the_token_is_told_to_the_hub_and_to_nobody_else(hub: Hub, web: Web) -> None:
    await hub.fetch(FILE)

    told = {path.startswith("/content"): token for _, path, _, token in web.asked}
    assert told == {False: "Bearer hf_secret", True: None}


async def test_a_renamed_repository_is_followed_with_the_token(hub: Hub, web: Web) -> None:
    path = await hub.fetch(HubFile("ggml-org/old", "q4/tiny.gguf"))

    assert path.read_bytes() == CONTENT
    assert [(method, path.split("/")[2:3], token) for method, path, _, token in web.asked] == [
        ("HEAD", ["old"], "Bearer hf_secret"),
        ("HEAD", ["tiny"], "Bearer hf_secret"),
        ("GET", ["old"], "Bearer hf_secret"),
        ("GET", ["tiny"], "Bearer hf_secret"),
        ("GET", [], None),
    ]


async def test_what_breaks_off_is_resumed(hub: Hub, web: Web) -> None:
    web.breaks = 2

    path = await hub.fetch(FILE)

    assert path.read_bytes() == CONTENT
    half = len(CONTENT) // 2
    ranges = [begin for _, path, begin, _ in web.asked if path.startswith("/content")]
    assert ranges == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]


async def test_a_store_that_cannot_resume_sends_it_again(hub: Hub, web: Web) -> None:
    web.ranges, web.breaks = False, 1

    assert (await hub.fetch(FILE)).read_bytes() == CONTENT


async def test_one_that_was_cancelled_goes_on_where_it_was(hub: Hub, web: Web) -> None:
    web.held = threading.Event()
    fetching = asyncio.create_task(hub.fetch(FILE))
    directory = hub.path(FILE).parent
    await until(lambda: any(part.stat().st_size for part in directory.glob("*.part")))

    fetching.cancel()
    await asyncio.wait([fetching], timeout=0.1)  # it is told, and its thread then waits for bytes
    web.held.set()
    await asyncio.gather(fetching, return_exceptions=True)

    assert not hub.path(FILE).exists()
    assert (await hub.fetch(FILE)).read_bytes() == CONTENT
    assert web.asked[-1][2] is not None


async def test_two_that_want_the_same_file_fetch_it_once(hub: Hub, web: Web) -> None:
    web.held = threading.Event()
    first = asyncio.create_task(hub.fetch(FILE))
    await until(lambda: len(web.asked) == 3)
    second = asyncio.create_task(Hub(hub.path(FILE).parents[3], web.hub).fetch(FILE))
    await until(lambda: len(web.asked) == 4)

    web.held.set()

    assert (await first) == (await second)
    assert sum(path.startswith("/content") for _, path, _, _ in web.asked) == 1


async def test_what_is_not_what_the_hub_has_is_thrown_away(hub: Hub, web: Web) -> None:
    web.headers = {"X-Linked-ETag": f'"{"0" * 64}"'}

    with pytest.raises(EngineFailed, match="did not arrive as the hub has it"):
        await hub.fetch(FILE)

    assert not list(hub.path(FILE).parent.iterdir())


async def test_one_larger_than_promised_is_thrown_away(hub: Hub, web: Web) -> None:
    web.headers = {"X-Linked-Size": "1000"}

    with pytest.raises(EngineFailed, match="larger than the hub says"):
        await hub.fetch(FILE)


async def test_a_small_file_is_known_by_its_size_alone(hub: Hub, web: Web) -> None:
    web.headers = {"X-Linked-ETag": 'W/"6f9a"'}

    assert (await hub.fetch(FILE)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "said"), [(404, "answers 404"), (401, "needs HF_TOKEN"), (403, "needs HF_TOKEN")]
)
async def test_a_hub_that_refuses_is_told(hub: Hub, web: Web, status: int, said: str) -> None:
    web.status = status

    with pytest.raises(EngineFailed, match=said) as caught:
        await hub.fetch(FILE)

    assert "hf_secret" not in str(caught.value)


async def test_a_store_that_sends_nothing_is_given_up(hub: Hub, web: Web) -> None:
    web.content = b"1"
    web.breaks = 1  # half of one byte is none

    with pytest.raises(EngineFailed, match="cannot be reached"):
        await hub.fetch(FILE)


async def test_what_is_no_hub_is_told(hub: Hub, web: Web) -> None:
    web.status, web.headers = 200, {"X-Linked-Size": "many"}

    with pytest.raises(EngineFailed, match="not a hub"):
        await hub.fetch(FILE)


async def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, web: Web) -> None:
    offline = web.hub.rsplit(":", 1)[0] + ":1"

    with pytest.raises(EngineFailed, match="put the file on this machine and name its path"):
        await Hub(tmp_path, offline).fetch(FILE)


async def test_a_disk_that_cannot_hold_it_is_told_before_anything_is_fetched(
    hub: Hub, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 1024 * 1024

    def usage(_path: Path) -> Full:
        return Full()

    monkeypatch.setattr(shutil, "disk_usage", usage)

    with pytest.raises(EngineFailed, match="has 2 MB; the disk of the data has 1 left"):
        await hub.fetch(FILE)

    assert not any(path.startswith("/content") for _, path, _, _ in web.asked)


async def test_progress_is_logged(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_PROGRESS_SECONDS", 0.0)
    caplog.set_level("INFO", "readstone")

    await hub.fetch(FILE)

    told = [record for record in caplog.records if record.message == "model arrives"]
    assert told[-1].__dict__["fields"]["percent"] == 100
    assert caplog.records[-1].message == "model fetched"
