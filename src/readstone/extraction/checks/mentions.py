"""Mentions: who a document says it is about, wherever on its pages it says so beside a label."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from readstone.core.document import Box, Line, Page
from readstone.core.extraction import Evidence
from readstone.extraction.labels import printed

_LABELLED: Final = re.compile(r"([^\s:：]{1,24})\s*[:：]\s*([^\s:：]+)(?!\S*[:：])")
_NAME: Final = re.compile(r"[\u3400-\u9fff·]{2,6}")
_NAMES: Final = frozenset({"patient_name", "person_name"})


@dataclass(frozen=True, slots=True)
class Mention:
    """What stands beside the label of a concept, and where."""

    concept: str
    text: str
    evidence: Evidence


def mentions(pages: Sequence[Page], concepts: frozenset[str]) -> tuple[Mention, ...]:
    """Every `label: value` of the concepts whose value is one word; of names only those written without spaces."""
    return tuple(
        mention
        for number, page in enumerate(pages)
        for line in page.lines
        for mention in _in_line(line, number, concepts)
    )


def _in_line(line: Line, page: int, concepts: frozenset[str]) -> Iterator[Mention]:
    for match in _LABELLED.finditer(line.text):
        known = next((each.name for each in printed(match[1]) if each.name in concepts), None)
        text = match[2].strip(",;，；。")
        if known and text and (known not in _NAMES or _NAME.fullmatch(text)):
            words = tuple(word for word in line.words if text in word.text) or line.words
            yield Mention(known, text, Evidence(page, _around(words[0].box, words[-1].box), words))


def _around(first: Box, last: Box) -> Box:
    return Box(first.left, min(first.top, last.top), last.right, max(first.bottom, last.bottom))
