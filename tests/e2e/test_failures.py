"""What a server does when what it keeps cannot be kept: the table of docs/operations.md, row by row."""

import errno
import json
import os
import resource
import subprocess
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from e2e.load import SlowEngine, clients, ends, settings, slow_engine
from e2e.server import Reply, Server, readstone, wait_until
from e2e.test_drain import answered
from postgres import Postgres, started_postgres

pytestmark = pytest.mark.e2e

_QUESTION = [{"role": "user", "content": "hello"}]


@pytest.fixture
def engine() -> Iterator[SlowEngine]:
    with slow_engine(0.0) as started:
        yield started


@pytest.fixture(scope="module")
def postgres() -> Generator[Postgres]:
    with started_postgres() as started:
        yield started


def _ask(server: Server, *, stream: bool = False) -> Reply:
    return server.chat(json.dumps({"model": "m", "messages": _QUESTION, "stream": stream}).encode())


class _Client:
    """Asks, and counts its answers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.whole = 0

    def is_answered(self) -> bool:
        status = _ask(self._server).status
        self.whole += status == 200
        return status == 200


def _started(folder: Path, engine: SlowEngine, *lines: str, data: str = "data") -> Server:
    (folder / "readstone.toml").write_text(settings(engine, *lines), encoding="utf-8")
    return Server(folder, "--data-dir", data, up="/health")


def _refuses(server: Server) -> None:
    """Every answer is refused, in words, and a stream ends with the error; the server lives."""
    whole, stream, again = _ask(server), _ask(server, stream=True), _ask(server)
    for reply in (whole, again):
        assert (reply.status, reply.error["code"]) == (503, "store_unavailable")
        assert int(reply.headers["retry-after"]) >= 1
    assert stream.status == 503 or b'"code":"store_unavailable"' in stream.content
    assert b"[DONE]" not in stream.content or b'"error"' in stream.content
    assert server.call("GET", "/health").status == 200


@contextmanager
def _trouble(server: Server, trouble: AbstractContextManager[None]) -> Generator[_Client]:
    """Refuses within the trouble and answers after it; the server is stopped at the end of the block."""
    client = _Client(server)
    try:
        assert client.is_answered()
        with trouble:
            wait_until(lambda: not client.is_answered(), "a commit has failed")
            _refuses(server)
        wait_until(client.is_answered, "answers again")
        yield client
    finally:
        assert server.stop() == 0


@contextmanager
def _no_room(server: Server) -> Generator[None]:
    """No file of the server can grow, as on a disk that is full; its log cannot either."""
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_answers_until_there_is_room(
    tmp_path: Path, engine: SlowEngine
) -> None:
    server = _started(tmp_path, engine)
    with _trouble(server, _no_room(server)) as client:
        assert _ask(server, stream=True).content.endswith(b"data: [DONE]\n\n")
    assert answered(server) == client.whole + 1


def test_a_full_disk_lets_answers_out_where_the_ledger_is_not_required(
    tmp_path: Path, engine: SlowEngine
) -> None:
    server = _started(tmp_path, engine, "[ledger]", "required = false")
    try:
        assert _ask(server).status == 200
        with _no_room(server):
            assert [_ask(server).status for _ in range(3)] == [200] * 3
        assert _ask(server).status == 200
    finally:
        assert server.stop() == 0
    assert answered(server) == 5


def test_a_data_directory_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    told = readstone(tmp_path, "serve", "--port", "0", "--data-dir", "/proc/readstone")

    assert told.returncode == 1
    assert "The store /proc/readstone/readstone.db cannot be opened" in told.stderr
    assert "--data-dir" in told.stderr
    assert told.stdout == ""


@contextmanager
def _disk(folder: Path) -> Generator[Path]:
    """A disk of 4 MB; skips where this user may make none."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a disk; the tests with a limit of files run anywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _fill(file: Path) -> None:
    """Take all the room there is."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(handle, bytes(4096)):
            pass
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017  (it is how one knows)
    finally:
        os.close(handle)


def test_a_disk_that_runs_full_refuses_answers_until_there_is_room(
    tmp_path: Path, engine: SlowEngine
) -> None:
    with _disk(tmp_path / "disk") as disk:
        server = _started(tmp_path, engine, data=str(disk))
        try:
            assert _ask(server).status == 200
            filler = disk / "filler"
            _fill(filler)
            wait_until(lambda: _ask(server).status == 503, "the log has no more room")
            _refuses(server)
            filler.unlink()
            wait_until(lambda: _ask(server).status == 200, "answers again")
        finally:
            assert server.stop() == 0


@contextmanager
def _read_only(folder: Path) -> Generator[None]:
    """The database cannot be written, by those who have it open either; skips where this user may not do that."""
    files = [str(file) for file in folder.iterdir() if file.suffix in {".db", ".db-wal"}]
    lock, unlock = (["chattr", sign, *files] for sign in ("+i", "-i"))
    try:
        if os.geteuid() or subprocess.run(lock, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to make files immutable, and a file system that can")
        yield
    finally:
        subprocess.run(unlock, capture_output=True, check=False)


def test_a_data_directory_that_becomes_read_only_refuses_answers_until_it_can_be_written(
    tmp_path: Path, engine: SlowEngine
) -> None:
    server = _started(tmp_path, engine)
    with _trouble(server, _read_only(tmp_path / "data")) as client:
        pass
    assert answered(server) == client.whole


@pytest.mark.parametrize("workers", [1, 2])
def test_without_its_database_it_refuses_answers_and_comes_back_by_itself(
    tmp_path: Path, engine: SlowEngine, postgres: Postgres, workers: int
) -> None:
    url = postgres.database(f"failures{workers}")
    server = _started(tmp_path, engine, f"workers = {workers}", "[store]", f'url = "{url}"')
    try:
        found = clients(server, 6)
        wait_until(lambda: min(len(client.ends) for client in found) > 3, "everybody was answered")
        postgres.stop()
        try:
            _refuses(server)
        finally:
            postgres.start()
        wait_until(lambda: _ask(server).status == 200, "answers again")
        for client in found:
            client.is_stopped = True
        counted = ends(found)
    finally:
        assert server.stop() == 0
    assert counted["whole"] > 18
    assert counted["closed"] == counted["refused"] == 0
    assert answered(server) >= counted["whole"] + 1
