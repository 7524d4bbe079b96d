"""Core → wire: what was extracted becomes the body of an answer."""

from collections.abc import Sequence

from readstone.api.extract.schema import (
    CheckBody,
    ExtractAnswer,
    ExtractionBody,
    ExtractUsage,
    Include,
    Leaf,
    Place,
)
from readstone.api.extract.status import SUCCESS
from readstone.core.document import Page
from readstone.core.extraction import Check, Evidence, Value, written
from readstone.serving.extraction import Extracted, plain_text


def encode(found: Extracted, include: frozenset[Include]) -> ExtractAnswer:
    """The answer, with the members that were asked for beside it."""
    usage = found.served.finish.usage
    answer = ExtractAnswer(
        found.content,
        ExtractUsage(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
        SUCCESS,
    )
    if include:
        answer.extraction = _extraction(found, include)
    return answer


def _extraction(found: Extracted, include: frozenset[Include]) -> ExtractionBody:
    body = ExtractionBody()
    if "grounding" in include:
        body.fields = {
            written(value.path): _leaf(value, found.pages) for value in found.extraction.values
        }
    if "checks" in include:
        body.checks = [_check(check, found.pages) for check in found.extraction.checks]
    if "text" in include:
        body.text = plain_text(found.pages)
    return body


def _leaf(value: Value, pages: Sequence[Page]) -> Leaf:
    evidence = value.evidence
    return Leaf(
        value=value.value,
        text=evidence and evidence.text,
        page=None if evidence is None else evidence.page + 1,
        box=evidence and _corners(evidence, pages),
        ocr_confidence=round(value.ocr_confidence, 4),
        extract_confidence=round(value.extract_confidence, 4),
        match=value.match,
    )


def _check(check: Check, pages: Sequence[Page]) -> CheckBody:
    return CheckBody(
        check.name,
        check.status,
        check.left,
        check.right,
        [written(path) for path in check.paths],
        [_place(evidence, pages) for evidence in check.evidence],
    )


def _place(evidence: Evidence, pages: Sequence[Page]) -> Place:
    return Place(evidence.page + 1, _corners(evidence, pages), evidence.text)


def _corners(evidence: Evidence, pages: Sequence[Page]) -> tuple[float, float, float, float]:
    box = pages[evidence.page].as_sent(evidence.box)
    left, top, right, bottom = (
        round(side, 1) for side in (box.left, box.top, box.right, box.bottom)
    )
    return left, top, right, bottom
