"""`python -m benchmarks.reader.reliability --data FOLDER`: how often words of a certainty are right.

A word counts as right where the page's true text has it (each true word once): case and outer punctuation aside, as in
word F1. Words the truth leaves out, such as logos, count as wrong, so the last bins cannot reach 100 %.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from benchmarks.reader.samples import Sample, Selection, find_samples, grouped
from benchmarks.reader.score import bag
from readstone.core.document import Word
from readstone.engines.reader.page_reader import PageReader
from readstone.engines.reader.weights import find_weights

BINS: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 1.01)


class Options(argparse.Namespace):
    """The command line."""

    data: Path
    sets: str
    groups: str
    limit: int
    json: Path | None


@dataclass(frozen=True, slots=True)
class Row:
    """Words from `least` certainty up to the next row's: how many, their mean certainty, the share that is right."""

    least: float
    words: int
    certainty: float
    right: float


def judged(reader: PageReader, sample: Sample) -> Iterator[tuple[float, bool]]:
    """The certainty of every word read on a page, and whether the true text has it."""
    with Image.open(sample.image) as image:
        picture = np.asarray(image.convert("RGB"), np.uint8)
    left = Counter(bag(sample.truth))
    for crop in reader.prepare(picture).crops:
        line = reader.recognise(crop)
        for word in line.words if line is not None else ():
            yield from _judged(word, left)


def _judged(word: Word, left: Counter[str]) -> Iterator[tuple[float, bool]]:
    for token in bag(word.text):
        right = left[token] > 0
        left[token] -= right
        yield word.confidence, right


def rows(words: Iterable[tuple[float, bool]]) -> list[Row]:
    """One row for each bin that has words."""
    kept = list(words)
    found: list[Row] = []
    for least, most in pairwise(BINS):
        inside = [word for word in kept if least <= word[0] < most]
        if inside:
            certainty = sum(word[0] for word in inside) / len(inside)
            right = sum(word[1] for word in inside) / len(inside)
            found.append(Row(least, len(inside), round(certainty, 4), round(right, 4)))
    return found


def shown(table: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    head = "| certainty | words | mean certainty | right |\n|---|--:|--:|--:|"
    lines = (
        f"| from {row.least:g} | {row.words} | {row.certainty:.3f} | {100 * row.right:.1f} % |"
        for row in table
    )
    return "\n".join([head, *lines])


def main() -> None:
    """Judge the words of the chosen pages and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader.reliability")
    parser.add_argument("--data", type=Path, required=True, help="folder of samples")
    parser.add_argument("--sets", default="", help="names of sets, comma separated (all)")
    parser.add_argument("--groups", default="", help="as in benchmarks.reader")
    parser.add_argument("--limit", type=int, default=0, help="at most this many pages of a group")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args(namespace=Options())
    cv2.setNumThreads(1)
    reader = PageReader(find_weights())
    sets = tuple(name for name in options.sets.split(",") if name)
    groups = dict(pair.split("=", 1) for pair in options.groups.split(",") if pair)
    chosen = grouped(find_samples(options.data, Selection(sets)), groups)
    pages = [page for group in chosen.values() for page in group[: options.limit or None]]
    table = rows(
        word for page in pages if page.image.suffix != ".pdf" for word in judged(reader, page)
    )
    print(shown(table))
    if options.json:
        content = [
            {"least": r.least, "words": r.words, "certainty": r.certainty, "right": r.right}
            for r in table
        ]
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
