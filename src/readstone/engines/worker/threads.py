"""The worker's threads: one for each core, and one that draws the pages of PDFs."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from readstone.core.chat import Document
from readstone.media.pdf.file import DrawnPage, PdfFile
from readstone.media.pdf.frame import DPI

T = TypeVar("T")


class Threads:
    """Runs what takes long beside the event loop; `count` calls at once, the others wait in their order."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._workers = ThreadPoolExecutor(max_workers=count, thread_name_prefix="worker")
        # PDFium is not safe for threads, so one thread is all of its own.
        self._drawer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawer")

    def run(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Call it on the next free thread; cancelling the future forgets a call that has not begun."""
        return asyncio.get_running_loop().run_in_executor(self._workers, call)

    async def pages(
        self, document: Document, dpi: float = DPI
    ) -> AsyncGenerator[tuple[int, DrawnPage]]:
        """How many pages a PDF has and the next one, drawn when it is asked for; raises what `PdfFile` raises."""
        file = PdfFile(document, dpi)
        try:
            total = await self._draw(file.open)
            for page in range(total):
                yield total, await self._draw(partial(file.draw, page))
        finally:
            file.abandon()
            self._drawer.submit(file.close)

    def _draw(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._drawer, call)
