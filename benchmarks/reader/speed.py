"""`python -m benchmarks.reader.speed`: how soon one page is read, and how many a second by eight requests at once, by every engine.

Needs an idle machine with two cores. Ours are read by the server's worker, on one core and on two in turn, and eight pages at a
time; the others as their users call them, each alone in a process of its own, eight at a time from eight threads.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import shlex
import sys
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.reader.contestant import CONTESTANTS, why_absent
from benchmarks.reader.report import Machine, machine
from benchmarks.reader.samples import Sample, Selection, drawn, find_samples, grouped
from readstone.core.chat import Image, ImageFormat
from readstone.core.model import Profile
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits
from readstone.media.inspect import ImageLimits, inspect

AT_ONCE: Final = 8
FORMATS: Final[frozenset[ImageFormat]] = frozenset({"jpeg", "png"})
PROFILES: Final[dict[str, Profile]] = {
    "reader": "balanced",
    "reader-fast": "fast",
    "reader-best": "best",
}


class Speed(msgspec.Struct, frozen=True):
    """An engine: median seconds of a page alone on two cores, pages a second by eight at once, peak RSS in MiB.

    `one_core` are the seconds on one core, `gain` the median over pages of how many times as quick two are; None where one core
    was not measured.
    """

    engine: str
    seconds: float
    pages_per_second: float
    peak: float
    one_core: float | None = None
    gain: float | None = None


class Report(msgspec.Struct, frozen=True):
    """A run: how to repeat it, where, the machine's load before it, and by set every engine's speed."""

    command: str
    machine: Machine
    load: float
    pages: dict[str, int]
    speeds: dict[str, list[Speed]]


class Options(argparse.Namespace):
    """The command line."""

    data: Path
    sets: str
    groups: str
    engines: str
    limit: int
    repeats: int
    json: Path | None


def _pages(options: Options, folder: Path) -> dict[str, list[Sample]]:
    """The chosen pages by set or group, those the server takes as they are; PDFs of one page are drawn into a folder."""
    sets = tuple(name for name in options.sets.split(",") if name)
    groups = dict(pair.split("=", 1) for pair in options.groups.split(",") if pair)
    found = drawn(grouped(find_samples(options.data, Selection(sets)), groups), folder)
    kinds = (".jpg", ".jpeg", ".png")
    chosen = {
        name: [page for page in pages if page.image.suffix in kinds]
        for name, pages in found.items()
    }
    # Spread over the set: neighbours are alike.
    return {
        name: pages[:: max(1, len(pages) // options.limit)][: options.limit]
        for name, pages in chosen.items()
        if pages
    }


class _Worker:
    """The server's worker in a profile, bound to some cores, with a thread for each."""

    def __init__(self, supervisor: Supervisor, profile: Profile, pid: int) -> None:
        self._supervisor = supervisor
        self._profile = profile
        self._pid = pid

    async def read(self, image: Image) -> float:
        """Read a page; the seconds it took."""
        begun = time.perf_counter()
        source = replace(image, profile=self._profile)
        async with aclosing(self._supervisor.read(source)) as events:
            async for _ in events:
                pass
        return time.perf_counter() - begun

    @property
    def peak(self) -> float:
        """The most memory it has held so far, in MiB."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def _worker(profile: Profile, cores: set[int]) -> AsyncGenerator[_Worker]:
    before = os.sched_getaffinity(0)
    endless = 1_000_000_000
    supervisor = Supervisor(WorkerLimits(len(cores), 600, 120, endless, endless))
    known = _children()
    # A child inherits where its parent may run.
    os.sched_setaffinity(0, cores)
    try:
        await supervisor.start()
        async with asyncio.timeout(120):
            while supervisor.state == "starting":  # noqa: ASYNC110  (a process tells nobody)
                await asyncio.sleep(0.05)
        (pid,) = _children() - known
    finally:
        os.sched_setaffinity(0, before)
    try:
        yield _Worker(supervisor, profile, pid)
    finally:
        await supervisor.stop()


def _children() -> set[int]:
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text(encoding="ascii").split()}


async def ours(engine: str, images: list[Image], repeats: int) -> Speed:
    """The speed of the reader in a profile."""
    profile = PROFILES[engine]
    async with _worker(profile, {0}) as one, _worker(profile, {0, 1}) as two:
        times: list[tuple[float, float]] = []
        for image in images:
            turns = [(await one.read(image), await two.read(image)) for _ in range(repeats + 1)]
            times.append((min(turn[0] for turn in turns[1:]), min(turn[1] for turn in turns[1:])))
    async with _worker(profile, {0, 1}) as worker:
        await worker.read(images[0])
        waiting = iter(images * 2)

        async def client() -> None:
            for image in waiting:
                await worker.read(image)

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as clients:
            for _ in range(AT_ONCE):
                clients.create_task(client())
        rate = 2 * len(images) / (time.perf_counter() - begun)
        return Speed(
            engine=engine,
            seconds=round(median(both for _, both in times), 3),
            pages_per_second=round(rate, 2),
            peak=round(worker.peak),
            one_core=round(median(alone for alone, _ in times), 3),
            gain=round(median(alone / both for alone, both in times), 2),
        )


def theirs(engine: str, paths: list[str], repeats: int) -> Speed:
    """The speed of another engine, which this process has to itself."""
    read: Callable[[str], str] = CONTESTANTS[engine]()

    def timed(path: str) -> float:
        begun = time.perf_counter()
        read(path)
        return time.perf_counter() - begun

    timed(paths[0])
    times = [min(timed(path) for _ in range(repeats)) for path in paths]
    begun = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(read, paths))
    rate = len(paths) / (time.perf_counter() - begun)
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(who).ru_maxrss for who in whose) / 1024
    return Speed(engine, round(median(times), 3), round(rate, 2), round(peak))


def _measured(engine: str, pages: list[Sample], repeats: int) -> Speed:
    if engine not in PROFILES:
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            paths = [str(page.image) for page in pages]
            return process.submit(theirs, engine, paths, repeats).result()
    images = [inspect(page.image.read_bytes(), ImageLimits(), FORMATS, page.id) for page in pages]
    return asyncio.run(ours(engine, images, repeats))


def table(speeds: dict[str, list[Speed]]) -> str:
    """The figures as markdown."""
    rows = [
        "| set | engine | a page alone, s | on one core, s | times as quick on two | pages/s, 8 at once | peak RSS |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, found in speeds.items():
        for speed in found:
            one = "" if speed.one_core is None else f"{speed.one_core:.2f}"
            gain = "" if speed.gain is None else f"{speed.gain:.2f}"
            rows.append(
                f"| {name} | {speed.engine} | {speed.seconds:.2f} | {one} | {gain} | {speed.pages_per_second:.2f} | "
                f"{speed.peak:.0f} MiB |"
            )
    return "\n".join(rows)


def main() -> None:
    """Measure, print, and write the figures where they are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader.speed", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of samples")
    parser.add_argument("--sets", default="", help="names of sets, comma separated (all)")
    parser.add_argument(
        "--groups", default="", help="as of python -m benchmarks.reader, such as unlv=scans,line="
    )
    parser.add_argument(
        "--engines", default=",".join(CONTESTANTS), help="who takes part (%(default)s)"
    )
    parser.add_argument("--limit", type=int, default=8, help="pages of each set (%(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="readings of each (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(namespace=Options())
    engines = [name for name in options.engines.split(",") if why_absent(name) is None]
    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        chosen = _pages(options, Path(folder))
        speeds: dict[str, list[Speed]] = {name: [] for name in chosen}
        for name, pages in chosen.items():
            for engine in engines:
                sys.stderr.write(f"\r{name}: {engine}, {len(pages)} pages ...          ")
                speeds[name].append(_measured(engine, pages, options.repeats))
    print(table(speeds))
    if options.json:
        report = Report(
            command=shlex.join(["python", "-m", "benchmarks.reader.speed", *sys.argv[1:]]),
            machine=machine(),
            load=round(load, 2),
            pages={name: len(pages) for name, pages in chosen.items()},
            speeds=speeds,
        )
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


if __name__ == "__main__":
    main()
