"""The sentences of an instruction, in the form the vocabulary is written in, and what each of them denies."""

import re
import unicodedata
from dataclasses import dataclass

from readstone.engines.instruction.negation import denied, denies

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


@dataclass(frozen=True, slots=True)
class Sentence:
    """A folded sentence and the spans of it that are denied."""

    text: str
    denied: tuple[tuple[int, int], ...]

    def asks(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first place the pattern stands undenied."""
        for match in pattern.finditer(self.text):
            if not any(begin <= match.start() < end for begin, end in self.denied):
                return match
        return None


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text, without the items of a list under a denying head ("Do not:").

    Of a text longer than `LONGEST` characters its begin and its end are looked at.
    """
    kept: list[str] = []
    under_denial = False
    looked_at = text if len(text) <= LONGEST else f"{text[:_HALF]}\n{text[-_HALF:]}"
    for line in folded(looked_at).split("\n"):
        bullet = _BULLET.match(line)
        if bullet is None:
            under_denial = line.endswith(":") and denies(line)
        if not under_denial:
            kept.append(line[bullet.end() :] if bullet else line)
    return [
        Sentence(part, tuple(denied(part)))
        for sentence in _SENTENCE_END.split("\n".join(kept))
        for part in _PART.findall(sentence.strip(_SURROUNDINGS))
    ]


def folded(text: str) -> str:
    """The text in the form the vocabulary is written in; line breaks stay."""
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text.translate(_QUOTES).casefold()))
    lines = _MODEL_TOKEN.sub(" ", unicodedata.normalize("NFKC", bare)).splitlines()
    return "\n".join(" ".join(line.split()) for line in lines)
