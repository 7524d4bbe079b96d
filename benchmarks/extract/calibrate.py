"""`python -m benchmarks.extract.calibrate`: fit the confidences of `extraction/confidence.py` to the development documents.

For each group of kinds a logistic curve over the strength of the claim that was chosen (Platt 1999), two numbers each; for
cells of items the share that was right. Prints the constants, to be put into that file by hand, and how well they fit
documents that they were not fitted to: each tenth of the documents by the curves of the others.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np

from benchmarks.extract.documents import documents
from benchmarks.extract.reading import Shelf
from benchmarks.extract.score import paired, same
from readstone.core.extraction import Extraction
from readstone.extraction.confidence import FULL, group_of
from readstone.extraction.extract import extract
from readstone.extraction.finding import chosen
from readstone.extraction.prints import Print
from readstone.extraction.schema import parse_schema
from readstone.extraction.sought import names_for, scalars_of

_FOLDS: Final = 10
_PRIOR: Final = 0.01
"""Weight of the belief that a curve is flat, against claims counted one each."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A value that was found: its group, the strength of its claim, whether it was right, and the number of its document."""

    group: str
    strength: float
    right: bool
    document: int


def trials(data: Path, shelf: Shelf) -> Iterator[Trial]:
    """Every value that is found in the development documents and whose truth is known."""
    for number, (_, path, asked) in enumerate(documents(data)):
        read = shelf.get(path.stem)
        schema = parse_schema(f"Extract: {json.dumps(asked, ensure_ascii=False)}")
        if read is None or schema is None:
            raise SystemExit(f"{path.name} was not read: run python -m benchmarks.extract first.")
        truth = json.loads(path.with_suffix(".json").read_text("utf-8"))
        found = extract(read.pages, schema, "general")
        content = cast("Mapping[str, object]", found.content)
        sought = scalars_of(schema)
        for leaf, _, strength in chosen(Print(read.pages, names_for(sought)), sought):
            key = str(leaf.path[0])
            if key in truth and content.get(key) is not None:
                right = same(key, truth[key], content[key])[1]
                yield Trial(group_of(leaf.kind), strength, right, number)
        for group, right in _cells(truth, content, found):
            yield Trial(group, 1.0, right, number)


def _cells(
    truth: Mapping[str, object], content: Mapping[str, object], found: Extraction
) -> Iterator[tuple[str, bool]]:
    """The cells of items: those of rows whose numbers multiply are as sure as they say themselves, and so are the others."""
    for key, wanted in truth.items():
        given = content.get(key)
        if not isinstance(wanted, list) or not isinstance(given, list):
            continue
        rows = cast("list[Mapping[str, object]]", wanted)
        answers = cast("list[Mapping[str, object]]", given)
        partner = {right: left for left, right in paired(rows, answers).items()}
        for value in found.values:
            if value.path[0] != key:
                continue
            row, column = cast("int", value.path[1]), str(value.path[2])
            if column not in rows[0]:
                continue
            left = partner.get(row)
            right = left is not None and same(column, rows[left].get(column), value.value)[1]
            yield f"cell {value.extract_confidence:g}", right


def fitted(given: Sequence[Trial]) -> tuple[float, float]:
    """The two numbers of a logistic curve, by Newton's method."""
    x = np.array([min(trial.strength, FULL) for trial in given])
    right = sum(trial.right for trial in given)
    # Platt's targets: that all were right does not mean that all will be.
    targets = (1 / (len(given) - right + 2), (right + 1) / (right + 2))
    y = np.array([targets[trial.right] for trial in given])
    design = np.stack([np.ones_like(x), x], axis=1)
    weights = np.zeros(2)
    prior = np.diag([0.0, _PRIOR])
    for _ in range(50):
        guess = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (y - guess) - prior @ weights
        curvature = (design * (guess * (1 - guess))[:, None]).T @ design + prior
        weights += np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
    return round(float(weights[0]), 2), round(float(weights[1]), 2)


def probability(curve: tuple[float, float], strength: float) -> float:
    """What a curve says of a strength."""
    return float(1 / (1 + np.exp(-(curve[0] + curve[1] * min(strength, FULL)))))


def main() -> None:
    """Fit, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extract.calibrate")
    parser.add_argument(
        "--data", type=Path, required=True, help="as of python -m benchmarks.extract"
    )
    parser.add_argument("--pages", type=Path, required=True, help="the pages that it kept")
    options = parser.parse_args()
    groups: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials(options.data, Shelf(options.pages)):
        groups[trial.group].append(trial)
    error = count = 0.0
    for name, given in sorted(groups.items()):
        share = sum(trial.right for trial in given) / len(given)
        if name.startswith("cell"):
            print(f"{name}: {share:.3f} of {len(given)}")
            continue
        for fold in range(_FOLDS):
            curve = fitted([trial for trial in given if trial.document % _FOLDS != fold])
            held = [trial for trial in given if trial.document % _FOLDS == fold]
            error += sum((probability(curve, each.strength) - each.right) ** 2 for each in held)
            count += len(held)
        print(f'"{name}": {fitted(given)},  # {len(given)} values, {share:.3f} right')
    print(f"Brier score of documents that were not fitted to: {error / count:.4f}")


if __name__ == "__main__":
    main()
