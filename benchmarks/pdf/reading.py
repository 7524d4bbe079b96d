"""Reading: every document in every way, one after the other, so that a noisy minute hits all ways."""

import sys
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import cv2
import msgspec

from benchmarks.pdf.documents import Sample, content
from benchmarks.reader.score import Score, score
from readstone.config import Config
from readstone.core.chat import Document
from readstone.core.document import Line
from readstone.core.errors import InvalidImage
from readstone.engines.reader.crops import Crop
from readstone.engines.reader.page_reader import PageReader, Prepared
from readstone.engines.reader.weights import find_weights
from readstone.media.pdf.file import PdfFile
from readstone.media.pdf.frame import DPI


@dataclass(frozen=True, slots=True)
class Way:
    """How a document is read: drawn at `dpi`; `layered` as the server does it, otherwise from pixels alone."""

    name: str
    dpi: float
    layered: bool


SERVED: Final = Way("as served", DPI, layered=True)


class Reading(msgspec.Struct, frozen=True):
    """One document read in one way: pages, those that took the text layer, CPU seconds, and counts if there is a truth."""

    document: str
    way: str
    pages: int
    layered: int
    cpu: float
    score: Score | None


def from_pixels(dpi: float) -> Way:
    """Drawn at that many pixels an inch, whatever text the document carries."""
    return Way(f"{dpi:g} DPI", dpi, layered=False)


class Reader:
    """The server's reader in this process and in one thread."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self._pages = PageReader(find_weights())
        self._pages.warm_up()

    def read_all(self, samples: list[Sample], ways: list[Way], title: str) -> list[Reading]:
        """Read each document in all ways before the next; one that the server refuses is named and left out."""
        readings: list[Reading] = []
        for number, sample in enumerate(samples):
            _show(f"{title} {number + 1}/{len(samples)} {sample.id}")
            data = content(sample)
            # Whoever reads first finds the document cold: the first place goes round.
            first = number % len(ways)
            try:
                readings += [self._read(sample, data, way) for way in ways[first:] + ways[:first]]
            except InvalidImage as error:
                _show(f"left out: {sample.id}: {error.message}\n")
        _show("")
        return readings

    def _read(self, sample: Sample, data: bytes, way: Way) -> Reading:
        limits = Config().limits
        document = Document(data, limits.document_pages, limits.image_pixels, sample.id)
        start = time.process_time()
        texts: list[str] = []
        layered = 0
        with closing(PdfFile(document, way.dpi)) as file:
            for page in range(file.open()):
                drawn = file.draw(page)
                prepared = (
                    self._pages.prepare_page(drawn)
                    if way.layered
                    else self._pages.prepare(drawn.pixels)
                )
                layered += any(map(_is_given, prepared.crops))
                texts.append(self._text(prepared))
        return Reading(
            document=sample.id,
            way=way.name,
            pages=len(texts),
            layered=layered,
            cpu=round(time.process_time() - start, 4),
            score=None if sample.truth is None else score(sample.truth, "\n".join(texts)),
        )

    def _text(self, prepared: Prepared) -> str:
        rows: dict[int, list[str]] = {}
        for crop in prepared.crops:
            line = self._pages.recognise(crop)
            if line is not None:
                rows.setdefault(line.row, []).append(line.text)
        return "\n".join(" ".join(texts) for texts in rows.values())


def _is_given(crop: Crop | Line) -> bool:
    """Whether a line is the document's own: those read to see which way up the page is are never wholly certain."""
    return isinstance(crop, Line) and crop.confidence == 1.0


def _show(text: str) -> None:
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()
