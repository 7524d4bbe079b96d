"""`python -m benchmarks.extract`: measure what is found of the fields of documents, without a language model."""

import argparse
import json
import platform
import shlex
import sys
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.extract import regex
from benchmarks.extract.documents import documents
from benchmarks.extract.printed import unprinted
from benchmarks.extract.reading import ReadDocument, Reader, Shelf
from benchmarks.extract.score import Leaf, f1, score
from readstone.core.extraction import Extraction, Field, Group, ListOf, Schema, written
from readstone.extraction.extract import extract
from readstone.extraction.schema import parse_schema

EXAMPLE: Final = Schema(
    Group(
        (
            ("invoice_no", Field("Invoice Number")),
            ("date", Field("Invoice Date")),
            ("items", ListOf(Group((("name", Field("Item Name")), ("total", Field("Amount")))))),
        )
    )
)
"""What the example prompt of the contract asks for."""
_BUCKETS: Final = (0.0, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.01)


class Options(argparse.Namespace):
    """The command line."""

    data: Path
    pages: Path
    json: Path | None


class Row(msgspec.Struct, frozen=True):
    """A set of documents: how many, and F1 of single fields and of line items, strict and fuzzy, with the baseline's.

    `grounded` is the share of values that their words say, on the page; `example` F1 of what the contract's example asks for.
    """

    documents: int
    scalars: tuple[float, float]
    items: tuple[float, float] | None
    regex: tuple[float, float]
    fields: dict[str, tuple[float, float]]
    grounded: float
    example: tuple[float, float] | None


class Report(msgspec.Struct, frozen=True):
    """All of it."""

    command: str
    machine: str
    sets: dict[str, Row]
    grounded: float
    milliseconds_per_page: float
    share_of_reading: float
    reliability: list[tuple[str, int, float]]


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extract", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="a folder of sets: SET/dev, SET/schemas.json"
    )
    parser.add_argument(
        "--pages", type=Path, required=True, help="a folder that pages which were read are kept in"
    )
    parser.add_argument("--json", type=Path, help="write the report to this file")
    return parser.parse_args(namespace=Options())


def _read(shelf: Shelf, path: Path, readers: list[Reader]) -> ReadDocument:
    if kept := shelf.get(path.stem):
        return kept
    if not readers:
        readers.append(Reader())
    document = readers[0].read(path)
    shelf.put(path.stem, document)
    return document


class Tally:
    """What is counted over the documents."""

    def __init__(self) -> None:
        self.leaves: dict[str, dict[str, list[Leaf]]] = defaultdict(dict)
        self.plain: dict[str, list[Leaf]] = defaultdict(list)
        self.example: dict[str, list[Leaf]] = defaultdict(list)
        self.values: dict[str, int] = defaultdict(int)
        self.bare: dict[str, int] = defaultdict(int)
        self.pages = 0
        self.seconds = self.reading = 0.0
        self.sure: list[tuple[float, bool]] = []

    def add(self, prefix: str, path: Path, document: ReadDocument, asked: object) -> None:
        """Extract a document and hold it against its truth."""
        schema = parse_schema(f"Extract: {json.dumps(asked, ensure_ascii=False)}")
        if schema is None:
            raise SystemExit(f"The schema of {prefix} cannot be understood.")
        begun = time.process_time()
        found = extract(document.pages, schema, "general")
        self.seconds += time.process_time() - begun
        self.reading += document.seconds
        self.pages += len(document.pages)
        self.values[prefix] += len(found.values)
        self.bare[prefix] += len(unprinted(found.values, document.pages))
        truth = json.loads(path.with_suffix(".json").read_text("utf-8"))
        content = found.content if isinstance(found.content, dict) else {}
        leaves = score(truth, content)
        self.leaves[prefix][path.stem] = leaves
        self.plain[prefix] += [
            leaf
            for leaf in score(truth, regex.answer(document.pages, list(truth)))
            if "." not in leaf.field
        ]
        self._confidence(found, leaves)
        if "invoice_no" in truth:
            self._example(prefix, document, truth)

    def _example(self, prefix: str, document: ReadDocument, truth: dict[str, Any]) -> None:
        """What the contract's example asks for, as far as the truth of this document says it."""
        wanted = {
            key: truth[name]
            for key, name in (("invoice_no", "invoice_no"), ("date", "invoice_date"))
            if name in truth
        }
        if "items" in truth:
            columns = ("name", "total")
            wanted["items"] = [
                {key: row[key] for key in columns if key in row} for row in truth["items"]
            ]
        found = extract(document.pages, EXAMPLE, "general").content
        self.example[prefix] += score(wanted, found if isinstance(found, dict) else {})

    def _confidence(self, found: Extraction, leaves: list[Leaf]) -> None:
        right = {leaf.field: leaf.fuzzy for leaf in leaves if "." not in leaf.field}
        for value in found.values:
            name = written(value.path)
            if name in right:
                self.sure.append((value.extract_confidence, right[name]))

    def rows(self) -> dict[str, Row]:
        """By set."""
        rows: dict[str, Row] = {}
        for prefix, scored in self.leaves.items():
            every = [leaf for leaves in scored.values() for leaf in leaves]
            single = [leaf for leaf in every if "." not in leaf.field]
            items = [leaf for leaf in every if "." in leaf.field]
            names = sorted({leaf.field for leaf in every})
            rows[prefix] = Row(
                len(scored),
                _both(single),
                _both(items) if items else None,
                _both(self.plain[prefix]),
                {name: _both([leaf for leaf in every if leaf.field == name]) for name in names},
                1 - self.bare[prefix] / max(1, self.values[prefix]),
                _both(self.example[prefix]) if prefix in self.example else None,
            )
        return rows

    def reliability(self) -> list[tuple[str, int, float]]:
        """By confidence: how many values, and the share that was right."""
        table: list[tuple[str, int, float]] = []
        for low, high in pairwise(_BUCKETS):
            inside = [right for sure, right in self.sure if low <= sure < high]
            if inside:
                table.append(
                    (
                        f"{low:g}-{min(1.0, high):g}",
                        len(inside),
                        round(sum(inside) / len(inside), 3),
                    )
                )
        return table


def _both(leaves: list[Leaf]) -> tuple[float, float]:
    return round(f1(leaves, strict=True), 3), round(f1(leaves, strict=False), 3)


def main() -> None:
    """Read what was not read yet, extract, print the table, and write the report where one is asked for."""
    options = _options()
    tally, readers = Tally(), list[Reader]()
    for prefix, path, asked in documents(options.data):
        tally.add(prefix, path, _read(Shelf(options.pages), path, readers), asked)
    report = Report(
        command=shlex.join(["python", "-m", "benchmarks.extract", *sys.argv[1:]]),
        machine=f"{platform.machine()}, {platform.processor() or platform.system()}, one thread",
        sets=tally.rows(),
        grounded=1 - sum(tally.bare.values()) / max(1, sum(tally.values.values())),
        milliseconds_per_page=round(1000 * tally.seconds / max(1, tally.pages), 1),
        share_of_reading=round(tally.seconds / max(1e-9, tally.reading), 4),
        reliability=tally.reliability(),
    )
    for name, row in report.sets.items():
        print(
            f"| {name} | {row.documents} | {row.scalars} | {row.items or '-'} | {row.regex} | {row.example or '-'} |"
        )
        print("   ", row.fields)
    print(
        f"grounded {report.grounded:.1%}, {report.milliseconds_per_page} ms a page, {report.share_of_reading:.1%} of reading"
    )
    print(report.reliability)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if any(tally.bare.values()):
        raise SystemExit("There are values that are not printed.")


main()
