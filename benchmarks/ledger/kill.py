"""A server under load is killed: what its clients had whole must be in the ledger, and nothing twice."""

import asyncio
import http.client
import json
import threading
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from tests.e2e.server import Server
from tests.upstream import VLLM, Upstream

from readstone.core.ledger import Selection
from readstone.store import Store
from readstone.store.sqlite import SQLiteStore

CLIENTS: Final = 8
_SETTINGS: Final = """
[models.m]
kind = "chat"
engine = "up"
prices = {{ prompt = 1.0, completion = 2.0 }}
[engines.up]
type = "http"
url = "{url}"
discover = false
"""


class Round(msgspec.Struct, frozen=True):
    """One killing: answers that clients had whole, entries there were, answers missing among them, entries too many."""

    whole: int
    entries: int
    missing: int
    twice: int


class _Engine(Upstream):
    """Says nothing of servers that are gone in the middle of an answer: here they all are."""

    def handle_error(self, request: object, client_address: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (it looks at neither)
        del request, client_address


@contextmanager
def upstream() -> Generator[Upstream]:
    """A server that answers every chat at once."""
    server = _Engine(VLLM, {"m": {}})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def killed(folder: Path, url: str, answers: int, database: str | None = None) -> Round:
    """Start a server in a folder, kill it after so many answers, and look at its ledger."""
    store = f'[store]\nurl = "{database}"\n' if database else ""
    settings = _SETTINGS.format(url=url) + store
    (folder / "readstone.toml").write_text(settings, encoding="utf-8")
    server = Server(folder, up="/health")
    whole: list[str] = []
    try:
        with ThreadPoolExecutor(CLIENTS) as clients:
            for number in range(CLIENTS):
                clients.submit(_ask, server, whole, answers, is_stream=number % 2 == 0)
    finally:
        server.process.kill()
        server.process.wait()
    return asyncio.run(_look(folder, database, whole))


def _ask(server: Server, whole: list[str], answers: int, *, is_stream: bool) -> None:
    """Ask until the server is gone; who has the last answer that counts kills it."""
    question = {"role": "user", "content": "hello"}
    body = json.dumps({"model": "m", "messages": [question], "stream": is_stream})
    headers = {"authorization": f"Bearer {server.key}"}
    connection = server.connect()
    try:
        while True:
            connection.request("POST", "/v1/chat/completions", body, headers)
            content = connection.getresponse().read()
            if content.endswith(b"data: [DONE]\n\n") if is_stream else _is_json(content):
                whole.append(_id(content))
                if len(whole) == answers:
                    server.process.kill()
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()


def _is_json(content: bytes) -> bool:
    try:
        return b'"error"' not in content and bool(json.loads(content))
    except ValueError:
        return False


def _id(content: bytes) -> str:
    """The request's id, from the answer's."""
    start = content.index(b"chatcmpl-") + len("chatcmpl-")
    return "req_" + content[start : start + 32].decode()


async def _look(folder: Path, database: str | None, whole: list[str]) -> Round:
    store = await _opened(folder, database)
    try:
        entries = await store.entries(Selection(), None, 1_000_000)
        (total,) = await store.usage(Selection(), ())
    finally:
        await store.close()
    counted = Counter(entry.request_id for entry in entries if entry.status == "ok")
    missing = [name for name in whole if name not in counted]
    twice = sum(counted.values()) - len(counted) + abs(total.requests - len(entries))
    return Round(len(whole), len(entries), len(missing), twice)


async def _opened(folder: Path, database: str | None) -> Store:
    if database is None:
        store = SQLiteStore(folder / "data" / "readstone.db")
        await store.open()
        return store
    from readstone.store.postgres import PostgresStore  # noqa: PLC0415  (an extra)

    found = PostgresStore(database)
    await found.open()
    return found
