"""`python -m benchmarks.reader.speed`: how soon one page is read on one core and on two, and how many are read at once.

Needs an idle machine with two cores. Latency: each page is read alone, by a worker bound to one core and by one bound to two, in
turn. Throughput: all pages, eight at a time, by the worker on two cores, and by RapidOCR called from eight threads.
"""

import argparse
import asyncio
import json
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.reader.contestant import rapidocr
from benchmarks.reader.samples import Sample, Selection, find_samples
from readstone.core.chat import Image, ImageFormat
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits
from readstone.media.inspect import ImageLimits, inspect

AT_ONCE: Final = 8
FORMATS: Final[frozenset[ImageFormat]] = frozenset({"jpeg", "png"})


class Options(argparse.Namespace):
    """The command line."""

    data: Path
    sets: str
    limit: int
    repeats: int
    json: Path | None


def pages(options: Options) -> list[Sample]:
    """The chosen pages, those the server takes as they are."""
    sets = tuple(name for name in options.sets.split(",") if name)
    found = find_samples(options.data, Selection(sets))
    kinds = (".jpg", ".jpeg", ".png")
    chosen = [[page for page in group if page.image.suffix in kinds] for group in found.values()]
    return [page for group in chosen for page in group[: options.limit]]


def _image(page: Sample) -> Image:
    return inspect(page.image.read_bytes(), ImageLimits(), FORMATS, page.id)


async def _started(cores: set[int]) -> Supervisor:
    """A worker with a thread for each of these cores, and bound to them."""
    before = os.sched_getaffinity(0)
    endless = 1_000_000_000
    supervisor = Supervisor(WorkerLimits(len(cores), 600, 120, endless, endless))
    # A child inherits where its parent may run.
    os.sched_setaffinity(0, cores)
    try:
        await supervisor.start()
        async with asyncio.timeout(120):
            while supervisor.state == "starting":  # noqa: ASYNC110  (a process tells nobody)
                await asyncio.sleep(0.05)
    finally:
        os.sched_setaffinity(0, before)
    return supervisor


async def _read(supervisor: Supervisor, image: Image) -> float:
    begun = time.perf_counter()
    async with aclosing(supervisor.read(image)) as events:
        async for _ in events:
            pass
    return time.perf_counter() - begun


async def latency(images: list[Image], repeats: int) -> list[tuple[float, float]]:
    """The least seconds of each page on one core and on two."""
    one, two = await _started({0}), await _started({0, 1})
    try:
        found: list[tuple[float, float]] = []
        for image in images:
            turns = [(await _read(one, image), await _read(two, image)) for _ in range(repeats + 1)]
            found.append((min(turn[0] for turn in turns[1:]), min(turn[1] for turn in turns[1:])))
        return found
    finally:
        await one.stop()
        await two.stop()


async def throughput(images: list[Image]) -> float:
    """Pages a second on two cores, eight at a time."""
    worker = await _started({0, 1})
    try:
        await _read(worker, images[0])
        waiting = iter(images)

        async def reader() -> None:
            for image in waiting:
                await _read(worker, image)

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as readers:
            for _ in range(AT_ONCE):
                readers.create_task(reader())
        return len(images) / (time.perf_counter() - begun)
    finally:
        await worker.stop()


def peers(paths: list[Path]) -> float:
    """Pages a second of RapidOCR as it comes, called from eight threads."""
    read: Callable[[str], str] = rapidocr()
    read(str(paths[0]))
    begun = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(read, map(str, paths)))
    return len(paths) / (time.perf_counter() - begun)


def main() -> None:
    """Measure, print, and write the figures where they are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader.speed")
    parser.add_argument("--data", type=Path, required=True, help="folder of samples")
    parser.add_argument("--sets", default="", help="names of sets, comma separated (all)")
    parser.add_argument("--limit", type=int, default=8, help="pages of each set (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="readings of each (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(namespace=Options())
    chosen = pages(options)
    images = [_image(page) for page in chosen]
    times = asyncio.run(latency(images, options.repeats))
    figures = {
        "pages": len(images),
        "one_core_seconds": median(one for one, _ in times),
        "two_cores_seconds": median(two for _, two in times),
        "gain": median(one / two for one, two in times),
        "pages_per_second": asyncio.run(throughput(images)),
        "rapidocr_pages_per_second": peers([page.image for page in chosen]),
        "load": os.getloadavg()[0],
        "rapidocr_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for name, value in figures.items():
        print(f"{name:28} {value:.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
