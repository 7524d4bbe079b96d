"""Promise 7: a server that is told to end answers what it has accepted, accepts nothing more, and loses nothing."""

import csv
import io
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from e2e.load import SlowEngine, clients, ends, settings, slow_engine
from e2e.server import Server, readstone, wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def engine() -> Iterator[SlowEngine]:
    with slow_engine() as started:
        yield started


@pytest.fixture(params=[0, 3])
def server(request: pytest.FixtureRequest, tmp_path: Path, engine: SlowEngine) -> Iterator[Server]:
    lines = settings(engine, *([f"workers = {request.param}"] if request.param else []))
    (tmp_path / "readstone.toml").write_text(lines, encoding="utf-8")
    started = Server(tmp_path, up="/health")
    yield started
    if started.process.poll() is None:
        started.stop()


def answered(server: Server) -> int:
    """Answers that the ledger has."""
    told = readstone(server.folder, "usage", "--csv", "--by", "", "--data-dir", "data").stdout
    rest = ("failed", "refused", "left")
    # No row where nothing was asked yet.
    return sum(
        int(total["requests"]) - sum(int(total[name]) for name in rest)
        for total in csv.DictReader(io.StringIO(told))
    )


def test_under_load_no_accepted_request_fails_and_the_ledger_has_every_answer(
    server: Server,
) -> None:
    found = clients(server, 12)
    wait_until(lambda: min(len(client.ends) for client in found) > 5, "everybody was answered")

    server.terminate()
    counted = ends(found)

    assert server.process.wait(30) == 0
    assert counted["failed"] == 0, [answer for client in found for answer in client.answers[-1:]]
    assert counted["refused"] == 12
    assert counted["whole"] > 60
    assert answered(server) == counted["whole"]
    assert [line for line in server.log if "exception" in line] == []


def test_a_connection_that_had_not_asked_yet_is_answered_and_then_closed(server: Server) -> None:
    url = urlsplit(server.address)
    with closing(socket.create_connection((url.hostname, url.port or 0), timeout=30)) as early:
        early.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n")
        server.terminate()
        wait_until(lambda: not _listens(server), "it takes no new connections")
        early.sendall(b"\r\n")
        answer = b""
        while piece := early.recv(4096):
            answer += piece

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    # One of several processes may answer before it hears of the end: it closes all the same, as the loop above found.
    is_one_of_several = any(line["event"] == "API process ready" for line in server.log)
    assert is_one_of_several or b"connection: close" in answer.lower()
    assert server.process.wait(30) == 0


def _listens(server: Server) -> bool:
    url = urlsplit(server.address)
    try:
        socket.create_connection((url.hostname, url.port or 0), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True
