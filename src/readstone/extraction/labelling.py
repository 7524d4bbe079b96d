"""Where the labels of fields are printed: the known names of things, and the client's own words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz, process

from readstone.extraction.folding import compact, tokens
from readstone.extraction.geometry import Run, Sheet, Span
from readstone.extraction.labels.understanding import printed
from readstone.extraction.legal_forms import is_form
from readstone.extraction.values.answers import is_box

_RATE: Final = re.compile(r"@?\s?\d+([.,]\d+)?\s?%\)?$")
"""A tax rate, which labels name in passing: "GST@6%"."""
_LONGEST: Final = 7
"""Words of a label."""
_PROSE: Final = 2
"""Words in lower case behind a label that make it a part of a sentence."""
_ALIKE: Final = 84.0
"""Out of 100: how alike a label misread by a letter or two is."""
_SHORTEST_FUZZY: Final = 6
"""Letters of a label from which on a letter may be misread."""


@dataclass(frozen=True, slots=True)
class Label:
    """A printed label: what it names, and how sure that is (0..1)."""

    span: Span
    concept: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Names:
    """What concepts are called, folded, by name: each with the concepts it may stand for."""

    concepts: Mapping[str, tuple[tuple[str, float], ...]]

    @staticmethod
    def of(named: Iterable[tuple[str, str, float]]) -> "Names":
        """From triples of a name, a concept and how sure the name says it."""
        known: dict[str, dict[str, float]] = {}
        for name, concept, weight in named:
            if folded := compact(name):
                weights = known.setdefault(folded, {})
                weights[concept] = max(weight, weights.get(concept, 0.0))
        return Names({name: tuple(weights.items()) for name, weights in known.items()})

    def with_own(self, named: Iterable[tuple[str, str, float]]) -> "Names":
        """With the client's own names as well."""
        concepts = dict(self.concepts)
        for name, own in Names.of(named).concepts.items():
            concepts[name] = (*concepts.get(name, ()), *own)
        return Names(concepts)


def labels_in(sheet: Sheet, names: Names) -> tuple[Label, ...]:
    """The labels that are printed; of two that overlap the longer one, so that "total tax" is no "total"."""
    found: list[Label] = []
    fuzzy: list[Span] = []
    for run in sheet.runs:
        exact = _exact(run, names)
        found.extend(exact)
        fuzzy.extend(_starts(run, exact))
    found.extend(_fuzzy(fuzzy, names))
    return _longest([label for label in found if not _names_a_firm(label)])


def _names_a_firm(label: Label) -> bool:
    """Whether what looks like the label of a party is the beginning of a firm's name: "Supplier Ltd"."""
    if label.concept not in {"seller", "buyer", "contact"} or label.span.text.endswith(":"):
        return False
    run = label.span.run
    following = " ".join(word.text for word in run.words[label.span.end : label.span.end + 2])
    return following != "" and ":" not in following and is_form(following)


def _pieces(run: Run) -> list[str]:
    return [compact(_RATE.sub("", word.text)) for word in run.words]


def _exact(run: Run, names: Names) -> list[Label]:
    pieces = _pieces(run)
    found: list[Label] = []
    for first in range(len(pieces)):
        if not pieces[first]:
            continue
        text = ""
        for end in range(first + 1, min(first + _LONGEST, len(pieces)) + 1):
            text += pieces[end - 1]
            if not pieces[end - 1] or text not in names.concepts:
                continue
            found += [
                Label(Span(run, first, end), concept, weight * _standing(run, first, end))
                for concept, weight in names.concepts[text]
            ]
    return found


def _standing(run: Run, first: int, end: int) -> float:
    """Labels begin a line or follow a mark or a box, and end it or are followed by a colon, a number or a sign."""
    above = run.words[first - 1].text if first else ":"
    before = 1.0 if above[-1] in ":;,|.-)#" or is_box(above) else 0.55
    if end == len(run.words) or run.words[end - 1].text[-1] in ":#.)=":
        return before
    following = run.words[end].text
    if following[0] in ":#=(-" or any(character.isdigit() for character in following):
        return before
    prose = sum(word.text[:1].islower() for word in run.words[end : end + 4]) >= _PROSE
    return before * (0.4 if prose else 0.85)


def _starts(run: Run, exact: Sequence[Label]) -> list[Span]:
    """Beginnings of the run that no exact label covers: where a misread label may stand."""
    if any(label.span.first == 0 for label in exact):
        return []
    spans: list[Span] = []
    first = int(is_box(run.words[0].text))
    for end in range(first + 1, min(first + 5, len(run.words)) + 1):
        spans.append(Span(run, first, end))
        if run.words[end - 1].text[-1] == ":":
            break
    return spans


def _fuzzy(spans: Sequence[Span], names: Names) -> list[Label]:
    texts = [compact(span.text) for span in spans]
    kept = [
        (span, text)
        for span, text in zip(spans, texts, strict=True)
        if len(text) >= _SHORTEST_FUZZY
        and sum(map(str.isalpha, text)) > len(text) / 2
        and not printed(
            span.text
        )  # what is a name as it is was not misread: "Importo" is no "Imposto"
    ]
    long = [name for name in names.concepts if len(name) >= _SHORTEST_FUZZY]
    if not kept or not long:
        return []
    scores = process.cdist([text for _, text in kept], long, scorer=fuzz.ratio, score_cutoff=_ALIKE)
    found: list[Label] = []
    for row, (span, _) in enumerate(kept):
        best = int(scores[row].argmax())
        score = float(scores[row, best]) / 100
        if score:
            standing = _standing(span.run, span.first, span.end)
            found += [
                Label(span, concept, weight * score * standing)
                for concept, weight in names.concepts[long[best]]
            ]
    return found


def _longest(labels: Sequence[Label]) -> tuple[Label, ...]:
    kept: list[Label] = []
    taken: dict[int, list[tuple[int, int]]] = {}
    order = sorted(labels, key=lambda label: (label.span.first - label.span.end, -label.likeness))
    for label in order:
        first, end = label.span.first, label.span.end
        others = taken.setdefault(label.span.run.index, [])
        if all(end <= one or first >= two or (first, end) == (one, two) for one, two in others):
            others.append((first, end))
            kept.append(label)
    return tuple(sorted(kept, key=lambda label: label.span.place))


def own_names(text: str) -> list[str]:
    """What a client's description of a field may be as a printed label: itself, what its brackets hold, and without them."""
    outside, inside = [""], [""]
    depth = 0
    for character in text:
        if character in "([（":
            depth += 1
            inside.append("")
        elif character in ")]）":
            depth = max(0, depth - 1)
        else:
            (inside if depth else outside)[-1] += character
    parts = ["".join(outside).split(",")[0]]
    for piece in inside:
        parts += piece.replace(" / ", "/").split("/")
    names = [part.strip(" .:") for part in parts]
    return [name for name in names if name and len(tokens(name)) <= _LONGEST]
