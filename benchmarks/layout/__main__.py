"""`python -m benchmarks.layout`: tables cell by cell, and pages that are turned or tilted, against their truth."""

import argparse
import shlex
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Final

import msgspec

from benchmarks.layout.grid import Grid, f1, from_html, from_markdown
from benchmarks.layout.reading import RapidOcr, Reader, by_rows, pictures, pixels, turned
from benchmarks.reader.report import Machine, machine
from benchmarks.reader.score import Score, pooled, score
from readstone.core.document import Page
from readstone.engines.reader.layout.blocks import blocks
from readstone.engines.reader.rendering.book import Book
from readstone.engines.reader.rendering.html import html
from readstone.engines.reader.rendering.markdown import markdown

EPILOG: Final = """\
FOLDER/tables/dev holds images of tables with their truth in <id>.html; FOLDER/hard/derived_dev pages that
were turned, tilted and so on, <transform>__<id>.jpg, with their text in <transform>__<id>.txt.

cell F1       bag of the texts of cells, white space and case aside
adjacency F1  which cell stands beside and under which (ICDAR 2013 table competition), empty ones passed over
rows          the reader's lines put into visual rows, a cell for each run of text
rapidocr      the same of RapidOCR's lines

example
  ./run bench layout --data ../documents
"""


MADE: Final = {"made 270": 270.0, "made +5": 5.0, "made -5": -5.0, "made +2": 2.0}
"""Transforms that are made here of the clean pages: degrees counter-clockwise."""


class Options(argparse.Namespace):
    """The command line."""

    data: Path
    json: Path | None
    rapidocr: bool


class Table(msgspec.Struct, frozen=True):
    """How near each way came to one table: cell F1 and adjacency F1 in percent; the best of the tables it gave."""

    id: str
    cells: dict[str, float]
    adjacency: dict[str, float]


class Report(msgspec.Struct, frozen=True):
    """A whole run. CPU in milliseconds a page: of reading, of finding rules, and of making blocks of lines."""

    command: str
    machine: Machine
    tables: list[Table]
    transforms: dict[str, dict[str, float]]
    cpu: dict[str, float]


def main() -> None:
    """Read everything, print the tables, and write the report where one is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.layout",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of samples")
    parser.add_argument("--json", type=Path, help="write the full report to this file")
    parser.add_argument(
        "--no-rapidocr", dest="rapidocr", action="store_false", help="leave the peer out"
    )
    options = parser.parse_args(namespace=Options())
    reader = Reader()
    peer = RapidOcr() if options.rapidocr else None
    costs: dict[str, list[float]] = defaultdict(list)
    tables = [
        _table(reader, peer, path, costs) for path in pictures(options.data / "tables" / "dev")
    ]
    transforms = _transforms(reader, options.data / "hard" / "derived_dev")
    report = Report(
        command=shlex.join(["python", "-m", "benchmarks.layout", *sys.argv[1:]]),
        machine=machine(),
        tables=tables,
        transforms=transforms,
        cpu={name: 1000 * fmean(seconds) for name, seconds in costs.items()},
    )
    _show(report)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _table(
    reader: Reader, peer: RapidOcr | None, path: Path, costs: dict[str, list[float]]
) -> Table:
    (true, *_) = from_html(path.with_suffix(".html").read_text(encoding="utf-8"))
    taken = reader.read(pixels(path))
    begun = time.process_time()
    blocks(taken.page)
    costs["reading"].append(taken.seconds)
    costs["rules"].append(taken.rules_seconds)
    costs["blocks"].append(time.process_time() - begun)
    ways = {
        "html": from_html(html(taken.page)),
        "markdown": from_markdown(markdown(taken.page)),
        "rows": [by_rows(taken.page)],
    }
    if peer is not None:
        ways["rapidocr"] = [peer.read(path)]
    best = {
        way: max((_near(true, grid) for grid in grids), default=(0.0, 0.0))
        for way, grids in ways.items()
    }
    return Table(
        path.stem,
        {way: cells for way, (_, cells) in best.items()},
        {way: adjacency for way, (adjacency, _) in best.items()},
    )


def _near(true: Grid, read: Grid) -> tuple[float, float]:
    return f1(true.relations(), read.relations()), f1(true.texts(), read.texts())


def _transforms(reader: Reader, folder: Path) -> dict[str, dict[str, float]]:
    """Word F1 and character error rate in percent by transform, over the items that were also left alone."""
    scores: dict[str, list[Score]] = defaultdict(list)
    for path in pictures(folder):
        transform, _, item = path.stem.partition("__")
        clean = next(pictures(folder, f"clean__{item}."), None)
        truth = path.with_suffix(".txt")
        if clean is None or not truth.is_file():
            continue
        true = truth.read_text(encoding="utf-8", errors="replace")
        image = pixels(path)
        scores[transform].append(score(true, _plain(reader.read(image).page)))
        if transform != "clean":
            continue
        for name, degrees in MADE.items():
            page = reader.read(turned(image, degrees)).page
            scores[name].append(score(true, _plain(page)))
    return {
        transform: {
            "pages": len(found),
            "f1": 100 * fmean(one.f1 for one in found),
            "cer": 100 * pooled(found).cer,
        }
        for transform, found in sorted(scores.items())
    }


def _plain(page: Page) -> str:
    book = Book("plain")
    return "".join([book.turn(page), *map(book.feed, page.lines), book.end()])


def _show(report: Report) -> None:
    print("| way | tables | cell F1 | adjacency F1 |\n|---|--:|--:|--:|")
    for way in report.tables[0].cells if report.tables else ():
        cells = fmean(table.cells[way] for table in report.tables)
        adjacency = fmean(table.adjacency[way] for table in report.tables)
        print(f"| {way} | {len(report.tables)} | {cells:.1f} | {adjacency:.1f} |")
    print("\n| transform | pages | word F1 | CER |\n|---|--:|--:|--:|")
    for transform, found in report.transforms.items():
        print(f"| {transform} | {found['pages']:.0f} | {found['f1']:.1f} | {found['cer']:.1f} |")
    print("\nCPU ms a table:", ", ".join(f"{name} {ms:.1f}" for name, ms in report.cpu.items()))


main()
