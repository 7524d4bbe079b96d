"""Names and addresses of a document's parties: by label, by block, by the head of the page."""

from collections.abc import Sequence

from readstone.extraction.candidates import Candidate
from readstone.extraction.geometry import Sheet, around
from readstone.extraction.labelling import Label
from readstone.extraction.parties import Block, address_under, blocks, names_at_head
from readstone.extraction.sought import Sought

Strengths = list[tuple[Candidate, float]]


def party_claims(
    sheet: Sheet, labels: Sequence[Label], leaf: Sought, labelled: Strengths
) -> Strengths:
    """What may be the name or the address of the party a leaf asks for."""
    if leaf.kind == "name" and leaf.concept not in {"seller", "buyer"}:
        return [(candidate, strength) for candidate, strength in labelled if _is_name(candidate)]
    found = blocks(sheet, labels)
    side = leaf.side or ("buyer" if leaf.concept == "buyer" else "seller")
    buyers = [block for block in found if _is_under(block, labels, "buyer")]
    if side == "buyer":
        named = [(block.name, 0.85) for block in buyers[:1]]
        named += [(block.name, 0.3) for block in found[1:2] if not buyers]
    else:
        named = [(block.name, 0.8) for block in found if _is_under(block, labels, "seller")]
        others = [block for block in found if block not in buyers]
        named += [(block.name, 0.62) for block in others[:1]]
        heads = names_at_head(sheet, labels)
        named += [(name, 0.25 + 0.5 * name.fit) for name in heads if name.fit > 0.2]
    if leaf.kind == "name":
        return [*((one, strength * 0.95) for one, strength in labelled if _is_name(one)), *named]
    return [
        (address, strength)
        for name, strength in named
        if (address := address_under(sheet, name)) is not None
    ]


def _is_name(candidate: Candidate) -> bool:
    letters = sum(map(str.isalpha, candidate.text))
    return letters > 2 and letters > len(candidate.text) * 0.5 and not candidate.text.endswith(":")


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
