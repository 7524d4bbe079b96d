"""`python -m benchmarks.pictures`: what it costs to pass an image on, or to make it one that an engine takes."""

import argparse
import asyncio
import io
import shlex
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from PIL import Image as Pillow

from benchmarks.reader.report import Machine, machine
from readstone.core.chat import (
    ChatRequest,
    Document,
    DocumentPart,
    ImageFormat,
    ImagePart,
    Message,
    Part,
)
from readstone.engines.pictures import Wanted, pictured
from readstone.engines.worker.pictures import WorkerPictures
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits
from readstone.media.inspect import ImageLimits, inspect
from readstone.serving.catalogue import EMBEDDED

DATA: Final = Path(__file__).parents[2] / "tests" / "data"
WANTED: Final = Wanted(frozenset({"jpeg", "png"}))
ALL: Final[frozenset[ImageFormat]] = frozenset({"jpeg", "png", "webp", "bmp"})
LIMITS: Final = WorkerLimits(
    threads=1, page_seconds=60, start_seconds=60, recycle_pages=10_000, recycle_megabytes=10_000
)
_PASSED_ON: Final = 2000
"""Times an image that needs nothing is passed on in one measurement: once is too short for the clock."""


class Cost(msgspec.Struct, frozen=True):
    """A sample, the bytes that came and went, and the shortest wall time in milliseconds."""

    sample: str
    came: int
    went: int
    images: int
    milliseconds: float


class Report(msgspec.Struct, frozen=True):
    """A whole run."""

    command: str
    machine: Machine
    costs: list[Cost]


def photo() -> Pillow.Image:
    """12 megapixels of a receipt with the grain of a camera."""
    receipt = Pillow.open(DATA / "receipt.jpg").convert("RGB").resize((4000, 3000))
    grain = np.random.default_rng(0).integers(0, 12, (3000, 4000, 3), np.uint8)
    return Pillow.fromarray(np.minimum(np.asarray(receipt), np.uint8(243)) + grain)


def samples() -> dict[str, Part]:
    """One of every kind of work, the first of them none."""
    turned = Pillow.Exif()
    turned[0x0112] = 6
    scan = Pillow.open(DATA / "receipt.jpg").convert("RGB").resize((1240, 1754))
    return {
        "photo of 12 MP, passed on": _image(photo(), "JPEG", quality=92),
        "photo of 12 MP on its side": _image(photo(), "JPEG", quality=92, exif=turned.tobytes()),
        "photo of 12 MP as webp": _image(photo(), "WEBP", quality=85, method=2),
        "photo of 1 MP as webp": _image(photo().resize((1154, 866)), "WEBP", quality=85),
        "screenshot with a palette": _image(Pillow.open(DATA / "screen.png").convert("P"), "PNG"),
        "PDF of a scan": _document(scan, 1),
        "PDF of 16 scans": _document(scan, 16),
    }


def _image(picture: Pillow.Image, kind: str, **options: object) -> Part:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return ImagePart(inspect(stream.getvalue(), ImageLimits(), ALL, "image"))


def _document(scan: Pillow.Image, pages: int) -> Part:
    stream = io.BytesIO()
    scan.save(stream, "PDF", save_all=True, append_images=[scan] * (pages - 1), resolution=150)
    return DocumentPart(Document(stream.getvalue(), 100, 25_000_000, "file"))


def _request(part: Part) -> ChatRequest:
    return ChatRequest(
        id="benchmark",
        key_id="benchmark",
        model=EMBEDDED,
        model_name=EMBEDDED.id,
        messages=(Message("user", (part,)),),
        max_tokens=1,
        temperature=0.0,
        top_p=1.0,
        arrived=0.0,
    )


async def measure(times: int) -> list[Cost]:
    """Every sample `times` times, with a worker of one thread and nothing kept."""
    supervisor = Supervisor(LIMITS)
    await supervisor.start()
    pictures = WorkerPictures(supervisor, WANTED, limit=0)
    try:
        return [await _cost(name, part, pictures, times) for name, part in samples().items()]
    finally:
        await supervisor.stop()


async def _cost(name: str, part: Part, pictures: WorkerPictures, times: int) -> Cost:
    request = _request(part)
    made = await pictured(request, pictures)
    repeats = _PASSED_ON if made is request else 1
    shortest = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        for _ in range(repeats):
            made = await pictured(request, pictures)
        shortest = min(shortest, (time.perf_counter() - begun) / repeats)
    return Cost(name, request.weight, made.weight, len(made.messages[0].parts), 1000 * shortest)


def main() -> None:
    """Measure, print the table, and write the report where one is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="measurements of each (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the full report to this file")
    options = parser.parse_args()
    costs = asyncio.run(measure(options.times))
    print("| sample | came | went | ms |\n|---|---:|---:|---:|")
    for cost in costs:
        count = f"{cost.images} × " if cost.images > 1 else ""
        went = f"{count}{cost.went // cost.images // 1000} kB"
        print(f"| {cost.sample} | {cost.came // 1000} kB | {went} | {cost.milliseconds:.3g} |")
    if options.json:
        command = shlex.join(["python", "-m", "benchmarks.pictures", *sys.argv[1:]])
        report = Report(command, machine(), costs)
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


main()
