"""Pages of documents as the reader gives them, kept as JSON so that each document is read once."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from readstone.core.chat import ImageFormat
from readstone.core.document import Page
from readstone.engines.reader.page_reader import PageReader, Prepared
from readstone.engines.reader.weights import find_weights
from readstone.media.decode import decode
from readstone.media.inspect import DocumentLimits, ImageLimits, inspect, inspect_document
from readstone.media.pdf.file import PdfFile

FORMATS: Final = frozenset[ImageFormat]({"jpeg", "png"})
INPUTS: Final = (".jpg", ".png", ".pdf")
"""What is read, by the ends of the names."""


class ReadDocument(msgspec.Struct, frozen=True):
    """A document's pages, and the CPU seconds that reading them took."""

    pages: tuple[Page, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of documents that were read, by their ids."""

    folder: Path

    def get(self, name: str) -> ReadDocument | None:
        """The document, if it was read."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            return None
        return msgspec.json.decode(path.read_bytes(), type=ReadDocument)

    def put(self, name: str, document: ReadDocument) -> None:
        """Keep a document."""
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = self.folder / f"{name}.part"
        whole.write_bytes(msgspec.json.encode(document))
        whole.rename(self.folder / f"{name}.json")


class Reader:
    """The CPU reader in one thread, as one of the worker's threads runs it."""

    def __init__(self) -> None:
        self._pages = PageReader(find_weights())

    def read(self, path: Path) -> ReadDocument:
        """All pages of an image or a PDF."""
        begun = time.process_time()
        pages = tuple(self._finished(page) for page in self._prepared(path))
        return ReadDocument(pages, time.process_time() - begun)

    def _prepared(self, path: Path) -> Iterator[Prepared]:
        data = path.read_bytes()
        if path.suffix != ".pdf":
            yield self._pages.prepare(decode(inspect(data, ImageLimits(), FORMATS, path.name)))
            return
        file = PdfFile(inspect_document(data, DocumentLimits(), path.name))
        try:
            for index in range(file.open()):
                yield self._pages.prepare_page(file.draw(index))
        finally:
            file.close()

    def _finished(self, prepared: Prepared) -> Page:
        lines = (self._pages.recognise(crop) for crop in prepared.crops)
        return Page(prepared.width, prepared.height, tuple(line for line in lines if line))
