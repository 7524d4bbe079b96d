"""Metrics: what is counted where, what several processes tell together, and in what form."""

import asyncio
import multiprocessing
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from readstone.telemetry import LOGGER, log, log_trouble
from readstone.telemetry.metrics.board import Board, read_boards
from readstone.telemetry.metrics.exposition import merge, render
from readstone.telemetry.metrics.families import (
    ACTIVE,
    ENGINE_STATE,
    FAMILIES,
    LEDGER_BATCH,
    PAGES,
    REQUESTS,
    TOKEN_USAGE,
)
from readstone.telemetry.metrics.family import Family
from readstone.telemetry.metrics.metrics import Desk, Metrics


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.close()


def told(*boards: Board) -> str:
    return render(merge(series for board in boards for series in board.read()))


def value(text: str, series: str) -> float:
    (found,) = [line for line in text.splitlines() if line.startswith(f"{series} ")]
    return float(found.rpartition(" ")[2])


def test_a_counter_is_told_with_its_labels_and_its_unit(board: Board) -> None:
    board.add(PAGES, ("readstone-ocr",), 2)
    board.add(PAGES, ("readstone-ocr",))

    text = told(board)

    assert text.splitlines() == [
        f"# HELP readstone_pages_total {PAGES.help}",
        "# TYPE readstone_pages_total counter",
        'readstone_pages_total{gen_ai_request_model="readstone-ocr"} 3',
    ]
    assert text.endswith("\n")


def test_the_buckets_of_a_histogram_count_what_is_at_most_their_bound(board: Board) -> None:
    for size in (1, 2, 3, 5000):
        board.observe(LEDGER_BATCH, (), size)

    text = told(board)

    assert value(text, 'readstone_ledger_batch_size_bucket{le="1"}') == 1
    assert value(text, 'readstone_ledger_batch_size_bucket{le="2"}') == 2
    assert value(text, 'readstone_ledger_batch_size_bucket{le="5"}') == 3
    assert value(text, 'readstone_ledger_batch_size_bucket{le="2000"}') == 3
    assert value(text, 'readstone_ledger_batch_size_bucket{le="+Inf"}') == 4
    assert value(text, "readstone_ledger_batch_size_sum") == 5006
    assert value(text, "readstone_ledger_batch_size_count") == 4


def test_a_label_cannot_break_out_of_its_quotes(board: Board) -> None:
    board.add(PAGES, ('a"b\\c\nd',))

    assert r'{gen_ai_request_model="a\"b\\c\nd"} 1' in told(board)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        (
            Family("http.server.request.duration", "histogram", "s", ""),
            "http_server_request_duration_seconds",
        ),
        (
            Family("gen_ai.client.token.usage", "histogram", "{token}", ""),
            "gen_ai_client_token_usage",
        ),
        (Family("readstone.intake.held", "gauge", "By", ""), "readstone_intake_held_bytes"),
        (Family("process.cpu", "counter", "s", ""), "process_cpu_seconds_total"),
        (Family("x.bytes", "gauge", "By", ""), "x_bytes"),
        (Family("readstone.requests", "counter", "{request}", ""), "readstone_requests_total"),
    ],
)
def test_names_are_translated_as_opentelemetry_says(family: Family, name: str) -> None:
    assert family.prometheus_name == name


def test_names_are_told_apart_and_are_names() -> None:
    names = [family.prometheus_name for family in FAMILIES]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_][a-z0-9_]*", name) for name in names)
    assert all(family.help.endswith(".") for family in FAMILIES)


def test_what_an_earlier_process_counted_goes_on_and_what_it_was_like_does_not(
    tmp_path: Path,
) -> None:
    file = tmp_path / "0.board"
    first = Board(file)
    first.add(PAGES, ("m",), 5)
    first.set(ACTIVE, (), 3)
    first.set(ENGINE_STATE, ("up", "ready"), 1)
    first.close()

    second = Board(file)
    second.add(PAGES, ("m",))
    second.add(REQUESTS, ("/", "m", "200", ""))

    text = told(second)
    assert value(text, 'readstone_pages_total{gen_ai_request_model="m"}') == 6
    assert value(text, "readstone_requests_active") == 0
    assert "readstone_requests_total{" in text
    assert "readstone_engine_state{" not in text
    second.close()


