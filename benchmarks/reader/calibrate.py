"""`python -m benchmarks.reader.calibrate --data FOLDER`: fits the curves that say what a certainty is worth.

Prints the points of each profile's curve (`engines/reader/certainty.py`) from the mean probability of a word's letters to the
share of such words that is right. Words of half of the pages, by a hash of their ids, fit a curve that is judged on those of the
other half; all of them fit the one that is printed.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias, get_args

import cv2

from benchmarks.reader.reliability import judged, rows, shown
from benchmarks.reader.samples import Sample, Selection, drawn, find_samples, grouped
from readstone.core.model import Profile
from readstone.engines.reader.certainty import AS_GIVEN, Curve, worth
from readstone.engines.reader.page_reader import PageReader
from readstone.engines.reader.weights import find_weights

SHARES: Final = (0, 0.01, 0.02, 0.035, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1)
"""The words by certainty are put together between these shares of them: finer where they are less sure."""
BINS: Final = 20
"""Bins of as many words each, in which the mean certainty is held against the share that is right."""

Judged: TypeAlias = tuple[float, bool]
"""A word's certainty, and whether it is right."""


class Options(argparse.Namespace):
    """The command line."""

    data: Path
    sets: str
    groups: str
    limit: int


def fitted(words: Iterable[Judged]) -> Curve:
    """A curve that never falls (pool adjacent violators, Ayer et al. 1955)."""
    sorted_words = sorted(words, key=itemgetter(0))
    count = len(sorted_words)
    pools: list[list[Judged]] = []
    for start, end in pairwise(round(share * count) for share in SHARES):
        pool = sorted_words[start:end]
        while pool and pools and _right(pools[-1]) >= _right(pool):
            pool = pools.pop() + pool
        pools += [pool] if pool else []
    points = {round(_certainty(pool), 5): round(_right(pool), 3) for pool in pools}
    return tuple(points.items())


def error(words: Iterable[Judged]) -> float:
    """The expected calibration error: by how much certainty is off, over bins of as many words."""
    sorted_words = sorted(words, key=itemgetter(0))
    count = len(sorted_words)
    edges = [round(count * number / BINS) for number in range(BINS + 1)]
    bins = [sorted_words[start:end] for start, end in pairwise(edges) if end > start]
    return sum(len(each) * abs(_certainty(each) - _right(each)) for each in bins) / count


def crossed(one: Sequence[Judged], other: Sequence[Judged]) -> str:
    """What the curve of each half is worth on the other: the error before and after, and the certainties after."""
    mended = [
        (worth(curve, sure), right)
        for curve, words in ((fitted(one), other), (fitted(other), one))
        for sure, right in words
    ]
    before, after = error([*one, *other]), error(mended)
    return f"error {100 * before:.1f} % before, {100 * after:.1f} % after\n{shown(rows(mended))}"


def _certainty(words: Sequence[Judged]) -> float:
    return fmean(word[0] for word in words)


def _right(words: Sequence[Judged]) -> float:
    return fmean(word[1] for word in words)


def _halves(pages: dict[str, list[Judged]]) -> Iterator[list[Judged]]:
    for half in (0, 1):
        yield [
            word
            for page, words in pages.items()
            if hashlib.sha256(page.encode()).digest()[0] % 2 == half
            for word in words
        ]


def _judged(profile: Profile, pages: Sequence[Sample]) -> dict[str, list[Judged]]:
    reader = PageReader(find_weights(), profile, AS_GIVEN)
    found: dict[str, list[Judged]] = {}
    for number, page in enumerate(pages):
        sys.stderr.write(f"\r\x1b[K{profile} {number + 1}/{len(pages)} {page.id}")
        found[page.id] = list(judged(reader, page))
    sys.stderr.write("\r\x1b[K")
    return found


def main() -> None:
    """Fit a curve for each profile, say what it is worth, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reader.calibrate")
    parser.add_argument("--data", type=Path, required=True, help="folder of samples")
    parser.add_argument("--sets", default="", help="names of sets, comma separated (all)")
    parser.add_argument("--groups", default="", help="as in benchmarks.reader")
    parser.add_argument("--limit", type=int, default=0, help="at most this many pages of a group")
    options = parser.parse_args(namespace=Options())
    cv2.setNumThreads(1)
    sets = tuple(name for name in options.sets.split(",") if name)
    groups = dict(pair.split("=", 1) for pair in options.groups.split(",") if pair)
    with TemporaryDirectory() as folder:
        samples = grouped(find_samples(options.data, Selection(sets, quick=False)), groups)
        chosen = drawn(samples, Path(folder)).values()
        pages = [page for group in chosen for page in group[: options.limit or None]]
        for profile in get_args(Profile):
            found = _judged(profile, pages)
            print(f"\n{profile}, each half of the pages by the curve of the other:")
            print(crossed(*_halves(found)))
            print(fitted(word for words in found.values() for word in words))


if __name__ == "__main__":
    main()
