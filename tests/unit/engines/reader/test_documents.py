"""Documents of several pages through a real worker, and as a chat request's answer."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

import pdfs
from pdfs import LETTER, OTHER, Sheet
from readstone.core.chat import (
    Answer,
    ChatRequest,
    Document,
    DocumentPart,
    Finish,
    ImagePart,
    Message,
    Part,
    TextPart,
    fold,
)
from readstone.core.document import Line
from readstone.core.engine import PageRead
from readstone.core.errors import EngineCrashed, EngineTimeout, InvalidImage
from readstone.engines.reader.engine import ReaderEngine
from readstone.engines.reader.page_cache import page_cache
from readstone.engines.reader.tokens import count, image_tokens
from readstone.engines.worker.frames import Found
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits
from readstone.media.inspect import ImageLimits, inspect
from readstone.serving.catalogue import EMBEDDED

DATA = Path(__file__).parents[3] / "data"
LIMITS = WorkerLimits(
    threads=1, page_seconds=60, start_seconds=60, recycle_pages=1000, recycle_megabytes=4096
)
THIRD = "The third page was scanned again"
SCAN = pdfs.written(OTHER, THIRD)
MIXED = pdfs.pdf(
    Sheet(pdfs.text(LETTER)),
    Sheet(pdfs.picture(595, 842), picture=SCAN),
    Sheet(pdfs.text(LETTER, OTHER), more=b"/Rotate 90"),
)
TOKENS = 3 * image_tokens(1239, 1754)

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


def _document(data: bytes, pages: int = 100) -> Document:
    return Document(data, pages, 25_000_000, "messages[0].content[0].file.file_data")


async def _read(supervisor: Supervisor, document: Document) -> list[Found | Line]:
    async with aclosing(supervisor.read(document)) as events:
        return [event async for event in events]


def _pages(events: list[Found | Line]) -> list[list[str]]:
    pages: list[list[str]] = []
    for event in events:
        match event:
            case Found():
                pages.append([])
            case Line():
                pages[-1].append(event.text)
    return pages


def _request(*parts: Part, most: int = 1000) -> ChatRequest:
    return ChatRequest(
        id="req_1",
        key_id="tester",
        model=EMBEDDED,
        model_name=EMBEDDED.id,
        messages=(Message("user", parts),),
        max_tokens=most,
        temperature=0.1,
        top_p=1.0,
        arrived=0.0,
    )


async def _answer(supervisor: Supervisor, *parts: Part, most: int = 1000) -> Answer:
    engine = ReaderEngine("reader", supervisor, page_cache(0, 0), "weights")
    async with aclosing(engine.chat(_request(*parts, most=most))) as events:
        return await fold(events)


async def test_a_document_is_read_page_by_page_whatever_is_said_about_it(start: Start) -> None:
    asked = _request(DocumentPart(_document(MIXED)), TextPart('Fill {"name": ""} in.'))
    engine = ReaderEngine("reader", await start(LIMITS), page_cache(0, 0), "weights")
    async with aclosing(engine.read(asked)) as events:
        *pages, last = [event async for event in events]

    read = [page for page in pages if isinstance(page, PageRead)]
    assert [(page.page.width, page.page.height) for page in read] == 3 * [(1239, 1754)]
    assert [" ".join(line.text for line in page.page.lines) for page in read][1] == (
        " ".join([*OTHER.split("\n"), THIRD])
    )
    assert isinstance(last, Finish)
    assert last.usage.image_tokens == TOKENS == sum(page.tokens for page in read)
    assert last.usage.prompt_tokens > TOKENS
    assert last.usage.completion_tokens == 0


async def test_pages_are_told_one_after_the_other_each_with_its_lines(start: Start) -> None:
    events = await _read(await start(LIMITS), _document(MIXED))

    found = [event for event in events if isinstance(event, Found)]
    assert [(page.page, page.pages) for page in found] == [(0, 3), (1, 3), (2, 3)]
    assert {(page.width, page.height) for page in found} == {(1239, 1754)}
    assert _pages(events) == [[LETTER], [OTHER, THIRD], [LETTER, OTHER]]
    sure = [event.confidence == 1.0 for event in events if isinstance(event, Line)]
    assert sure == [True, False, False, True, True]


async def test_the_same_document_gives_the_same_lines_whatever_else_is_read(start: Start) -> None:
    supervisor = await start(replace(LIMITS, threads=2))
    alone = _pages(await _read(supervisor, _document(MIXED)))

    together = await asyncio.gather(*(_read(supervisor, _document(MIXED)) for _ in range(4)))

    assert [_pages(events) for events in together] == [alone] * 4


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (pdfs.locked(), "password"),
        (b"%PDF-1.7\nnothing", "broken"),
        (pdfs.pdf(*[Sheet(b"", box="0 0 9 9")] * 4), "has 4 pages; at most 3"),
    ],
)
async def test_what_cannot_be_opened_is_the_senders_fault(
    start: Start, data: bytes, says: str
) -> None:
    supervisor = await start(LIMITS)

    with pytest.raises(InvalidImage, match=says) as caught:
        await _read(supervisor, _document(data, pages=3))

    assert caught.value.param == "messages[0].content[0].file.file_data"
    assert len(await _read(supervisor, _document(MIXED))) == 8


async def test_a_document_that_is_closed_leaves_the_worker_free(start: Start) -> None:
    supervisor = await start(LIMITS)
    for events_seen in (1, 2, 3):
        async with aclosing(supervisor.read(_document(MIXED))) as events:
            for _ in range(events_seen):
                await anext(events)

    assert _pages(await _read(supervisor, _document(MIXED))) == [
        [LETTER],
        [OTHER, THIRD],
        [LETTER, OTHER],
    ]


async def test_a_document_that_ended_two_workers_is_refused(start: Start) -> None:
    supervisor = await start(LIMITS)
    for _ in range(2):
        with pytest.raises(EngineCrashed):
            await _read_and_kill(supervisor, _document(MIXED))

    with pytest.raises(InvalidImage, match="The PDF in") as caught:
        await _read(supervisor, _document(MIXED))

    assert caught.value.code == "image_crashed_reader"


async def test_the_time_limit_is_for_a_page_and_not_for_the_document(start: Start) -> None:
    supervisor = await start(replace(LIMITS, page_seconds=3))
    long = pdfs.pdf(*[Sheet(pdfs.picture(595, 842), picture=SCAN)] * 10)

    assert len(_pages(await _read(supervisor, _document(long)))) == 10


async def test_a_page_that_takes_too_long_fails_its_document(start: Start) -> None:
    supervisor = await start(replace(LIMITS, page_seconds=0.05))

    with pytest.raises(EngineTimeout, match=r"reader\.page_seconds"):
        await _read(supervisor, _document(pdfs.pdf(Sheet(pdfs.picture(595, 842), picture=SCAN))))


async def test_a_worn_worker_finishes_its_document(start: Start) -> None:
    supervisor = await start(replace(LIMITS, recycle_pages=1))
    short = _document(pdfs.pdf(Sheet(pdfs.text(LETTER))))

    long, *_ = await asyncio.gather(
        _read(supervisor, _document(MIXED)), *(_read(supervisor, short) for _ in range(3))
    )

    assert len(_pages(long)) == 3


async def test_an_answer_holds_all_pages_of_all_parts_in_their_order(start: Start) -> None:
    supervisor = await start(LIMITS)
    receipt = inspect((DATA / "screen.png").read_bytes(), ImageLimits(), frozenset({"png"}), "x")
    single = DocumentPart(_document(pdfs.pdf(Sheet(pdfs.text(THIRD)))))

    answer = await _answer(supervisor, DocumentPart(_document(MIXED)), ImagePart(receipt), single)

    first, second, third, image, last = answer.text.split("\n\f")
    assert (first, second, third) == (LETTER, f"{OTHER}\n{THIRD}", f"{LETTER}\n{OTHER}")
    assert len(image) > 50
    assert last == THIRD
    usage = answer.finish.usage
    pictured = image_tokens(receipt.width, receipt.height)
    assert usage.image_tokens == TOKENS + pictured + image_tokens(1239, 1754)
    assert usage.prompt_tokens == usage.image_tokens
    assert usage.completion_tokens == count(answer.text)


async def test_markdown_parts_pages_with_a_rule(start: Start) -> None:
    part = DocumentPart(_document(MIXED))

    answer = await _answer(await start(LIMITS), TextPart("As markdown"), part)

    assert answer.text.count("\n\n---\n\n") == 2


async def test_an_answer_is_cut_in_the_middle_of_a_document(start: Start) -> None:
    supervisor = await start(LIMITS)
    most = count(LETTER) + 2 + 5

    answer = await _answer(supervisor, DocumentPart(_document(MIXED)), most=most)

    assert answer.finish.reason == "length"
    assert count(answer.text) == answer.finish.usage.completion_tokens == most
    assert answer.text.startswith(f"{LETTER}\n\fNine")
    assert answer.finish.usage.image_tokens == 2 * image_tokens(1239, 1754)


async def test_pages_without_text_still_stand_apart(start: Start) -> None:
    blank = Sheet(b"")
    data = pdfs.pdf(blank, Sheet(pdfs.text(LETTER)), blank, blank)

    answer = await _answer(await start(LIMITS), DocumentPart(_document(data)))

    assert answer.text.split("\f")[1].strip() == LETTER
    assert answer.text.count("\f") == 3
    assert answer.finish.reason == "stop"


async def _read_and_kill(supervisor: Supervisor, document: Document) -> None:
    """Read a document and kill the worker as soon as a page is begun."""
    async with aclosing(supervisor.read(document)) as events:
        async for _ in events:
            for pid in _workers():
                os.kill(pid, signal.SIGKILL)


def _workers() -> list[int]:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return [
        int(pid)
        for pid in children.read_text(encoding="ascii").split()
        if b"engines.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
