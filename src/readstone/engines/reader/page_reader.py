"""The CPU reader's pipeline: a page to its lines, in two steps that a worker may spread over threads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, assert_never

import cv2
import cv2.typing
import numpy as np
from numpy.typing import NDArray

from readstone.core.document import Corners, Line, Rule, Turn
from readstone.core.model import Profile
from readstone.engines.reader.certainty import CURVES, Curve, weighed
from readstone.engines.reader.crops import Crop, extent
from readstone.engines.reader.detector import Look
from readstone.engines.reader.layout.order import Placed, arrange
from readstone.engines.reader.layout.rules import rules
from readstone.engines.reader.orientation import SURE, turn_of
from readstone.engines.reader.profiles import BALANCED, load
from readstone.engines.reader.recogniser import mean_confidence
from readstone.engines.reader.textlayer import LayerLine, agree, samples, trusted_lines, unknown
from readstone.engines.reader.weights import Weights
from readstone.engines.reader.words import box_between, words
from readstone.media.pdf.file import DrawnPage

DOUBTFUL: Final = 0.8
"""The confidence under which a line is also read upside down: on upright pages 1 % of the text is."""
LEGIBLE: Final = 0.5
"""The mean confidence under which a line is taken for a drawing, a stamp or dirt."""
SCRAP: Final = 4
"""Characters that show, under which a line has nothing but its certainty to vouch for it."""
LIKELY: Final = 0.4
"""The confidence under which a scrap is taken for part of a picture: three of four are."""
SMALL_PRINT: Final = 18.0
"""Pixels of height under which a line is small print, in which the tiny model loses points of numbers and is sure of it:
tables gain 1.3 points of adjacency F1. At 20 they gain 0.4 more, and dense pages cost a fifth more and lose."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A page whose lines were found: its size in pixels once it was turned, in reading order its lines, and its rules.

    Lines that a PDF gave, or that were read to see which way up the page is, are lines; the others are crops to be read.
    """

    width: int
    height: int
    crops: tuple[Crop | Line, ...]
    turned: Turn = 0
    rules: tuple[Rule, ...] = ()


class PageReader:
    """Finds and reads the lines of pages.

    Both steps may be called from several threads at once. An answer depends on the bytes of the page
    alone: no line is ever read together with another, so neither load nor timing can change it.
    """

    def __init__(
        self, weights: Weights, profile: Profile = BALANCED, curve: Curve | None = None
    ) -> None:
        """`curve` says what certainties are worth; the profile's where it is None."""
        self._models = load(weights, profile)
        self._curve = CURVES[profile] if curve is None else curve

    def prepare(self, image: NDArray[np.uint8]) -> Prepared:
        """The page's lines in reading order; `image` is RGB, height x width x 3, and turned upright where it is not.

        The crops may refer to `image`: it must not be written to until the last of them is read. The same in steps,
        for several threads: `look`, `search` for each of its parts, `prepare_found`.
        """
        look = self.look(image)
        return self.prepare_found(look, [self.search(part) for part in look.parts])

    def look(self, image: NDArray[np.uint8]) -> Look:
        """The page in parts that can be searched at the same time."""
        return self._models.detector.look(image)

    def search(self, part: cv2.typing.MatLike) -> NDArray[np.float32]:
        """Where lines are in a part of a page."""
        return self._models.detector.heat(part)

    def prepare_found(self, look: Look, heats: Sequence[NDArray[np.float32]]) -> Prepared:
        """What `prepare` gives, once each part was searched."""
        image = look.image
        found = self._models.detector.lines(look, heats)
        known: dict[Corners, Line] = {}
        turned = turn_of(found, partial(self._sample, image, known))
        if turned:
            image = _turned(image, turned)
            found, known = self._models.detector.find(image), {}
        height, width = image.shape[:2]
        crops = tuple(_located(place, image, known) for place in arrange(found))
        return Prepared(width, height, crops, turned, rules(image, found))

    def prepare_page(self, page: DrawnPage) -> Prepared:
        """A PDF's page: the lines of its text layer where that is trusted, and crops of what the layer lacks."""
        layer = trusted_lines(page)
        if not layer or not self._confirms(page.pixels, layer):
            return self.prepare(page.pixels)
        found = self._models.detector.find(page.pixels) if page.pictures.legible else ()
        lines = {entry.line.corners: entry.line for entry in layer}
        height, width = page.pixels.shape[:2]
        corners = [*lines, *unknown(found, layer)]
        crops = tuple(_located(place, page.pixels, lines) for place in arrange(corners))
        return Prepared(width, height, crops, rules=rules(page.pixels, corners))

    def _confirms(self, image: NDArray[np.uint8], layer: Sequence[LayerLine]) -> bool:
        """Whether samples of the layer are what the reader finds in their places."""
        for line in samples(layer, self._models.strips.alphabet):
            read = self.recognise(Crop(image, line.corners, 0))
            if read is None or not agree(line.text, read.text):
                return False
        return True

    def recognise(self, crop: Crop | Line) -> Line | None:
        """The line of text in `crop`, or None where nothing legible stands; a line that is known already is what is given back."""
        if isinstance(crop, Line):
            return None if _is_scrap(crop) else crop
        best = self._best(crop, DOUBTFUL)
        if best is None:
            return None
        line = weighed(best, self._curve)
        return None if _is_scrap(line) else line

    def _sample(
        self, image: NDArray[np.uint8], known: dict[Corners, Line], corners: Corners
    ) -> Line | None:
        """A line of the page, read as often as it takes to be sure which way up it is; kept in `known`."""
        line = self._best(Crop(image, corners, 0), SURE)
        if line is not None:
            known[corners] = weighed(line, self._curve)
        return line

    def _best(self, crop: Crop, enough: float) -> Line | None:
        """The line in the way that reads best; the less likely ways are tried where the others read worse than `enough`."""
        best: Line | None = None
        for ways in crop.ways():
            for way in ways:
                line = self._read(way)
                if line is not None and (best is None or line.confidence > best.confidence):
                    best = line
            if best is not None and best.confidence >= enough:
                break
        return best

    def _read(self, crop: Crop) -> Line | None:
        strip = crop.cut()
        _, height = extent(crop.corners)
        strips = self._models.small_print if height < SMALL_PRINT else self._models.strips
        characters = strips.read(strip)
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


def _is_scrap(line: Line) -> bool:
    if line.confidence >= LIKELY or sum(len(word.text) for word in line.words) >= SCRAP:
        return False
    # In cells of tables a lone digit or dash is right as often as not.
    return not (line.text.isdecimal() and len(line.text) == 1) and line.text != "-"


def _located(place: Placed, image: NDArray[np.uint8], lines: Mapping[Corners, Line]) -> Crop | Line:
    """The layer's line in that place, or else a crop of it."""
    line = lines.get(place.corners)
    return Crop(image, place.corners, place.row) if line is None else replace(line, row=place.row)


def _turned(image: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    """The image turned clockwise."""
    match turn:
        case 0:
            return image
        case 90:
            code = cv2.ROTATE_90_CLOCKWISE
        case 180:
            code = cv2.ROTATE_180
        case 270:
            code = cv2.ROTATE_90_COUNTERCLOCKWISE
        case _:
            assert_never(turn)
    return np.asarray(cv2.rotate(image, code), np.uint8)
