"""The supervised worker, with real pages and real deaths."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

import pdfs
from readstone.core.chat import Document, Image, Source
from readstone.core.document import Line
from readstone.core.errors import EngineCrashed, EngineFailed, EngineTimeout, InvalidImage
from readstone.engines.worker.frames import Found
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits
from readstone.media.inspect import ImageLimits, inspect

DATA = Path(__file__).parents[3] / "data"
LIMITS = WorkerLimits(
    threads=1, page_seconds=60, start_seconds=60, recycle_pages=1000, recycle_megabytes=4096
)

Start = Callable[[WorkerLimits], Awaitable[Supervisor]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts supervisors and stops them at the end."""
    started: list[Supervisor] = []

    async def begin(limits: WorkerLimits) -> Supervisor:
        supervisor = Supervisor(limits)
        started.append(supervisor)
        await supervisor.start()
        return supervisor

    yield begin
    for supervisor in started:
        await supervisor.stop()


def _image(name: str = "receipt.jpg", cut: int | None = None) -> Image:
    data = (DATA / name).read_bytes()[:cut]
    return inspect(data, ImageLimits(), frozenset({"jpeg", "png"}), "messages[0].content[0]")


async def _read(supervisor: Supervisor, image: Source) -> list[Found | Line]:
    async with aclosing(supervisor.read(image)) as events:
        return [event async for event in events]


def _workers() -> set[int]:
    """Process ids of the workers this test process has."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return {
        int(pid)
        for pid in children.read_text(encoding="ascii").split()
        if b"engines.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    }


async def _read_and_kill(supervisor: Supervisor, image: Image) -> None:
    """Read a page and kill the worker as soon as the page is begun."""
    async with aclosing(supervisor.read(image)) as events:
        async for _ in events:
            # Lines that were sent before may come after it.
            for pid in _workers():
                os.kill(pid, signal.SIGKILL)


async def test_a_page_is_told_line_by_line_in_reading_order(start: Start) -> None:
    supervisor = await start(LIMITS)

    found, *lines = await _read(supervisor, _image())

    assert isinstance(found, Found)
    assert (found.width, found.height) == (_image().width, _image().height)
    rows = [line.row for line in lines if isinstance(line, Line)]
    assert len(rows) == len(lines) > 5
    assert rows == sorted(rows)
    assert supervisor.state == "ready"


async def test_the_same_bytes_give_the_same_lines_whatever_else_is_read(start: Start) -> None:
    supervisor = await start(replace(LIMITS, threads=2))
    alone = await _read(supervisor, _image())

    together = await asyncio.gather(
        *(_read(supervisor, _image(name)) for name in ("receipt.jpg", "invoice.png", "receipt.jpg"))
    )

    assert together[0][1:] == together[2][1:] == alone[1:]


async def test_a_broken_image_is_the_clients_fault_and_the_worker_goes_on(start: Start) -> None:
    supervisor = await start(LIMITS)

    with pytest.raises(InvalidImage) as caught:
        await _read(supervisor, _image(cut=20_000))

    assert caught.value.param == "messages[0].content[0]"
    assert len(await _read(supervisor, _image())) > 5


async def test_a_worker_killed_in_mid_page_fails_that_page_and_the_next_is_read(
    start: Start,
) -> None:
    supervisor = await start(LIMITS)

    with pytest.raises(EngineCrashed):
        await _read_and_kill(supervisor, _image())

    assert len(await _read(supervisor, _image())) > 5


async def test_an_image_that_ended_two_workers_is_refused(start: Start) -> None:
    supervisor = await start(LIMITS)
    for _ in range(2):
        with pytest.raises(EngineCrashed):
            await _read_and_kill(supervisor, _image())

    with pytest.raises(InvalidImage) as caught:
        await _read(supervisor, _image())

    assert caught.value.code == "image_crashed_reader"
    assert len(await _read(supervisor, _image("screen.png"))) > 3


async def test_an_image_that_was_read_after_a_crash_is_no_longer_suspected(start: Start) -> None:
    supervisor = await start(LIMITS)
    for _ in range(2):
        with pytest.raises(EngineCrashed):
            await _read_and_kill(supervisor, _image())
        await _read(supervisor, _image())
        # only one crash counts at a time, so the second round is not the second crash


async def test_a_page_that_takes_too_long_fails_and_its_worker_is_replaced(start: Start) -> None:
    supervisor = await start(replace(LIMITS, page_seconds=0.05))
    await _until(lambda: supervisor.state == "ready")
    before = _workers()

    with pytest.raises(EngineTimeout, match=r"reader\.page_seconds"):
        await _read(supervisor, _image())

    await _until(lambda: _workers().isdisjoint(before) and supervisor.state == "ready")


async def test_a_small_pdf_that_takes_all_memory_there_is_ends_its_worker_and_nothing_else(
    start: Start,
) -> None:
    supervisor = await start(replace(LIMITS, memory_megabytes=900))
    nested = Document(pdfs.nested_without_end(), 10, 1_000_000, "messages[0]")
    for error in (EngineCrashed, EngineCrashed, InvalidImage):
        with pytest.raises(error):
            await _read(supervisor, nested)
    assert len(await _read(supervisor, _image())) > 5


async def test_a_worn_worker_is_replaced_and_no_page_fails(start: Start) -> None:
    supervisor = await start(replace(LIMITS, recycle_pages=2))
    await _read(supervisor, _image("screen.png"))
    before = _workers()

    pages = await asyncio.gather(*(_read(supervisor, _image("screen.png")) for _ in range(4)))

    assert all(len(page) > 3 for page in pages)
    await _until(lambda: _workers().isdisjoint(before))


async def test_a_closed_page_leaves_the_worker_free_for_the_next(start: Start) -> None:
    supervisor = await start(LIMITS)
    async with aclosing(supervisor.read(_image("invoice.png"))) as events:
        await anext(events)

    assert len(await _read(supervisor, _image())) > 5
    assert len(_workers()) == 1


async def test_a_worker_that_cannot_start_is_told_and_tried_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        supervisor = await start(LIMITS)

        with pytest.raises(EngineFailed, match="cannot be started"):
            await _read(supervisor, _image())
        assert supervisor.state == "failed"

    await _until(lambda: supervisor.state == "ready")


async def test_a_file_named_like_a_module_in_the_folder_of_the_server_is_left_alone(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("types", "random", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert len(await _read(await start(LIMITS), _image())) > 5


async def test_stopping_ends_the_worker_and_fails_its_pages(start: Start) -> None:
    supervisor = await start(LIMITS)
    async with aclosing(supervisor.read(_image("invoice.png"))) as events:
        await anext(events)

        await supervisor.stop()

        with pytest.raises(EngineCrashed):
            async for _ in events:
                pass
    assert _workers() == set()
    assert supervisor.state == "stopped"


async def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for what another process does; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (another process sets no event of ours)
            await asyncio.sleep(0.02)
