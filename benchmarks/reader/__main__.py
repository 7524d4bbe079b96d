"""`python -m benchmarks.reader`: measure the reader against RapidOCR and Tesseract."""

import argparse
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.reader.contest import hold
from benchmarks.reader.contestant import CONTESTANTS, why_absent
from benchmarks.reader.report import Report, machine, summarise, table, versions
from benchmarks.reader.samples import Selection, drawn, find_samples, grouped

DATA: Final = Path(__file__).parents[2] / "tests" / "data"
EPILOG: Final = """\
Every engine runs in a process of its own and reads the same page before any reads the next, so CPU,
memory and noise compare fairly. CPU seconds count child processes; on a shared machine trust them and
the ratios, not the wall times. The reader runs in one thread, RapidOCR in as many as it likes.

word F1   bag of words, exact, without case and outer punctuation: order free
CER       character edits per true character: reading order counts
CPU ratio median over pages of the engine's CPU seconds by the reader's on the same page

examples
  ./run bench                                        the sample pages of the repository
  ./run bench --data ../documents --sets receipts    <set>/dev/<id>.png beside <id>.txt
  ./run bench --data scans --limit 5 --json out.json a flat folder of images with .txt truths
"""


class Options(argparse.Namespace):
    """The command line."""

    data: Path
    sets: str
    groups: str
    engines: str
    list: str
    limit: int
    json: Path | None


def _options() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reader",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of samples (tests/data)")
    parser.add_argument("--sets", default="", help="names of sets, comma separated (all)")
    parser.add_argument(
        "--groups",
        default="",
        help="ids begin with=group, comma separated: told apart within a set; an empty group leaves out",
    )
    parser.add_argument(
        "--engines", default=",".join(CONTESTANTS), help="who takes part (%(default)s)"
    )
    parser.add_argument(
        "--list",
        choices=("quick", "all"),
        default="quick",
        help="pages of <set>/quick_dev.txt, or all",
    )
    parser.add_argument(
        "--limit", type=int, default=0, help="at most this many pages of a set or group"
    )
    parser.add_argument("--json", type=Path, help="write the full report to this file")
    return parser.parse_args(namespace=Options())


def _engines(wanted: str) -> list[str]:
    engines: list[str] = []
    for name in wanted.split(","):
        if name not in CONTESTANTS:
            raise SystemExit(f"There is no engine '{name}': choose from {', '.join(CONTESTANTS)}.")
        if reason := why_absent(name):
            print(f"skipped: {reason}", file=sys.stderr)
        else:
            engines.append(name)
    return engines


def main() -> None:
    """Hold the contest, print the table, and write the report where one is asked for."""
    options = _options()
    engines = _engines(options.engines)
    sets = tuple(name for name in options.sets.split(",") if name)
    try:
        samples = find_samples(options.data, Selection(sets, options.list == "quick"))
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    groups = dict(pair.split("=", 1) for pair in options.groups.split(",") if pair)
    with TemporaryDirectory() as folder:
        pages = drawn(grouped(samples, groups), Path(folder))
        readings = {
            name: hold(engines, chosen[: options.limit or None], name)
            for name, chosen in pages.items()
            if chosen
        }
    report = Report(
        command=shlex.join(["python", "-m", "benchmarks.reader", *sys.argv[1:]]),
        machine=machine(),
        versions=versions(engines),
        summaries={name: summarise(rows) for name, rows in readings.items()},
        readings=readings,
    )
    print(table(report.summaries))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


main()
