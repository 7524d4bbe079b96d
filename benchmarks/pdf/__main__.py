"""`python -m benchmarks.pdf`: what resolution and text layer do to the words of PDFs, and to the CPU they take."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.pdf.documents import PDFS, SCANS, Selection, find_documents
from benchmarks.pdf.reading import SERVED, Reader, Way, from_pixels
from benchmarks.pdf.report import Report, summarise, table, versions
from benchmarks.reader.report import machine

EPILOG: Final = """\
Each document is read from its pixels alone at every resolution, and once as the server does it: at its own
resolution, with the text layer where that is trusted. All of that happens document by document, in one
process and one thread, so the ways compare fairly on a shared machine. CPU seconds include opening and drawing.

from the layer  pages that took their text layer
word F1         bag of words, exact, without case and outer punctuation; the mean over documents, and
                in brackets all documents as one; – where there is no true text

FOLDER holds <set>/dev/<id>.pdf with the true text of the whole document in <id>.txt beside, or is flat. A row of the
table is a prefix of --match, or a set. A truth that was taken from the text layer flatters reading the layer.

examples
  ./run bench pdf --data documents                            a flat folder, or one of sets
  ./run bench pdf --data documents --match inv_,letter_ --limit 12
  ./run bench pdf --data scans --scans --dpi 150,300          TIFF scans, each wrapped as a PDF
"""


class Options(argparse.Namespace):
    """The command line."""

    data: Path | None
    dpi: str
    sets: str
    match: str
    limit: int
    scans: bool
    json: Path | None


def _options() -> tuple[Path, Options]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pdf",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder of documents")
    parser.add_argument(
        "--dpi", default="100,150,200,300", help="resolutions, comma separated (%(default)s)"
    )
    parser.add_argument("--sets", default="", help="names of sets, comma separated (all)")
    parser.add_argument(
        "--match", default="", metavar="PREFIX,…", help="only ids that begin with one of these"
    )
    parser.add_argument("--limit", type=int, default=0, help="at most this many of each row")
    parser.add_argument(
        "--scans",
        action="store_true",
        help="read TIFF images instead, each wrapped as a PDF of the size its resolution says",
    )
    parser.add_argument("--json", type=Path, help="write the full report to this file")
    options = parser.parse_args(namespace=Options())
    if options.data is None:
        parser.error("--data FOLDER is needed: the repository has no PDFs of its own (see --help)")
    return options.data, options


def _ways(resolutions: str) -> list[Way]:
    try:
        found = [float(dpi) for dpi in resolutions.split(",")]
    except ValueError:
        found = []
    if not found or not all(36 <= dpi <= 1200 for dpi in found):
        raise SystemExit(f"--dpi {resolutions}: numbers from 36 to 1200 are wanted, as in 150,300.")
    return [*map(from_pixels, found), SERVED]


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name for name in listed.split(",") if name)


def main() -> None:
    """Read everything in every way, print the table, and write the report where one is asked for."""
    folder, options = _options()
    ways = _ways(options.dpi)
    selection = Selection(
        sets=_names(options.sets),
        prefixes=_names(options.match),
        limit=max(0, options.limit),
        suffixes=SCANS if options.scans else PDFS,
    )
    try:
        groups = find_documents(folder, selection)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    reader = Reader()
    readings = {name: reader.read_all(samples, ways, name) for name, samples in groups.items()}
    names = [way.name for way in ways]
    report = Report(
        command=shlex.join(["python", "-m", "benchmarks.pdf", *sys.argv[1:]]),
        machine=machine(),
        versions=versions(),
        summaries={name: summarise(rows, names) for name, rows in readings.items()},
        readings=readings,
    )
    print(table(report.summaries))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


main()
