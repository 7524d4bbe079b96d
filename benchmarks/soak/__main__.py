"""`python -m benchmarks.soak`: read pages of many sizes, several at once, and note the worker's memory all the while."""

import argparse
import asyncio
import io
import os
import random
import shlex
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from PIL import Image as Pillow

from benchmarks.soak.plot import svg
from readstone.core.chat import Image
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits
from readstone.media.inspect import ImageLimits, inspect

DATA: Final = Path(__file__).parents[2] / "tests" / "data"
PAGES: Final = ("receipt.jpg", "invoice.png", "columns.png", "screen.png", "languages.png")
AT_ONCE: Final = 4
SETTLED: Final = 0.2
"""The share of the pages after which every size of page was met: growth is told from there on."""


class Options(argparse.Namespace):
    """The command line."""

    pages: int
    threads: int
    json: Path | None
    plot: Path | None


class Sample(msgspec.Struct, frozen=True):
    """The worker after so many pages: its resident memory in MiB, its CPU seconds, and the wall seconds so far."""

    pages: int
    memory: float
    cpu: float
    wall: float


class Report(msgspec.Struct, frozen=True):
    """A run: how to repeat it, the memory at its start, settled, at most and at its end (MiB), and all samples."""

    command: str
    pages: int
    start: float
    settled: float
    most: float
    end: float
    samples: list[Sample]


def mixed(count: int) -> Iterator[Image]:
    """The sample pages in `count` sizes and cuts that repeat with every run."""
    dice = random.Random(6)
    originals = [Pillow.open(DATA / name).convert("RGB") for name in PAGES]
    for _ in range(count):
        page = dice.choice(originals)
        scale = dice.uniform(0.4, 1.6)
        page = page.resize((round(page.width * scale), round(page.height * scale)))
        left, top = dice.randrange(page.width // 2), dice.randrange(page.height // 2)
        page = page.crop((left, top, page.width, page.height))
        buffer = io.BytesIO()
        page.save(buffer, "JPEG", quality=dice.randrange(60, 95))
        yield inspect(buffer.getvalue(), ImageLimits(), frozenset({"jpeg"}), "soak")


async def soak(pages: int, threads: int) -> list[Sample]:
    """Read the pages, `AT_ONCE` at a time; a sample for every hundredth of them."""
    samples: list[Sample] = []
    images = mixed(pages)
    begun = time.monotonic()
    async with _worker(threads) as (supervisor, pid):
        done = 0
        samples.append(_sample(pid, 0, begun))

        async def reader() -> None:
            nonlocal done
            for image in images:
                async with aclosing(supervisor.read(image)) as events:
                    async for _ in events:
                        pass
                done += 1
                if done % max(1, pages // 100) == 0:
                    samples.append(_sample(pid, done, begun))
                    sys.stderr.write(f"\r{done}/{pages} pages, {samples[-1].memory:.0f} MiB ")

        async with asyncio.TaskGroup() as readers:
            for _ in range(AT_ONCE):
                readers.create_task(reader())
    return samples


@asynccontextmanager
async def _worker(threads: int) -> AsyncGenerator[tuple[Supervisor, int]]:
    """A supervisor that never replaces its worker, and the worker's process id."""
    endless = 1_000_000_000
    supervisor = Supervisor(
        WorkerLimits(
            threads=threads,
            page_seconds=600,
            start_seconds=120,
            recycle_pages=endless,
            recycle_megabytes=endless,
        )
    )
    await supervisor.start()
    try:
        (first,) = mixed(1)
        async with aclosing(supervisor.read(first)) as events:
            async for _ in events:
                pass
        yield supervisor, _child()
    finally:
        await supervisor.stop()


def _child() -> int:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    (pid,) = map(int, children.read_text(encoding="ascii").split())
    return pid


def _sample(pid: int, pages: int, begun: float) -> Sample:
    resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    times = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return Sample(
        pages=pages,
        memory=round(resident * os.sysconf("SC_PAGE_SIZE") / 2**20, 1),
        cpu=(int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
        wall=round(time.monotonic() - begun, 2),
    )


def main() -> None:
    """Soak, print what the memory did, and write the report and its picture where they are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--pages", type=int, default=300, help="pages to read (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="the worker's (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("--plot", type=Path, help="write the memory over the pages as SVG")
    options = parser.parse_args(namespace=Options())
    samples = asyncio.run(soak(options.pages, options.threads))
    settled = [sample for sample in samples if sample.pages >= SETTLED * options.pages]
    report = Report(
        command=shlex.join(["python", "-m", "benchmarks.soak", *sys.argv[1:]]),
        pages=options.pages,
        start=samples[0].memory,
        settled=settled[0].memory,
        most=max(sample.memory for sample in samples),
        end=samples[-1].memory,
        samples=samples,
    )
    print(
        f"\n{report.pages} pages: {report.start:.0f} MiB at first, {report.settled:.0f} after a fifth, "
        f"{report.end:.0f} at the end, {report.most:.0f} at most; "
        f"{samples[-1].cpu / options.pages:.2f} CPU s a page"
    )
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if options.plot:
        points = [(sample.pages, sample.memory) for sample in samples]
        options.plot.write_text(svg(points, "pages", "MiB resident"), encoding="utf-8")


main()
