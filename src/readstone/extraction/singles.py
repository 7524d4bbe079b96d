"""Lists of single values: all that are printed of a shape, or what stands behind and under a label, one by one."""

from collections.abc import Iterator, Sequence
from typing import Final

from readstone.extraction.assignment import LEAST
from readstone.extraction.candidates import Candidate, Kind
from readstone.extraction.choices import chosen_of
from readstone.extraction.geometry import Span
from readstone.extraction.pairing import Claim
from readstone.extraction.prints import Print
from readstone.extraction.sought import Sought

_TELLING: Final = frozenset({"email", "url", "phone", "iban", "tax_id", "date"})
_MARKS: Final = "\u2022\u00b7-*\u2013|/"
_ENDS: Final = (",", ";")
_CLOSE: Final = 1.2
"""Heights of a line between two lines of one list."""
_SURE: Final = 0.8
_ALL: Final = 0.7
"""How sure something is of what all of its shape are asked for."""


def singles_of(said: Print, leaf: Sought) -> list[tuple[Candidate, float]]:
    """The values of a list, in reading order, none twice, each with how strongly it is one."""
    if leaf.kind == "choice":
        return _once(chosen_of(said.sheet, said.labels, leaf))
    labelled = _labelled(said, leaf)
    if leaf.kind in _TELLING and len(labelled) <= 1:
        every = [(each, _ALL) for each in said.pool(leaf.kind) if each.fit == 1.0]
        return _once(every) or _once(labelled)
    return _once(labelled)


def _labelled(said: Print, leaf: Sought) -> list[tuple[Candidate, float]]:
    pool = "amount" if leaf.kind == "number" else leaf.kind
    if pool in {"name", "address", "text", "id"}:
        return [
            (piece, claim.strength)
            for claim in _best(said, leaf, "text")
            for piece in _pieces(_whole(said, claim))
        ]
    return [(claim.candidate, claim.strength) for claim in _best(said, leaf, pool)]


def _best(said: Print, leaf: Sought, pool: Kind) -> list[Claim]:
    """For each printed label of the leaf the strongest of its claims."""
    best: dict[tuple[int, int, int], Claim] = {}
    for concept, _ in leaf.concepts:
        for claim in said.claimed(pool).get(concept, []):
            place = claim.label.span.place
            sure = claim.strength >= LEAST and claim.label.likeness >= _SURE
            if sure and (place not in best or claim.strength > best[place].strength):
                best[place] = claim
    return list(best.values())


def _whole(said: Print, claim: Claim) -> list[Span]:
    """What a label claims, with the lines right under it that no label begins."""
    labelled = {label.span.run.index for label in said.labels if label.likeness >= _SURE}
    spans = list(claim.candidate.spans)
    last = spans[-1].run
    for run in said.sheet.pages[last.page]:
        drop = run.box.top - last.box.bottom
        aligned = abs(run.box.left - spans[0].box.left) < run.box.height
        if aligned and run.box.middle[1] - last.box.bottom > 0 and drop < _CLOSE * run.box.height:
            if run.index in labelled:
                break
            spans.append(Span(run, 0, len(run.words)))
            last = run
    return spans


def _pieces(spans: Sequence[Span]) -> Iterator[Candidate]:
    """Each line's parts between commas, semicolons and bullets."""
    for span in spans:
        begin = span.first
        for index in range(span.first, span.end + 1):
            word = span.run.words[index].text if index < span.end else ""
            alone = word in _MARKS and word != ""
            if index < span.end and not alone and not word.endswith(_ENDS):
                continue
            end = index if alone or index == span.end else index + 1
            if begin < end:
                piece = Span(span.run, begin, end)
                text = piece.text.strip(" ,;" + _MARKS)
                if text:
                    yield Candidate("text", (piece,), text, 1.0, text)
            begin = index + 1


def _once(found: Sequence[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    kept: dict[str, tuple[Candidate, float]] = {}
    for candidate, strength in sorted(found, key=lambda each: each[0].place):
        kept.setdefault(candidate.text.casefold(), (candidate, strength))
    return list(kept.values())
