"""A PDF file, opened from its bytes and drawn page by page; runs in the worker, where a native crash is survived."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from readstone.core.chat import Document
from readstone.core.errors import InvalidImage
from readstone.media.pdf import binding
from readstone.media.pdf.frame import DPI, Frame, drawn_size
from readstone.media.pdf.pictures import Pictures, look
from readstone.media.pdf.text import MOST_CHARACTERS, TextLayer, read_text, turns_upright

_DRAW_SECONDS: Final = 30.0
"""A page of honest work takes a tenth of a second; others wait for it, since PDFium does one thing at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPage:
    """A page as it is shown, annotations and filled-in form fields included.

    `pixels`: height x width x 3, RGB, turned as the page says, and further where its text layer runs sideways;
    `annotated`: notes or form fields on it show
    text, which is no part of `text`.
    """

    pixels: NDArray[np.uint8]
    text: TextLayer
    pictures: Pictures
    annotated: bool


class PdfFile:
    """One PDF. Not for two threads at once, nor for two files at once (see `binding`), but for `abandon`.

    Construction does nothing; `close` may be called at any time, also twice and unopened. Pages are drawn at `dpi`
    pixels an inch.
    """

    def __init__(self, document: Document, dpi: float = DPI) -> None:
        self._document = document
        self._dpi = dpi
        self._handle: binding.Handle | None = None
        self._form: binding.Form | None = None
        self._abandoned = False

    def open(self) -> int:
        """Open the file and count its pages.

        Raises InvalidImage with the document's `param` where it is broken, wants a password, has no pages or more
        than `document.pages`.
        """
        try:
            self._handle = binding.open_document(self._document.data)
        except binding.CannotOpen as error:
            raise self._refusal(
                "is encrypted and cannot be read without its password."
                if error.locked
                else "is broken or cut short."
            ) from None
        self._form = binding.open_form(self._handle)
        pages = binding.count_pages(self._handle)
        if pages < 1:
            raise self._refusal("has no pages, or is broken.")
        if pages > self._document.pages:
            raise self._refusal(
                f"has {pages} pages; at most {self._document.pages} are read "
                "(limits.document_pages). Send it in parts."
            )
        return pages

    def draw(self, index: int) -> DrawnPage:
        """Draw an open file's page, counted from 0, smaller than at `dpi` where that is over `document.pixels`.

        Raises InvalidImage where the page is broken or takes longer than 30 seconds to draw.
        """
        page = binding.open_page(self._handle, index)
        if page is None:
            raise self._refusal(f"is broken: page {index + 1} cannot be opened.")
        try:
            return self._draw(page, index)
        finally:
            binding.close_page(page)

    def abandon(self) -> None:
        """Let a page that is being drawn end soon; may be called from any thread."""
        self._abandoned = True

    def close(self) -> None:
        """Free everything."""
        if self._form is not None:
            binding.close_form(self._form)
            self._form = None
        if self._handle is not None:
            binding.close_document(self._handle)
            self._handle = None

    def _draw(self, page: binding.Handle, index: int) -> DrawnPage:
        frame = self._frame(page, index)
        text = read_text(binding.characters(page, MOST_CHARACTERS), frame)
        turns = turns_upright(text)
        if turns:
            frame = frame.turned(turns)
            text = read_text(binding.characters(page, MOST_CHARACTERS), frame)
        pixels = np.full((frame.height, frame.width, 3), 255, np.uint8)
        end = time.monotonic() + _DRAW_SECONDS
        finished = binding.draw(
            page,
            self._form,
            pixels,
            turns,
            go_on=lambda: not self._abandoned and time.monotonic() < end,
        )
        if not finished:
            raise self._refusal(f"is too complex: page {index + 1} cannot be drawn.")
        return DrawnPage(
            pixels=pixels,
            text=text,
            pictures=look(binding.marks(page), frame),
            annotated=any(note.shows for note in binding.annotations(page, self._form)),
        )

    def _frame(self, page: binding.Handle, index: int) -> Frame:
        left, bottom, right, top = binding.page_box(page)
        turns = binding.page_turns(page)
        width, height = right - left, top - bottom
        if not (width > 0 and height > 0 and np.isfinite([left, bottom, right, top]).all()):
            raise self._refusal(f"is broken: page {index + 1} has no size.")
        if turns % 2:
            width, height = height, width
        columns, rows = drawn_size(width, height, self._document.pixels, self._dpi)
        return Frame(left, bottom, right, top, turns, columns, rows)

    def _refusal(self, what: str) -> InvalidImage:
        param = self._document.param
        return InvalidImage(f"The PDF in {param} {what}", param=param)
