"""A page of text lines, and a language model that answers what it is told to."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from readstone.core.chat import Message, TextPart
from readstone.core.document import Box, Line, Page, Word
from readstone.core.extraction import Field, Group, ListOf, Schema

NOTHING: dict[str, Any] = {"value": None, "lines": []}
Answer: TypeAlias = str | Mapping[str, Any]


def page(*texts: str) -> Page:
    """A page with those lines, one under the other."""
    return Page(1000, 1000, tuple(line(text, row) for row, text in enumerate(texts)))


def line(text: str, row: int) -> Line:
    """Words of ten pixels a character, in a row of twenty."""
    words: list[Word] = []
    left = 10
    for word in text.split():
        words.append(Word(word, Box(left, row * 20, left + len(word) * 10, row * 20 + 16), 0.9))
        left += len(word) * 10 + 10
    box = Box(10, row * 20, left, row * 20 + 16)
    corners = ((box.left, box.top), (box.right, box.top), (box.right, box.bottom), (10, box.bottom))
    return Line(text, corners, box, row, 0.9, tuple(words))


def said(value: str | None, *lines: int) -> dict[str, Any]:
    """A leaf of an answer."""
    return {"value": value, "lines": list(lines)}


RECEIPT = page(
    "ACME GmbH",
    "Hauptstr. 1",
    "Invoice No: INV-9",
    "Date 1 March 2024",
    "Coffee 2 1.50 3.00",
    "Cake 1 4.20 4.20",
    "Total EUR 7.20",
)
SCHEMA = Schema(
    Group(
        (
            ("invoice_no", Field("Invoice Number")),
            ("date", Field("Invoice Date", "date")),
            ("total", Field("Total", "number")),
            (
                "items",
                ListOf(Group((("name", Field("Item Name")), ("total", Field("Amount"))))),
            ),
        )
    )
)
RIGHT: dict[str, Any] = {
    "invoice_no": said("INV-9", 3),
    "date": said("1 March 2024", 4),
    "total": said("7.20", 7),
    "items": [
        {"name": said("Coffee", 5), "total": said("3.00", 5)},
        {"name": said("Cake", 6), "total": said("4.20", 6)},
    ],
}


@dataclass
class Model:
    """Answers in turn, and remembers what it was asked."""

    answers: Sequence[Answer | Callable[[], str]]
    asked: list[tuple[Sequence[Message], Any]] = field(
        default_factory=list[tuple[Sequence[Message], Any]]
    )

    async def ask(self, messages: Sequence[Message], response_format: bytes) -> str:
        answer = self.answers[len(self.asked)]
        self.asked.append((messages, json.loads(response_format)))
        if callable(answer):
            return answer()
        return answer if isinstance(answer, str) else json.dumps(answer)

    def told(self, turn: int = -1) -> str:
        """The last message of a question."""
        return text(self.asked[turn][0][-1])


def text(message: Message) -> str:
    """What a message says."""
    return "".join(part.text for part in message.parts if isinstance(part, TextPart))
