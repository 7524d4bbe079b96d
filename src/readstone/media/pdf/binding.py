"""PDFium's C interface with Python's types; the only file that knows it.

PDFium is not safe for threads: one thread at a time may be in here, whatever documents it is about. The wheels of
pypdfium2 are built without JavaScript and without XFA, and no action of a document is ever run.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# The binding ships no types: its names are unknown to the checker in this file only.

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

Handle: TypeAlias = object
"""A pointer that PDFium gave out; whoever opened it closes it."""

Bounds: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, right, top, in points of the page, y upwards."""

Matrix: TypeAlias = tuple[float, float, float, float, float, float]
"""a b c d e f of PDF 32000-1, 8.3.3: (x, y) goes to (ax + cy + e, bx + dy + f)."""

_DEEPEST: Final = 8
"""Levels of forms within forms that are looked into."""
_NOTHING: Final = (0.0, 0.0, 0.0, 0.0)


class CannotOpen(Exception):
    """PDFium does not open the file; `locked` where it wants a password or a key."""

    def __init__(self, *, locked: bool) -> None:
        super().__init__()
        self.locked = locked


@dataclass(frozen=True, slots=True)
class Form:
    """The form fields of a document; the callbacks must live as long as the handle."""

    handle: Handle
    callbacks: object


@dataclass(frozen=True, slots=True)
class Character:
    """A character of a text layer as PDFium tells it.

    `code` is a Unicode code point or a mark of PDFium's; `bounds` is its ink (empty for none), `origin` lies on
    the base line, `matrix` and `size` are those of its font; `font` tells fonts apart. `generated`: a space or a line
    end that PDFium added; `invisible`: not to be drawn; `unmapped`: the font does not say what letter it is.
    """

    code: int
    bounds: Bounds
    origin: tuple[float, float]
    matrix: Matrix
    size: float
    font: int
    generated: bool
    invisible: bool
    unmapped: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that is drawn on a page and is no text; `curves` are the curved pieces of a path."""

    kind: Literal["image", "path", "other"]
    bounds: Bounds
    curves: int = 0


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something laid over a page; `shows` where it may show text: a note, a stamp, a filled-in field."""

    shows: bool


def open_document(data: bytes) -> Handle:
    """A PDF in memory, which must stay there until it is closed; raises CannotOpen."""
    document = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
    if not document:
        code = pdfium.FPDF_GetLastError()
        raise CannotOpen(locked=code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY})
    return document


def close_document(document: Handle) -> None:
    """Free a document whose pages and form are closed."""
    pdfium.FPDF_CloseDocument(document)


def open_form(document: Handle) -> Form | None:
    """The document's form, so that its fields are drawn; None where it has none."""
    if pdfium.FPDF_GetFormType(document) == pdfium.FORMTYPE_NONE:
        return None
    # Without a JavaScript platform among the callbacks, no build of PDFium runs scripts.
    callbacks = pdfium.FPDF_FORMFILLINFO(version=2, xfa_disabled=True)
    handle = pdfium.FPDFDOC_InitFormFillEnvironment(document, callbacks)
    return Form(handle, callbacks) if handle else None


def close_form(form: Form) -> None:
    """Free a form before its document."""
    pdfium.FPDFDOC_ExitFormFillEnvironment(form.handle)


def count_pages(document: Handle) -> int:
    """How many pages the document says it has."""
    return int(pdfium.FPDF_GetPageCount(document))


def open_page(document: Handle, index: int) -> Handle | None:
    """A page, counted from 0; None where it is broken."""
    return pdfium.FPDF_LoadPage(document, index) or None


def close_page(page: Handle) -> None:
    """Free a page."""
    pdfium.FPDF_ClosePage(page)


def page_box(page: Handle) -> Bounds:
    """What is seen of a page: its crop box within its media box."""
    box = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(page, box):
        return _NOTHING
    return box.left, box.bottom, box.right, box.top


def page_turns(page: Handle) -> int:
    """Quarter turns clockwise by which the page is shown, 0..3."""
    return int(pdfium.FPDFPage_GetRotation(page)) % 4


def draw(
    page: Handle,
    form: Form | None,
    pixels: NDArray[np.uint8],
    turns: int,
    go_on: Callable[[], bool],
) -> bool:
    """Draw a page with its annotations and form fields onto `pixels` (RGB, contiguous), as large as they are.

    `turns` are quarter turns clockwise beside the page's own. `go_on` is asked from time to time; False leaves the page half drawn and is returned.
    """
    height, width = pixels.shape[:2]
    address = pixels.ctypes.data_as(ctypes.c_void_p)
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_BGR, address, width * 3)
    if not bitmap:
        raise MemoryError
    pause = pdfium.IFSDK_PAUSE(version=1)
    asking: Callable[[object], bool] = lambda _pause: not go_on()  # noqa: E731 (a lambda keeps its type)
    pause.NeedToPauseNow = type(pause.NeedToPauseNow)(asking)
    target = (bitmap, page, 0, 0, width, height, turns)
    flags = (
        pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER | pdfium.FPDF_RENDER_LIMITEDIMAGECACHE
    )
    try:
        status = pdfium.FPDF_RenderPageBitmap_Start(*target, flags, pause)
        pdfium.FPDF_RenderPage_Close(page)
        if status == pdfium.FPDF_RENDER_DONE and form is not None:
            pdfium.FPDF_FFLDraw(form.handle, *target, flags)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return status == pdfium.FPDF_RENDER_DONE


