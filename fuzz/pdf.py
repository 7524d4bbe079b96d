"""PDFs: whatever follows the signature is opened and its first pages drawn with their text, or refused."""

from PIL import Image as Pillow
from tests import pdfs
from tests.pdfs import LETTER, OTHER, WRONG_LETTERS, Sheet

from fuzz.refusal import refused
from readstone.media.inspect import DocumentLimits, inspect_document
from readstone.media.pdf.file import PdfFile

_LIMITS = DocumentLimits(pages=4, pixels=60_000)
_PARAM = "file"


def seeds() -> list[bytes]:
    """Files of text, of pictures, turned and locked, and one as scanners make them."""
    dot = Pillow.new("L", (8, 8), 99)
    return [
        pdfs.pdf(Sheet(pdfs.text(LETTER)), Sheet(pdfs.text(OTHER, mode=3), more=b"/Rotate 90")),
        pdfs.pdf(Sheet(pdfs.picture(100, 100), "0 0 100 100", picture=dot)),
        pdfs.pdf(Sheet(pdfs.text(LETTER)), font=WRONG_LETTERS[0], map_=WRONG_LETTERS[1]),
        pdfs.scan_of([Pillow.new("1", (64, 64), 1), Pillow.new("RGB", (64, 64), "red")]),
        pdfs.locked(),
    ]


def attempt(data: bytes) -> None:
    """Let the file in as the server does, then draw it as the worker does."""
    with refused(_PARAM):
        file = PdfFile(inspect_document(data, _LIMITS, _PARAM))
        try:
            for page in range(file.open()):
                drawn = file.draw(page).pixels
                if drawn.size > 3 * _LIMITS.pixels:
                    raise AssertionError(f"a page was drawn as {drawn.shape}")
        finally:
            file.close()
