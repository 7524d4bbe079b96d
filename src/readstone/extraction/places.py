"""Names and addresses of a document's parties: by label, by block, by the head of the page."""

from collections.abc import Sequence
from typing import Final

from readstone.extraction.candidates import Candidate
from readstone.extraction.folding import compact
from readstone.extraction.geometry import Sheet, Span, around, same_row
from readstone.extraction.labelling import Label
from readstone.extraction.legal_forms import is_form
from readstone.extraction.parties import (
    Block,
    address_under,
    looks_like_address,
    named,
    names_at_head,
)
from readstone.extraction.prints import Print
from readstone.extraction.sections import NAMES, beside, in_section, under_heading
from readstone.extraction.sought import Sought

_SECTION: Final = 3.0
_LIKELY: Final = 0.2
_FEWEST: Final = 2
_HEADS: Final = 2
"""Labels beside one in its row that make it the head of a column."""
Strengths = list[tuple[Candidate, float]]


def party_claims(said: Print, leaf: Sought, labelled: Strengths) -> Strengths:
    """What may be the name or the address of the party a leaf asks for."""
    sheet, labels = said.sheet, said.labels
    own = [(candidate, strength) for candidate, strength in labelled if _is_name(candidate)]
    if leaf.kind == "name" and leaf.concept not in {"seller", "buyer"}:
        return [*own, *((name, 1.0) for name in _stated_below(sheet, labels, leaf))]
    found = said.blocks
    buyers = [block for block in found if _is_under(block, labels, "buyer")]
    if leaf.side == "buyer" or leaf.concept == "buyer":
        names = _buyers(sheet, labels, found, buyers)
    else:
        names = _sellers(sheet, labels, found, buyers)
    if leaf.kind == "name":
        beneath = _beneath_a_row_of_heads(said, leaf)
        return [
            *((one, strength * (0.5 if one.place in beneath else 0.9)) for one, strength in own),
            *names,
        ]
    stated = [*((one, strength) for one, strength in labelled if looks_like_address(one.text))]
    return stated + [
        (address, strength)
        for name, strength in names
        if (address := address_under(sheet, name)) is not None
    ]


def _beneath_a_row_of_heads(said: Print, leaf: Sought) -> set[tuple[tuple[int, int, int], ...]]:
    """What stands under a label that is one of many in its row: there is no room for a party, but for who deals with it."""
    found: set[tuple[tuple[int, int, int], ...]] = set()
    for concept, _ in leaf.concepts:
        for claim in said.claimed("text").get(concept, []):
            box, value = claim.label.span.box, claim.candidate.box
            beside = [
                other
                for other in said.labels
                if other.span.page == claim.label.span.page
                and other.span.run is not claim.label.span.run
                and same_row(other.span.box, box)
            ]
            if len(beside) >= _HEADS and value.top > box.middle[1]:
                found.add(claim.candidate.place)
    return found


def _buyers(
    sheet: Sheet, labels: Sequence[Label], found: Sequence[Block], buyers: Sequence[Block]
) -> Strengths:
    names = [(name, 1.1) for name in in_section(sheet, labels, "buyer")]
    names += [(name, 1.05) for name in under_heading(sheet, labels, "buyer")]
    names += [(block.name, 0.85) for block in buyers[:1]]
    names += [(block.name, 0.5) for block in found[:1] if not buyers and len(found) > 1]
    return names


def _sellers(
    sheet: Sheet, labels: Sequence[Label], found: Sequence[Block], buyers: Sequence[Block]
) -> Strengths:
    names = [(name, 1.1) for name in in_section(sheet, labels, "seller")]
    names += [(name, 1.05) for name in under_heading(sheet, labels, "seller")]
    names += [(block.name, 0.8) for block in found if _is_under(block, labels, "seller")]
    others = [block for block in found if block not in buyers]
    names += [(block.name, 0.62) for block in others[:1]]
    heads = names_at_head(sheet, labels)
    return names + [(name, 0.25 + 0.5 * name.fit) for name in heads if name.fit > _LIKELY]


def _stated_below(sheet: Sheet, labels: Sequence[Label], leaf: Sought) -> list[Candidate]:
    """What follows "Name" in a line under a heading or a question that names the leaf: "Who is the registrant? Name: ..."."""
    concepts = {concept for concept, _ in leaf.concepts}
    found: list[Candidate] = []
    for head in (label.span for label in labels if label.concept in concepts):
        for run in sheet.pages[head.page]:
            drop = run.box.top - head.box.bottom
            if (
                compact(run.words[0].text) in NAMES
                and -head.box.height < drop < _SECTION * head.box.height
                and abs(run.box.left - head.run.box.left) < 4 * head.box.height
            ):
                rest = Span(run, 1, len(run.words))
                spans = (rest,) if len(run.words) > 1 else beside(sheet, run)[:1]
                if spans:
                    found.append(named(spans, 1.0))
    return found


def _is_name(candidate: Candidate) -> bool:
    text = candidate.text
    letters = sum(map(str.isalpha, text))
    plain = letters > _FEWEST and letters > len(text) * 0.5 and text[-1:] not in ":?"
    small = sum(word[:1].islower() for word in text.split())
    sentence = small > _FEWEST or (text.endswith(".") and not is_form(text))
    return plain and not sentence and not text[:1].islower()


def _is_under(block: Block, labels: Sequence[Label], concept: str) -> bool:
    """Whether a label of that party stands over a block."""
    box = around([span.box for span in block.name.spans])
    for label in labels:
        over = label.span.box
        if (
            label.concept == concept
            and label.span.page == block.name.span.page
            and -box.height < box.top - over.bottom < 3.0 * box.height
            and abs(over.left - box.left) < 2.0 * box.height
        ):
            return True
    return False