def characters(page: Handle, most: int) -> Iterator[Character]:
    """The text layer in its own order; nothing where it has more than `most` characters or cannot be loaded."""
    text = pdfium.FPDFText_LoadPage(page)
    if not text:
        return
    try:
        total = int(pdfium.FPDFText_CountChars(text))
        if total <= most:
            for index in range(total):
                yield _character(text, index)
    finally:
        pdfium.FPDFText_ClosePage(text)


def _character(text: Handle, index: int) -> Character:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    x, y = ctypes.c_double(), ctypes.c_double()
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetCharBox(text, index, left, right, bottom, top)
    pdfium.FPDFText_GetCharOrigin(text, index, x, y)
    pdfium.FPDFText_GetMatrix(text, index, matrix)
    run = pdfium.FPDFText_GetTextObject(text, index)
    mode = pdfium.FPDFTextObj_GetTextRenderMode(run) if run else None
    font = pdfium.FPDFTextObj_GetFont(run) if run else None
    return Character(
        code=int(pdfium.FPDFText_GetUnicode(text, index)),
        bounds=(left.value, bottom.value, right.value, top.value),
        origin=(x.value, y.value),
        matrix=(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f),
        size=float(pdfium.FPDFText_GetFontSize(text, index)),
        font=ctypes.cast(font, ctypes.c_void_p).value or 0 if font else 0,
        generated=pdfium.FPDFText_IsGenerated(text, index) == 1,
        invisible=mode in {pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP},
        unmapped=pdfium.FPDFText_HasUnicodeMapError(text, index) == 1,
    )


def marks(page: Handle) -> Iterator[Mark]:
    """What is drawn on the page beside text, that in forms included."""
    for index in range(pdfium.FPDFPage_CountObjects(page)):
        yield from _marks(pdfium.FPDFPage_GetObject(page, index), (1, 0, 0, 1, 0, 0), 0)


def _marks(thing: Handle, outer: Matrix, depth: int) -> Iterator[Mark]:
    kind = pdfium.FPDFPageObj_GetType(thing) if thing else pdfium.FPDF_PAGEOBJ_TEXT
    if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
        yield Mark("image", _moved(_bounds(thing), outer))
    elif kind == pdfium.FPDF_PAGEOBJ_PATH:
        yield Mark("path", _moved(_bounds(thing), outer), _curves(thing))
    elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
        matrix = pdfium.FS_MATRIX()
        pdfium.FPDFPageObj_GetMatrix(thing, matrix)
        inner = (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)
        for index in range(pdfium.FPDFFormObj_CountObjects(thing)):
            yield from _marks(
                pdfium.FPDFFormObj_GetObject(thing, index), _product(inner, outer), depth + 1
            )
    elif kind != pdfium.FPDF_PAGEOBJ_TEXT:
        yield Mark("other", _moved(_bounds(thing), outer))


def _bounds(thing: Handle) -> Bounds:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(thing, left, bottom, right, top)
    return left.value, bottom.value, right.value, top.value


def _curves(path: Handle) -> int:
    # A path is looked at as far as it takes to know whether it may be letters.
    return sum(
        pdfium.FPDFPathSegment_GetType(pdfium.FPDFPath_GetPathSegment(path, index))
        == pdfium.FPDF_SEGMENT_BEZIERTO
        for index in range(min(64, pdfium.FPDFPath_CountSegments(path)))
    )


def _moved(bounds: Bounds, matrix: Matrix) -> Bounds:
    left, bottom, right, top = bounds
    a, b, c, d, e, f = matrix
    points = [(a * x + c * y + e, b * x + d * y + f) for x in (left, right) for y in (bottom, top)]
    across, up = zip(*points, strict=True)
    return min(across), min(up), max(across), max(up)


def _product(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    g, h, i, j, k, m = outer
    return (
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + m,
    )


def annotations(page: Handle, form: Form | None) -> Iterator[Annotation]:
    """What is laid over the page: links, notes, stamps, form fields."""
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            yield Annotation(_shows_text(annotation, form))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _shows_text(annotation: Handle, form: Form | None) -> bool:
    kind = pdfium.FPDFAnnot_GetSubtype(annotation)
    if kind != pdfium.FPDF_ANNOT_WIDGET:
        return kind in {pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP}
    if form is None:
        return True
    if pdfium.FPDFAnnot_GetFormFieldType(form.handle, annotation) in {
        pdfium.FPDF_FORMFIELD_CHECKBOX,
        pdfium.FPDF_FORMFIELD_RADIOBUTTON,
    }:
        return False
    # The size in bytes of a value in UTF-16 with its closing zero: two for an empty one.
    return pdfium.FPDFAnnot_GetFormFieldValue(form.handle, annotation, None, 0) > len(b"\0\0")
