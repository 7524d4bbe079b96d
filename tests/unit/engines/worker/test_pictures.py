"""Pictures made by a real worker: pages in order, leaving, deaths, what is kept, and how much memory it takes."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow

import pdfs
from pdfs import LETTER, Sheet
from readstone.core.chat import Document, Image, Source
from readstone.core.errors import InvalidImage, InvalidRequest, PictureFailed
from readstone.engines.pictures import Wanted
from readstone.engines.worker.frames import Painted
from readstone.engines.worker.link import Link
from readstone.engines.worker.pictures import WorkerPictures
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits
from readstone.media.inspect import ImageLimits, inspect

DATA = Path(__file__).parents[3] / "data"
LIMITS = WorkerLimits(
    threads=1, page_seconds=60, start_seconds=60, recycle_pages=1000, recycle_megabytes=4096
)
WANTED = Wanted(frozenset({"jpeg", "png"}))
PARAM = "messages[0].content[0]"


class Counting(Supervisor):
    """A supervisor that counts the pictures it had made."""

    painted = 0

    async def paint(self, source: Source, wanted: Wanted) -> AsyncGenerator[Painted]:
        async with aclosing(super().paint(source, wanted)) as pictures:
            async for picture in pictures:
                self.painted += 1
                yield picture


@pytest.fixture
async def supervisor() -> AsyncIterator[Counting]:
    supervisor = Counting(LIMITS)
    await supervisor.start()
    yield supervisor
    await supervisor.stop()


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    link = await Link.open(1, 60)
    yield link
    await link.close()


def webp(param: str = PARAM, colour: str = "red") -> Image:
    stream = io.BytesIO()
    Pillow.new("RGB", (40, 30), colour).save(stream, "webp")
    return inspect(stream.getvalue(), ImageLimits(), frozenset({"webp"}), param)


def greys(count: int) -> Document:
    """Pages of A4 that grow lighter."""
    sheets = [
        Sheet(pdfs.picture(595, 842), picture=Pillow.new("L", (2, 2), 255 * page // count))
        for page in range(count)
    ]
    return Document(pdfs.pdf(*sheets), 1000, 25_000_000, PARAM)


async def prepare(
    pictures: WorkerPictures, source: Source, key: str = "ann", most: int = 1000
) -> list[Image]:
    async with aclosing(pictures.prepare(source, key, most)) as images:
        return [image async for image in images]


def grey(image: Image) -> int:
    with Pillow.open(io.BytesIO(image.data)) as picture:
        colours = picture.convert("L").getextrema()
    assert isinstance(colours[0], int)
    return colours[0]


async def paint(link: Link, source: Source) -> list[Painted]:
    async with aclosing(link.paint(source, WANTED, 60)) as pictures:
        return [picture async for picture in pictures]


async def test_an_image_as_it_is_wanted_is_passed_on_by_itself_without_a_worker() -> None:
    image = inspect((DATA / "receipt.jpg").read_bytes(), ImageLimits(), frozenset({"jpeg"}), PARAM)
    pictures = WorkerPictures(Supervisor(LIMITS), WANTED)  # not started

    (same,) = await prepare(pictures, image)

    assert same is image


async def test_another_image_comes_back_as_one_the_engine_takes(supervisor: Supervisor) -> None:
    (made,) = await prepare(WorkerPictures(supervisor, WANTED), webp())

    assert (made.format, made.width, made.height, made.param) == ("jpeg", 40, 30, PARAM)
    assert WANTED.holds(made)
    assert made == inspect(made.data, ImageLimits(), WANTED.formats, PARAM)


async def test_the_pages_of_a_document_come_in_their_order(supervisor: Supervisor) -> None:
    made = await prepare(WorkerPictures(supervisor, WANTED), greys(6))

    shades = [grey(image) for image in made]
    assert len(made) == 6
    assert shades == sorted(set(shades))
    assert {(image.width, image.height, image.param) for image in made} == {(1239, 1754, PARAM)}
    assert all(WANTED.holds(image) for image in made)


async def test_a_document_of_more_pages_than_there_is_room_for_is_refused(
    supervisor: Supervisor,
) -> None:
    pictures = WorkerPictures(supervisor, WANTED)

    for _ in range(2):
        with pytest.raises(InvalidRequest, match=r"has 6 pages.* at most 5 .*max_images") as caught:
            await prepare(pictures, greys(6), most=5)
        assert (caught.value.param, caught.value.code) == (PARAM, "too_many_images")
    assert len(await prepare(pictures, greys(6), most=6)) == 6


async def test_more_pages_than_the_server_reads_are_refused(supervisor: Supervisor) -> None:
    document = replace(greys(3), pages=2)

    with pytest.raises(InvalidImage, match=r"has 3 pages; at most 2 .*document_pages") as caught:
        await prepare(WorkerPictures(supervisor, WANTED), document)

    assert caught.value.param == PARAM


async def test_what_is_broken_is_refused_with_its_field_and_the_worker_goes_on(
    supervisor: Supervisor,
) -> None:
    pictures = WorkerPictures(supervisor, WANTED)
    image = webp("messages[3].content[1]")

    with pytest.raises(InvalidImage, match="cut short") as caught:
        await prepare(pictures, replace(image, data=image.data[:60]))

    assert caught.value.param == "messages[3].content[1]"
    assert len(await prepare(pictures, image)) == 1


async def test_one_who_leaves_in_the_middle_leaves_the_worker_free(link: Link) -> None:
    async with aclosing(link.paint(greys(60), WANTED, 60)) as pictures:
        await anext(pictures)
        await anext(pictures)
    await link.until_idle()

    assert len(await paint(link, webp())) == 1
    assert link.pages < 60


async def test_one_who_is_cancelled_stops_the_work(supervisor: Counting) -> None:
    pictures = WorkerPictures(supervisor, WANTED)
    seen = asyncio.Event()

    async def take() -> None:
        async with aclosing(pictures.prepare(greys(60), "ann", 1000)) as images:
            async for _ in images:
                seen.set()

    task = asyncio.create_task(take())
    await seen.wait()
    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()
    before = supervisor.painted
    assert len(await prepare(pictures, webp())) == 1
    assert supervisor.painted == before + 1 < 60


async def test_the_same_bytes_are_worked_on_once_for_a_key(supervisor: Counting) -> None:
    pictures = WorkerPictures(supervisor, WANTED)
    first, again, other_field = [
        (await prepare(pictures, source))[0] for source in (webp(), webp(), webp("messages[9]"))
    ]
    assert supervisor.painted == 1
    assert first == again
    assert other_field == replace(first, param="messages[9]")

    await prepare(pictures, webp(), key="bob")
    await prepare(pictures, webp(colour="blue"))
    assert supervisor.painted == 3


async def test_requests_that_come_together_share_the_work(supervisor: Counting) -> None:
    pictures = WorkerPictures(supervisor, WANTED, limit=0)

    made = await asyncio.gather(*(prepare(pictures, greys(3)) for _ in range(4)))

    assert made == [made[0]] * 4
    assert supervisor.painted == 3


async def test_what_ends_two_workers_is_not_tried_again(supervisor: Supervisor) -> None:
    pictures = WorkerPictures(supervisor, WANTED, limit=0)
    for _ in range(2):
        with pytest.raises(PictureFailed):
            await _kill_in_the_middle(pictures, greys(60))

    with pytest.raises(InvalidImage, match=r"ended the process .* 2 times") as caught:
        await prepare(pictures, greys(60))

    assert (caught.value.param, caught.value.code) == (PARAM, "image_crashed_reader")
    assert len(await prepare(pictures, webp())) == 1


async def test_a_picture_that_takes_too_long_fails() -> None:
    supervisor = Supervisor(replace(LIMITS, page_seconds=0.001))
    await supervisor.start()
    try:
        with pytest.raises(PictureFailed, match=r"reader\.page_seconds") as caught:
            await prepare(WorkerPictures(supervisor, WANTED), greys(2))
        assert caught.value.param == PARAM
    finally:
        await supervisor.stop()


async def test_the_pages_of_a_long_document_are_never_all_in_memory(link: Link) -> None:
    await paint(link, greys(3))
    few = link.memory

    await paint(link, greys(60))

    # 60 pages of A4 are 390 MB of pixels.
    assert link.memory - few < 40_000_000


async def test_reading_and_painting_go_side_by_side(supervisor: Supervisor) -> None:
    async def read(document: Document) -> int:
        async with aclosing(supervisor.read(document)) as events:
            return sum([1 async for _ in events])

    letter = Document(pdfs.pdf(Sheet(pdfs.text(LETTER))), 100, 25_000_000, PARAM)
    pictures = WorkerPictures(supervisor, WANTED)

    read_events, made = await asyncio.gather(read(letter), prepare(pictures, greys(4)))

    assert (read_events, len(made)) == (2, 4)


async def _kill_in_the_middle(pictures: WorkerPictures, document: Document) -> None:
    async with aclosing(pictures.prepare(document, "ann", 1000)) as images:
        async for _ in images:
            for pid in _workers():
                os.kill(pid, signal.SIGKILL)


def _workers() -> list[int]:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return [
        int(pid)
        for pid in children.read_text(encoding="ascii").split()
        if b"engines.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
