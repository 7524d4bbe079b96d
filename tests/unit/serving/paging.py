"""An engine that tells the lines of pages it was given, for tests of what reads through the gateway."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from readstone.core.chat import ChatRequest, Finish
from readstone.core.document import Box, Line, Page, Word
from readstone.core.engine import PageRead
from readstone.core.usage import Usage
from readstone.engines.fake import FakeEngine

_LETTER = 10.0
_HEIGHT = 20.0
_STEP = 40.0
TOKENS = 100
"""What each page is worth."""


class PageEngine(FakeEngine):
    """Reads the same pages for every request; `failure` is raised instead, `go` is waited for before the first page."""

    def __init__(self, *pages: Sequence[str], name: str = "reader") -> None:
        super().__init__(name=name)
        self.failure: Exception | None = None
        self.go = asyncio.Event()
        self.go.set()
        self.become("ready")
        self._pages = [page(*texts) for texts in pages]

    def show(self, *pages: Sequence[str]) -> None:
        """Read other pages from now on."""
        self._pages = [page(*texts) for texts in pages]

    async def read(self, request: ChatRequest) -> AsyncGenerator[PageRead | Finish]:
        """The pages, then the finish."""
        self.requests.append(request)
        self.running += 1
        self.begun.set()
        try:
            await self.go.wait()
            if self.failure is not None:
                raise self.failure
            for each in self._pages:
                yield PageRead(each, TOKENS)
            seen = TOKENS * len(self._pages)
            yield Finish("stop", Usage(seen + 1, 0, image_tokens=seen))
        finally:
            self.running -= 1
            self.closed.set()


def page(*texts: str) -> Page:
    """A page with a row for each text."""
    return Page(1000, 1000, tuple(_line(row, text) for row, text in enumerate(texts)))


def _line(row: int, text: str) -> Line:
    top = 20 + _STEP * row
    words: list[Word] = []
    left = 20.0
    for written in text.split():
        right = left + _LETTER * len(written)
        words.append(Word(written, Box(left, top, right, top + _HEIGHT), 0.9))
        left = right + _LETTER
    box = Box(20.0, top, left - _LETTER, top + _HEIGHT)
    corners = (
        (box.left, box.top),
        (box.right, box.top),
        (box.right, box.bottom),
        (box.left, box.bottom),
    )
    return Line(text, corners, box, row, 0.9, tuple(words))
