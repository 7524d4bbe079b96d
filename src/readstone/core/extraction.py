"""What is asked of a document and what was found: a schema of fields, values with their evidence, checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from readstone.core.document import Box, Word

Scene: TypeAlias = Literal["general", "medical"]
ValueKind: TypeAlias = Literal["text", "verbatim", "number", "integer", "date", "boolean", "choice"]
"""text: as printed, white space made single · verbatim: exactly as printed · number and integer: JSON numbers ·
date: ISO 8601 · boolean · choice: one of the field's choices."""
Match: TypeAlias = Literal["exact", "fuzzy", "derived", "ungrounded"]
"""exact: the words say the value · fuzzy: but for OCR confusions · derived: normalised from the words (a date, a number) ·
ungrounded: no words say it; only where the client asked for such values to be kept."""
CheckStatus: TypeAlias = Literal["pass", "fail", "not_printed"]
Scalar: TypeAlias = str | int | float | bool | None
JSON: TypeAlias = Scalar | Sequence["JSON"] | Mapping[str, "JSON"]
Path: TypeAlias = tuple[str | int, ...]
"""Keys and positions from the root of the content to a leaf: ("items", 0, "total")."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value to find. `label` is how the client calls it: a printed label, a description, or its key, in any language."""

    label: str
    kind: ValueKind = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Named members, in the client's order."""

    members: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """As many of `item` as the document prints: line items, or repeated values."""

    item: "Node"


Node: TypeAlias = Field | Group | ListOf


@dataclass(frozen=True, slots=True)
class Schema:
    """What a client asks for; `strict` nulls what no words say, else it is kept and marked ungrounded."""

    root: Group | ListOf
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words a value was read from, in reading order: on one page (from 0), inside `box`, in page pixels."""

    page: int
    box: Box
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words as printed, with single spaces."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Value:
    """A leaf that was found, and where; `evidence` is None only where `match` is ungrounded.

    `ocr_confidence` (0..1) says how sure the reader was of the words, `extract_confidence` (0..1) how sure it is
    that these words are this field.
    """

    path: Path
    value: Scalar
    evidence: Evidence | None
    match: Match
    ocr_confidence: float
    extract_confidence: float


@dataclass(frozen=True, slots=True)
class Check:
    """A rule held against what is printed; `left` and `right` are its two sides as they were found."""

    name: str
    status: CheckStatus
    left: Scalar
    right: Scalar
    paths: tuple[Path, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was found: `content` has exactly the schema's keys in its order, null where nothing is printed."""

    content: JSON
    values: tuple[Value, ...]
    checks: tuple[Check, ...]


def written(path: Path) -> str:
    """A path as JSONPath without its root: `seller.name`, `items[0].total`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
