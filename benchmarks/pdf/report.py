"""The report: what the readings showed, as a record for machines and as a table for people."""

from importlib.metadata import version
from statistics import fmean
from typing import Final

import msgspec

from benchmarks.pdf.reading import Reading
from benchmarks.reader.report import Machine
from benchmarks.reader.score import pooled

_PACKAGES: Final = (
    "readstone",
    "pypdfium2",
    "onnxruntime",
    "opencv-python-headless",
    "numpy",
    "pillow",
)


class Summary(msgspec.Struct, frozen=True):
    """One way on one group: documents, pages, those that took the text layer, and CPU seconds per page.

    `macro_f1` is the mean over documents with a truth, `micro_f1` counts these as one; in percent, None without any.
    """

    way: str
    documents: int
    pages: int
    layered: int
    macro_f1: float | None
    micro_f1: float | None
    cpu: float


class Report(msgspec.Struct, frozen=True):
    """A whole run: how to repeat it, what it showed, and every reading behind that."""

    command: str
    machine: Machine
    versions: dict[str, str]
    summaries: dict[str, list[Summary]]
    readings: dict[str, list[Reading]]


def summarise(readings: list[Reading], ways: list[str]) -> list[Summary]:
    """One summary per way, in that order."""
    return [_summary(way, [one for one in readings if one.way == way]) for way in ways]


def _summary(way: str, readings: list[Reading]) -> Summary:
    scores = [reading.score for reading in readings if reading.score is not None]
    pages = sum(reading.pages for reading in readings)
    return Summary(
        way=way,
        documents=len(readings),
        pages=pages,
        layered=sum(reading.layered for reading in readings),
        macro_f1=round(100 * fmean(one.f1 for one in scores), 2) if scores else None,
        micro_f1=round(100 * pooled(scores).f1, 2) if scores else None,
        cpu=round(sum(reading.cpu for reading in readings) / max(1, pages), 3),
    )


def versions() -> dict[str, str]:
    """The versions of what drew and read."""
    return {package: version(package) for package in _PACKAGES}


def table(summaries: dict[str, list[Summary]]) -> str:
    """The summaries as a Markdown table."""
    lines = [
        "| documents | way | pages | from the layer | word F1 (micro) | CPU s/page |",
        "|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.documents} × {name} | {row.way} | {row.pages} | {row.layered} | {_f1(row)} | {row.cpu:.2f} |"
        for name, rows in summaries.items()
        for row in rows
    ]
    return "\n".join(lines)


def _f1(row: Summary) -> str:
    if row.macro_f1 is None or row.micro_f1 is None:
        return "–"
    return f"{row.macro_f1:.1f} ({row.micro_f1:.1f})"
