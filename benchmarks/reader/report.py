"""The report: what a contest showed, as a record for machines and as a table for people."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median

import msgspec

from benchmarks.reader.contest import Reading
from benchmarks.reader.contestant import CONTESTANTS
from benchmarks.reader.score import pooled


class Summary(msgspec.Struct, frozen=True):
    """One engine on one set. Rates in percent, CPU and wall in seconds per page, peak RSS in MiB.

    `macro` is the mean over pages, `micro` counts all pages as one; `free_cer` and `true_cer` are means. `cpu_ratio` is the median over
    pages of this engine's CPU seconds divided by the reader's (in its default profile) for the same page, `cpu_share`
    the same of the sums over all pages.
    """

    engine: str
    pages: int
    macro_f1: float
    micro_f1: float
    macro_cer: float
    micro_cer: float
    free_cer: float
    true_cer: float
    cpu_mean: float
    cpu_median: float
    cpu_ratio: float
    cpu_share: float
    wall_median: float
    peak: float


class Machine(msgspec.Struct, frozen=True):
    """Where it was measured."""

    processor: str
    cores: int
    memory_gib: float
    system: str


class Report(msgspec.Struct, frozen=True):
    """A whole run: how to repeat it, what it showed, and every reading behind that."""

    command: str
    machine: Machine
    versions: dict[str, str]
    summaries: dict[str, list[Summary]]
    readings: dict[str, list[Reading]]


def summarise(readings: list[Reading]) -> list[Summary]:
    """One summary per engine, in the order the engines took part."""
    engines = dict.fromkeys(reading.engine for reading in sorted(readings, key=_place))
    base = {reading.page: reading.cpu for reading in readings if reading.engine == "reader"}
    return [
        _summary([reading for reading in readings if reading.engine == engine], base)
        for engine in engines
    ]


def _place(reading: Reading) -> int:
    return list(CONTESTANTS).index(reading.engine)


def _summary(readings: list[Reading], base: dict[str, float]) -> Summary:
    together = pooled(reading.score for reading in readings)
    ratios = [reading.cpu / max(1e-9, base.get(reading.page, reading.cpu)) for reading in readings]
    return Summary(
        engine=readings[0].engine,
        pages=len(readings),
        macro_f1=round(100 * fmean(reading.score.f1 for reading in readings), 2),
        micro_f1=round(100 * together.f1, 2),
        macro_cer=round(100 * fmean(reading.score.cer for reading in readings), 2),
        micro_cer=round(100 * together.cer, 2),
        free_cer=round(100 * fmean(reading.score.free_cer for reading in readings), 2),
        true_cer=round(100 * fmean(reading.score.true_cer for reading in readings), 2),
        cpu_mean=round(fmean(reading.cpu for reading in readings), 3),
        cpu_median=round(median(reading.cpu for reading in readings), 3),
        cpu_ratio=round(median(ratios), 2),
        cpu_share=round(
            sum(reading.cpu for reading in readings) / max(1e-9, sum(base.values())), 2
        ),
        wall_median=round(median(reading.wall for reading in readings), 3),
        peak=round(max(reading.peak for reading in readings)),
    )


def machine() -> Machine:
    """This machine, without its name."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(pages / 2**30, 1),
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions(engines: list[str]) -> dict[str, str]:
    """The versions of what took part."""
    packages = ("readstone", "rapidocr", "onnxruntime", "opencv-python-headless", "numpy")
    found = {package: version(package) for package in packages}
    if "tesseract" in engines:
        answer = subprocess.run(
            ["tesseract", "--version"], check=True, capture_output=True, text=True
        )
        found["tesseract"] = answer.stdout.split()[1]
    return found


def table(summaries: dict[str, list[Summary]]) -> str:
    """The summaries as a Markdown table."""
    lines = [
        "| set | engine | pages | word F1 (micro) | CER (micro) | any order (true lines) | CPU s/page | CPU ratio | wall s | peak RSS |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {row.engine} | {row.pages} | {row.macro_f1:.1f} ({row.micro_f1:.1f})"
        f" | {row.macro_cer:.2f} ({row.micro_cer:.2f})"
        f" | {row.free_cer:.2f} ({row.true_cer:.2f}) | {row.cpu_mean:.2f} | {row.cpu_ratio:.2f}"
        f" | {row.wall_median:.2f} | {row.peak:.0f} MiB |"
        for name, rows in summaries.items()
        for row in rows
    ]
    return "\n".join(lines)
