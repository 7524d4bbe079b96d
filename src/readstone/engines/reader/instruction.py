"""What the user asks a local reader for, understood from the words of the instruction."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias

from readstone.core.errors import InvalidRequest
from readstone.engines.reader.negation import denied, denies
from readstone.engines.reader.vocabulary import (
    BEYOND_READING,
    LAYOUT,
    MARKDOWN,
    QUESTION,
    QUESTION_ASIAN,
    READING,
    REFUSALS,
)

Rendering: TypeAlias = Literal["plain", "layout", "markdown"]
"""plain: lines of text · layout: columns and spacing kept in monospace · markdown: headings, lists, tables."""

LONGEST = 4_000
"""Characters of an instruction that are looked at: what the patterns cost is bounded by it."""

_HALF = LONGEST // 2
_PART = re.compile(r".{1,250}(?= |$)|.{250}")
_SURROUNDINGS = " \u00bf\u00a1\"'(["
_MARKS = re.compile(r"[\u0300-\u036f]")
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d\u00b4`", "''\"\"''")
_MODEL_TOKEN = re.compile(r"<\|[^<>|\n]{1,40}\|>|<(?:image|img|ocr)\d*/?>")
_BULLET = re.compile(r"\s*(?:[-*+\u2022\u00b7]|\d{1,2}[.)])\s+")
_SENTENCE_END = re.compile(r"(?<=[.!;]) |(?<=[^\x00-\x7f])[.!;]|[?\u3002\n]")
_CONDITION = re.compile(r"(?:if|otherwise|falls|wenn|si|se|unless),? |如果|若|もし")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A folded sentence and the spans of it that are denied."""

    text: str
    denied: tuple[tuple[int, int], ...]

    def asks(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first place the pattern stands undenied."""
        for match in pattern.finditer(self.text):
            if not any(begin <= match.start() < end for begin, end in self.denied):
                return match
        return None


def understand(text: str) -> Rendering:
    """The rendering an instruction asks for; plain where it asks for nothing else.

    Markdown wins over layout. Raises `InvalidRequest` (param `messages`, code `unsupported_instruction`) where
    any part of it asks for what a reader cannot do. What is denied ("do not translate") neither selects nor
    is refused. Of an instruction longer than `LONGEST` characters its begin and its end are looked at.
    """
    sentences = _sentences(text if len(text) <= LONGEST else f"{text[:_HALF]}\n{text[-_HALF:]}")
    asked = frozenset(
        name
        for name, pattern in (("markdown", MARKDOWN), ("layout", LAYOUT), ("reading", READING))
        if any(sentence.asks(pattern) for sentence in sentences)
    )
    demands = [sentence for sentence in sentences if not _CONDITION.match(sentence.text)]
    for refusal in REFUSALS:
        if refusal.overruled_by not in asked and any(s.asks(refusal.pattern) for s in demands):
            raise _refused(refusal.what, refusal.instead)
    if any(_is_beyond_reading(sentence) for sentence in demands):
        raise _refused("answer questions about a picture", "kind 'vision'")
    if "markdown" in asked:
        return "markdown"
    return "layout" if "layout" in asked else "plain"


def folded(text: str) -> str:
    """The text in the form the vocabulary is written in; line breaks stay."""
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text.translate(_QUOTES).casefold()))
    lines = _MODEL_TOKEN.sub(" ", unicodedata.normalize("NFKC", bare)).splitlines()
    return "\n".join(" ".join(line.split()) for line in lines)


def _sentences(text: str) -> list[_Sentence]:
    """The sentences of a text, without the items of a list under a denying head ("Do not:")."""
    kept: list[str] = []
    under_denial = False
    for line in folded(text).split("\n"):
        bullet = _BULLET.match(line)
        if bullet is None:
            under_denial = line.endswith(":") and denies(line)
        if not under_denial:
            kept.append(line[bullet.end() :] if bullet else line)
    return [
        _Sentence(part, tuple(denied(part)))
        for sentence in _SENTENCE_END.split("\n".join(kept))
        for part in _PART.findall(sentence.strip(_SURROUNDINGS))
    ]


def _is_beyond_reading(sentence: _Sentence) -> bool:
    """Whether a sentence is a question that the text of a picture alone does not answer."""
    question = sentence.asks(QUESTION)
    asked = "" if question is None else sentence.text[question.start() :]
    if sentence.asks(QUESTION_ASIAN):
        asked = sentence.text
    if not asked:
        return False
    return READING.search(asked) is None or BEYOND_READING.search(asked) is not None


def _refused(what: str, instead: str) -> InvalidRequest:
    return InvalidRequest(
        "This model reads: it answers with the text of the images as plain text, with its layout kept, or as "
        f"markdown. It does not {what}: ask a model of {instead}.",
        param="messages",
        code="unsupported_instruction",
    )
