"""Several API processes on one port: one reader, limits that hold for all of them together, and one that dies is replaced."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from e2e.load import SlowEngine, clients, ends, settings, slow_engine
from e2e.pages import body, drawn, image_part
from e2e.server import Server, readstone, wait_until
from e2e.test_drain import answered
from e2e.test_trouble import begin, cpu_ticks

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc"),
]

QUESTION = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
LINES = 45
_ESTABLISHED = "01"


@pytest.fixture(scope="module")
def engine() -> Iterator[SlowEngine]:
    with slow_engine(0.0) as started:
        yield started


def _started(folder: Path, workers: int, engine: SlowEngine, *lines: str) -> Server:
    text = settings(engine, *lines)
    (folder / "readstone.toml").write_text(text, encoding="utf-8")
    server = Server(folder, "--workers", str(workers))
    wait_until(lambda: len(processes(server)) == workers, "all processes are up")
    return server


def processes(server: Server) -> dict[int, int]:
    """The API processes by number, as the log has them last."""
    ready = [line for line in server.log if line["event"] == "API process ready"]
    return {line["worker"]: line["pid"] for line in ready}


def up(server: Server) -> int:
    """How many processes there are, as the one says that is asked."""
    told = server.call("GET", "/ready").json
    assert told["processes"]["of"] == 3
    assert told["status"] == ("ready" if told["processes"]["up"] == 3 else "degraded")
    return told["processes"]["up"]


def events(server: Server, event: str) -> list[dict[str, Any]]:
    return [line for line in server.log if line["event"] == event]


def test_of_many_requests_to_four_processes_exactly_as_many_pass_as_may(
    tmp_path: Path, engine: SlowEngine
) -> None:
    before = len(engine.asked)
    server = _started(tmp_path, 4, engine, "[limits.key]", "requests_per_minute = 100")
    try:
        with ThreadPoolExecutor(16) as threads:
            replies = list(threads.map(server.chat, [QUESTION] * 250))
    finally:
        assert server.stop() == 0

    assert Counter(reply.status for reply in replies) == {200: 100, 429: 150}
    assert len(engine.asked) - before == 100


def test_wrong_keys_are_counted_by_all_processes_together(
    tmp_path: Path, engine: SlowEngine
) -> None:
    server = _started(tmp_path, 2, engine, "[authentication]", "wrong_keys_per_minute = 10")
    wrong = {"Authorization": f"Bearer rs-{'a' * 12}-{'b' * 43}"}
    statuses: list[int] = []
    try:
        # Two that are open at once are at two processes.
        with closing(server.connect()) as one, closing(server.connect()) as other:
            for each in (one, other) * 12:
                each.request("GET", "/v1/models", headers=wrong)
                with each.getresponse() as reply:
                    reply.read()
                    statuses.append(reply.status)
        assert server.call("GET", "/v1/models").status == 401
        assert server.chat(QUESTION).status == 200
    finally:
        assert server.stop() == 0

    assert statuses == [401] * 10 + [429] * 14
    assert len(events(server, "too many wrong keys")) == 1


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, engine: SlowEngine) -> Iterator[Server]:
    server = _started(tmp_path_factory.mktemp("three"), 3, engine)
    yield server
    assert server.stop() == 0
    assert [line for line in server.log if "exception" in line] == []


def _connections(server: Server, pid: int) -> int:
    """How many clients' connections a process has."""
    port = f":{urlsplit(server.address).port or 0:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    sockets = {
        f"socket:[{row[9]}]" for row in rows if row[1].endswith(port) and row[3] == _ESTABLISHED
    }
    files = list(Path(f"/proc/{pid}/fd").iterdir())
    return sum(str(file.readlink()) in sockets for file in files if file.is_symlink())


def _spread(server: Server) -> list[int]:
    """How many of nine connections each process gets."""
    pids = processes(server).values()
    wait_until(lambda: not any(_connections(server, pid) for pid in pids), "nobody asks")
    with ExitStack() as stack:
        for _ in range(9):
            connection = stack.enter_context(closing(server.connect()))
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b'{"status":"ok"}'
        return [_connections(server, pid) for pid in pids]


def test_connections_are_spread_evenly_and_the_server_tells_of_itself_once(three: Server) -> None:
    # What was closed a moment ago may still count.
    wait_until(lambda: _spread(three) == [3, 3, 3], "each has as many as the others")
    wait_until(lambda: up(three) == 3, "all know of each other")
    wait_until(lambda: "ready     readstone-ocr" in three.output, "announces its models")
    assert three.output.count("serves on http://") == 1
    assert three.output.count("ready     readstone-ocr") == 1


