"""A client that leaves stops the work at every stage, and gives back its permit and its room."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from e2e.pages import body, drawn, image_part
from e2e.server import Server, wait_until
from e2e.site import Stand, site
from e2e.visitor import Visitor, cpu_ticks, first_answered, frozen

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc"),
]

QUEUE = 2
SETTINGS = f"""
[reader]
threads = 1
concurrency = 1
queue = {QUEUE}
cache_seconds = 0

[fetch]
allowed_hosts = ["127.0.0.1"]

[limits]
intake_bytes = 4_000_000
intake_seconds = 0
"""
PADDING = b"\0" * 2_500_000
"""Makes an image that fits into the intake once, and not twice."""
LINES = 90
SIZE = 16
"""Of the letters: with small print, finding the lines costs little, and reading them is what can be stopped."""
SMALL = body(image_part(drawn(2, "Small")))

both_ways = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server that reads one request at a time, lets two wait, and has room for one large image."""
    folder = tmp_path_factory.mktemp("narrow")
    (folder / "readstone.toml").write_text(SETTINGS, encoding="utf-8")
    started = Server(folder)
    yield started
    assert started.stop() == 0
    assert [line for line in started.log if "exception" in line] == []


def heavy(lines: int, word: str) -> Any:
    return image_part(drawn(lines, word, size=SIZE) + PADDING)


BIG = body(heavy(1, "Big"))


def assert_is_full(server: Server) -> None:
    """Somebody holds so much that another large image finds no room."""
    reply = server.chat(BIG)
    assert (reply.status, reply.error["code"]) == (503, "overloaded")
    assert reply.headers["retry-after"] == "2"


def assert_left(server: Server, note: str) -> None:
    """That client is logged as gone, and what it held is free: room, and the only permit."""
    (line,) = server.requests(client_id=note)
    assert line["status"] == 499
    assert "error" not in line
    reply = server.chat(BIG)
    assert reply.json["choices"][0]["message"]["content"] == "Big number 0 of many"


def assert_stopped(spent: int, full: int) -> None:
    """Two pages were left and two small ones read: had the two run to their end, it would be more.

    On a quiet machine it is 0.7 of one page; on a busy one, where caches are cold after each switch, 0.9.
    """
    assert spent < 2 * full


def test_leaving_during_the_upload(narrow: Server) -> None:
    with Visitor(narrow, "upload") as visitor:
        visitor.begin_upload(len(BIG))
        visitor.connection.send(BIG[: len(BIG) // 2])
        # Who is first at the door may be second to find room: a page that was read came well after.
        assert narrow.chat(SMALL).status == 200
        assert_is_full(narrow)
    assert_left(narrow, "upload")


@both_ways
def test_leaving_during_a_fetch_closes_the_remote_socket(narrow: Server, *, stream: bool) -> None:
    note = f"fetch-{stream}"
    with site(slow=Stand(silent=True)) as web:
        remote = {"type": "image_url", "image_url": {"url": web.url("/slow")}}
        with Visitor(narrow, note).ask(body(heavy(1, "Fetch"), remote, stream=stream)):
            assert web.came.wait(30)
            assert_is_full(narrow)
            assert not web.left.is_set()
        assert web.left.wait(30)
    assert_left(narrow, note)


@both_ways
def test_leaving_the_queue_frees_the_places(narrow: Server, *, stream: bool) -> None:
    note = f"queue-{stream}"
    content = body(image_part(drawn(2, "Waiting")), stream=stream)

    def line_up() -> list[Visitor]:
        """As many as may wait and one more, who is refused: then the others do wait."""
        visitors = [Visitor(narrow, note).ask(content) for _ in range(QUEUE + 1)]
        refused = first_answered(visitors)
        assert refused.answer().status == 429
        refused.leave()
        return [visitor for visitor in visitors if visitor is not refused]

    page = body(heavy(LINES, f"Holder{stream}"), stream=True)
    with Visitor(narrow, f"holder-{stream}").ask(page) as holder:
        answer = holder.first_text()
        with frozen(narrow.worker):
            for visitor in line_up():
                visitor.leave()
            wait_until(
                lambda: (
                    sum(line["status"] == 499 for line in narrow.requests(client_id=note)) == QUEUE
                ),
                "those who waited are gone",
            )
            waiting = line_up()  # none of them would find a place if the first were still there
        assert f"number {LINES - 1} of many" in answer.read().decode()
    for visitor in waiting:
        with visitor:
            assert b"Waiting number 1 of many" in visitor.answer().read()
    wait_until(lambda: len(narrow.requests(client_id=note, status=200)) == QUEUE, "both are logged")
    assert narrow.chat(BIG).status == 200


@both_ways
def test_leaving_while_a_page_is_read_stops_the_worker(narrow: Server, *, stream: bool) -> None:
    worker = narrow.worker
    start = cpu_ticks(worker)
    assert narrow.chat(body(heavy(LINES, "Left"))).status == 200
    full = cpu_ticks(worker) - start
    for turn in range(2):
        before = cpu_ticks(worker)
        note = f"read-{stream}-{turn}"
        with Visitor(narrow, note).ask(body(heavy(LINES, "Left"), stream=stream)):
            wait_until(lambda begun=before: cpu_ticks(worker) > begun + 2, "the worker computes")
            assert_is_full(narrow)
        assert_left(
            narrow, note
        )  # one thread reads, so this was read after what was left of the page
    assert_stopped(cpu_ticks(worker) - start - full, full)


def test_leaving_in_mid_stream_stops_the_worker(narrow: Server) -> None:
    worker = narrow.worker
    start = cpu_ticks(worker)
    assert narrow.chat(body(heavy(LINES, "Mid"))).status == 200
    full = cpu_ticks(worker) - start
    for turn in range(2):
        with Visitor(narrow, f"stream-{turn}").ask(body(heavy(LINES, "Mid"), stream=True)) as one:
            one.first_text()
            assert_is_full(narrow)
        assert_left(narrow, f"stream-{turn}")
    assert_stopped(cpu_ticks(worker) - start - full, full)
    assert narrow.chat(SMALL).status == 200