def test_several_processes_are_one_server(tmp_path: Path) -> None:
    boards = [Board(tmp_path / f"{number}.board") for number in range(3)]
    for number, board in enumerate(boards):
        board.add(PAGES, ("m",), number)
        board.set(ACTIVE, (), 2)
        board.set(ENGINE_STATE, ("reader", "ready"), 1)
        board.observe(TOKEN_USAGE, ("chat", "readstone", "m", "input"), 10)

    found = list(read_boards(tmp_path))
    text = render(merge(series for _, _, each in found for series in each))

    assert [pid for _, pid, _ in found] == [os.getpid()] * 3
    assert value(text, 'readstone_pages_total{gen_ai_request_model="m"}') == 3
    assert value(text, "readstone_requests_active") == 6
    assert (
        value(text, 'readstone_engine_state{readstone_engine="reader",readstone_state="ready"}')
        == 1
    )
    assert re.search(r"^gen_ai_client_token_usage_sum\{.*\} 30$", text, re.MULTILINE)
    for board in boards:
        board.close()


def test_a_full_board_counts_what_it_has_and_nothing_else(board: Board) -> None:
    for number in range(7_000):
        board.observe(LEDGER_BATCH, (), 1)
        board.add(PAGES, (str(number),))
        board.observe(TOKEN_USAGE, ("chat", "readstone", str(number), "input"), 1)

    text = told(board)

    assert value(text, "readstone_ledger_batch_size_count") == 7_000
    assert value(text, 'readstone_pages_total{gen_ai_request_model="0"}') == 1
    assert 'gen_ai_request_model="6999"' not in text


def _count(folder: Path) -> None:
    board = Board(Desk(folder, "1").file)
    board.add(PAGES, ("m",), 40)
    board.set(ACTIVE, (), 7)
    os._exit(9)  # without closing anything, as one that is killed


async def test_a_process_that_died_is_counted_but_is_like_nothing(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_count, args=(tmp_path,))
    process.start()
    process.join()
    metrics = Metrics("1.2.3", Desk(tmp_path, "0"))
    metrics.board.add(PAGES, ("m",), 2)
    metrics.watch(lambda board: board.set(ACTIVE, (), 1))

    text = metrics.text()

    assert value(text, 'readstone_pages_total{gen_ai_request_model="m"}') == 42
    assert value(text, "readstone_requests_active") == 1
    assert value(text, 'process_start_time_seconds{readstone_worker="0"}') > 1e9
    assert value(text, 'process_cpu_seconds_total{readstone_worker="0"}') > 0
    assert 'readstone_worker="1"' not in text
    assert value(text, 'readstone_build{service_version="1.2.3"}') == 1
    await metrics.stop()


async def test_what_is_not_there_any_more_is_not_told_until_it_comes_back() -> None:
    metrics = Metrics("1.2.3")
    engines = ["up", "down"]

    def look(board: Board) -> None:
        for engine in engines:
            board.set(ENGINE_STATE, (engine, "ready"), 1)

    metrics.watch(look)
    metrics.text()
    engines.remove("down")
    without = metrics.text()
    engines.append("down")
    again = metrics.text()
    await metrics.stop()

    states = "readstone_engine_state{readstone_engine="
    assert value(without, f'{states}"up",readstone_state="ready"}}') == 1
    assert '"down"' not in without
    assert value(again, f'{states}"down",readstone_state="ready"}}') == 1


async def test_events_of_the_log_are_counted_by_name_and_engine() -> None:
    metrics = Metrics("1.2.3")
    level = LOGGER.level
    LOGGER.setLevel("INFO")
    await metrics.start()

    log_trouble("engine circuit opened", engine="gpu/1", seconds=1.0)
    log("reader ready", pid=5)
    log("request", id="req_1")
    text = metrics.text()
    await metrics.stop()
    LOGGER.setLevel(level)

    assert (
        value(
            text,
            'readstone_events_total{readstone_event="engine circuit opened",readstone_engine="gpu/1"}',
        )
        == 1
    )
    assert (
        value(text, 'readstone_events_total{readstone_event="reader ready",readstone_engine=""}')
        == 1
    )
    assert 'readstone_event="request"' not in text


async def test_one_of_several_processes_looks_by_itself_for_the_others(tmp_path: Path) -> None:
    metrics = Metrics("1.2.3", Desk(tmp_path, "0"))
    looked = asyncio.Event()
    metrics.watch(lambda _: looked.set())

    await metrics.start()
    async with asyncio.timeout(10):
        await looked.wait()
    await metrics.stop()