def test_one_reader_reads_for_all_processes(three: Server) -> None:
    pages = [body(image_part(drawn(3, f"Number{number}"))) for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(three.chat, pages))

    assert [reply.status for reply in replies] == [200] * 6
    for number, reply in enumerate(replies):
        assert f"Number{number}" in reply.json["choices"][0]["message"]["content"]
    assert len(events(three, "reader ready")) == 1


def test_a_client_that_leaves_one_process_stops_the_reader_of_all(three: Server) -> None:
    worker = three.worker
    page = body(image_part(drawn(LINES, "Left")), stream=True)
    begun = cpu_ticks(worker)
    assert three.chat(page).status == 200
    full = cpu_ticks(worker) - begun
    for number in range(3):
        with closing(three.connect()) as connection:
            begin(connection, three, body(image_part(drawn(LINES, f"Left {number}")), stream=True))
    wait_until(lambda: len(three.requests(status=499)) >= 3, "three clients left")
    assert three.chat(body(image_part(drawn(LINES, "Stayed")), stream=True)).status == 200
    assert cpu_ticks(worker) - begun - full < 3 * full


def test_a_process_that_dies_is_replaced_and_takes_only_its_own_requests_along(
    three: Server,
) -> None:
    victim = processes(three)[1]
    found = clients(three, 9)
    wait_until(lambda: min(len(client.ends) for client in found) > 5, "everybody was answered")
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: processes(three)[1] != victim, "it is replaced")
    wait_until(lambda: up(three) == 3, "all three are up again")
    for client in found:
        client.is_stopped = True
    counted = ends(found)

    # Each of its three connections had one request at most.
    assert counted["failed"] + counted["closed"] <= 2 * 3
    assert counted["refused"] == 0
    ended = {(line["worker"], line["code"]) for line in events(three, "API process ended")}
    assert (1, -9) in ended
    assert answered(three) >= counted["whole"] > 40


def test_a_process_that_is_told_to_end_answers_what_it_has_and_is_replaced(three: Server) -> None:
    before = answered(three)
    found = clients(three, 9)
    wait_until(lambda: min(len(client.ends) for client in found) > 5, "everybody was answered")
    gone = processes(three)[2]
    os.kill(gone, signal.SIGTERM)
    wait_until(lambda: processes(three)[2] != gone, "it is replaced")
    for client in found:
        client.is_stopped = True
    counted = ends(found)

    assert (counted["failed"], counted["refused"]) == (0, 0)
    assert answered(three) - before == counted["whole"]


def test_what_a_killed_process_had_running_does_not_count_as_running(
    tmp_path: Path, engine: SlowEngine
) -> None:
    server = _started(tmp_path, 2, engine, "[limits.key]", "concurrency = 2")
    try:
        with ExitStack() as stack:
            for number in range(2):
                page = body(image_part(drawn(LINES, f"Held {number}")), stream=True)
                begin(stack.enter_context(closing(server.connect())), server, page)
            assert server.chat(QUESTION).status == 429
            pids = processes(server)
            for pid in pids.values():
                os.kill(pid, signal.SIGKILL)
            wait_until(
                lambda: not set(processes(server).values()) & set(pids.values()), "both come back"
            )
        assert server.chat(QUESTION).status == 200
    finally:
        assert server.stop() == 0


def test_a_killed_owner_leaves_nothing(tmp_path: Path, engine: SlowEngine) -> None:
    server = _started(tmp_path, 2, engine)
    left = [*processes(server).values(), server.worker]
    server.process.kill()
    server.process.wait(30)
    wait_until(lambda: not any(map(_runs, left)), "its processes have ended")


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text(encoding="utf-8").split()[2] != "Z"


def test_fewer_requests_at_once_than_processes_are_refused_at_the_start(
    tmp_path: Path, engine: SlowEngine
) -> None:
    text = settings(engine).replace("discover = false", "discover = false\nconcurrency = 2")
    (tmp_path / "readstone.toml").write_text(text, encoding="utf-8")

    told = readstone(tmp_path, "serve", "--port", "0", "--workers", "3", "--data-dir", "data")

    assert told.returncode == 1
    assert "engines.up.concurrency is 2, and 3 API processes share it" in told.stderr
