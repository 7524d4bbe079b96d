"""The CPU reader's pipeline: a page to its lines, in two steps that a worker may spread over threads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from readstone.core.document import Corners, Line
from readstone.engines.reader.crops import Crop
from readstone.engines.reader.detector import Detector
from readstone.engines.reader.layout import Placed, arrange
from readstone.engines.reader.recogniser import Recogniser, mean_confidence
from readstone.engines.reader.session import Session
from readstone.engines.reader.textlayer import LayerLine, agree, samples, trusted_lines, unknown
from readstone.engines.reader.weights import Weights
from readstone.engines.reader.words import box_between, words
from readstone.media.pdf.file import DrawnPage

LEGIBLE: Final = 0.5
"""The mean confidence under which a line is taken for a drawing, a stamp or dirt."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A page whose lines were found: its size in pixels, and in reading order the lines a PDF gave and the crops to be read."""

    width: int
    height: int
    crops: tuple[Crop | Line, ...]


class PageReader:
    """Finds and reads the lines of pages.

    Both steps may be called from several threads at once. An answer depends on the bytes of the page
    alone: no line is ever read together with another, so neither load nor timing can change it.
    """

    def __init__(self, weights: Weights) -> None:
        self._detector = Detector(Session(weights.detector))
        self._recogniser = Recogniser(Session(weights.recogniser))

    def prepare(self, image: NDArray[np.uint8]) -> Prepared:
        """The page's lines in reading order; `image` is RGB, height x width x 3, upright.

        The crops refer to `image`: it must not be written to until the last of them is read.
        """
        height, width = image.shape[:2]
        crops = tuple(
            Crop(image, line.corners, line.row) for line in arrange(self._detector.find(image))
        )
        return Prepared(width, height, crops)

    def prepare_page(self, page: DrawnPage) -> Prepared:
        """A PDF's page: the lines of its text layer where that is trusted, and crops of what the layer lacks."""
        layer = trusted_lines(page)
        if not layer or not self._confirms(page.pixels, layer):
            return self.prepare(page.pixels)
        found = self._detector.find(page.pixels) if page.pictures.legible else ()
        lines = {entry.line.corners: entry.line for entry in layer}
        height, width = page.pixels.shape[:2]
        placed = arrange([*lines, *unknown(found, layer)])
        return Prepared(
            width, height, tuple(_located(place, page.pixels, lines) for place in placed)
        )

    def _confirms(self, image: NDArray[np.uint8], layer: Sequence[LayerLine]) -> bool:
        """Whether samples of the layer are what the reader finds in their places."""
        for line in samples(layer, self._recogniser.alphabet):
            read = self.recognise(Crop(image, line.corners, 0))
            if read is None or not agree(line.text, read.text):
                return False
        return True

    def recognise(self, crop: Crop | Line) -> Line | None:
        """The line of text in `crop`, or None where nothing legible stands; a line is given back as it is."""
        if isinstance(crop, Line):
            return crop
        lines = [line for way in crop.ways() if (line := self._read(way)) is not None]
        return max(lines, key=lambda line: line.confidence, default=None)

    def _read(self, crop: Crop) -> Line | None:
        strip = crop.cut()
        characters = self._recogniser.read(strip)
        confidence = mean_confidence(characters)
        if confidence < LEGIBLE:
            return None
        found = words(strip, characters, crop.corners)
        return Line(
            text=" ".join(word.text for word in found),
            corners=crop.corners,
            box=box_between(crop.corners, 0.0, 1.0),
            row=crop.row,
            confidence=confidence,
            words=found,
        )

    def warm_up(self) -> None:
        """Run both models once on a small drawn page, so that the first real one meets warm code."""
        page = np.full((64, 320, 3), 255, np.uint8)
        page[24:40, 32:288:16] = 0
        for crop in self.prepare(page).crops:
            self.recognise(crop)


def _located(place: Placed, image: NDArray[np.uint8], lines: Mapping[Corners, Line]) -> Crop | Line:
    """The layer's line in that place, or else a crop of it."""
    line = lines.get(place.corners)
    return Crop(image, place.corners, place.row) if line is None else replace(line, row=place.row)
