"""PDFs opened from their bytes: what is drawn, what the text layer says, what is refused."""

from collections.abc import Generator
from contextlib import closing, contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

import pdfs
from pdfs import LETTER, OTHER, Sheet
from readstone.core.chat import Document
from readstone.core.document import Corners
from readstone.core.errors import ConfigurationError, InvalidImage, TooLarge
from readstone.media.inspect import DocumentLimits, inspect_document
from readstone.media.pdf.file import DrawnPage, PdfFile
from readstone.media.pdf.frame import drawn_size

PIXELS = 25_000_000
WORDS = LETTER.split()


def document(data: bytes, pages: int = 100, pixels: int = PIXELS) -> Document:
    return inspect_document(data, DocumentLimits(pages=pages, pixels=pixels), "file")


@contextmanager
def opened(data: bytes, pixels: int = PIXELS) -> Generator[PdfFile]:
    with closing(PdfFile(document(data, pixels=pixels))) as file:
        file.open()
        yield file


def drawn(
    *sheets: Sheet, page: int = 0, pixels: int = PIXELS, font: bytes = pdfs.HELVETICA
) -> DrawnPage:
    with opened(pdfs.pdf(*sheets, font=font), pixels) as file:
        return file.draw(page)


def draw_all(found: Document) -> None:
    with closing(PdfFile(found)) as file:
        for page in range(file.open()):
            assert file.draw(page).pixels.size <= 3 * found.pixels


def refused(data: bytes, pages: int = 100) -> str:
    with pytest.raises(InvalidImage) as caught:
        draw_all(document(data, pages))
    assert caught.value.param == "file"
    return caught.value.message


def said(page: DrawnPage) -> list[str]:
    return [run.text for run in page.text.runs]


def darkness(page: DrawnPage, corners: Corners) -> float:
    """The share of dark pixels in the upright box around the corners."""
    across, down = zip(*corners, strict=True)
    part = page.pixels[round(min(down)) : round(max(down)), round(min(across)) : round(max(across))]
    return float((part < 128).mean())


def test_a_page_is_drawn_at_150_pixels_an_inch_on_white() -> None:
    page = drawn(Sheet(pdfs.text(LETTER)))

    assert page.pixels.shape == (1754, 1239, 3)
    assert page.pixels.dtype == np.uint8
    assert page.pixels.flags.c_contiguous
    assert (page.pixels[0] == 255).all()
    assert (page.pixels < 64).any()


def test_colours_are_red_green_blue() -> None:
    page = drawn(Sheet(b"1 0 0 rg 0 0 595 842 re f"))

    assert page.pixels[800, 600].tolist() == [255, 0, 0]


def test_the_text_layer_is_words_in_their_places() -> None:
    page = drawn(Sheet(pdfs.text(LETTER, OTHER)))

    assert said(page) == [*WORDS, *OTHER.split()]
    assert all(0.05 < darkness(page, run.corners) < 0.6 for run in page.text.runs)
    (left, top), (right, _), (_, bottom), _ = page.text.runs[0].corners
    assert left == pytest.approx(72 / 72 * 150, abs=4)
    assert (top + bottom) / 2 == pytest.approx((842 - 770 - 0.3 * 14) / 72 * 150, abs=4)
    assert right > left
    assert page.text.characters == len((LETTER + OTHER).replace(" ", ""))
    assert (page.text.invisible, page.text.unmapped) == (0, 0)


@pytest.mark.parametrize("turn", [0, 90, 180, 270, -90, 450])
def test_a_turned_page_is_drawn_as_it_is_shown_and_its_words_lie_on_their_ink(turn: int) -> None:
    # A second line across the first: the page is not turned for the sake of its text.
    across = b"q 0 1 -1 0 500 50 cm " + pdfs.text(OTHER, left=0, top=0) + b"Q"
    page = drawn(Sheet(pdfs.text(LETTER) + across, more=b"/Rotate %d" % turn))

    shape = page.pixels.shape[:2]
    assert shape == ((1239, 1754) if turn % 180 else (1754, 1239))
    assert said(page) == [*WORDS, *OTHER.split()]
    assert all(0.05 < darkness(page, run.corners) < 0.6 for run in page.text.runs)
    (left, top), (right, along), _, _ = page.text.runs[0].corners
    way = np.sign(np.round([right - left, along - top])).astype(int).tolist()
    assert way == {0: [1, 0], 90: [0, 1], 180: [-1, 0], 270: [0, -1]}[turn % 360]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_whose_text_runs_sideways_is_turned_until_it_does_not(turn: int) -> None:
    page = drawn(Sheet(pdfs.text(LETTER, OTHER), more=b"/Rotate %d" % turn))

    assert page.pixels.shape[:2] == (1754, 1239)
    assert sorted(said(page)) == sorted([*WORDS, *OTHER.split()])
    assert all(0.05 < darkness(page, run.corners) < 0.6 for run in page.text.runs)
    assert all(run.corners[0][0] < run.corners[1][0] for run in page.text.runs)


def test_only_what_the_crop_box_shows_is_drawn_and_said() -> None:
    text = pdfs.text(LETTER) + pdfs.text(OTHER, top=300)

    page = drawn(Sheet(text, box="-100 -50 595 842", more=b"/CropBox [60 700 595 842]"))

    assert page.pixels.shape[:2] == (295, 1114)
    assert said(page) == WORDS
    assert all(0.05 < darkness(page, run.corners) < 0.6 for run in page.text.runs)


def test_text_at_an_angle_keeps_its_direction() -> None:
    turned = b"q 0.8 0.6 -0.6 0.8 200 200 cm " + pdfs.text("slanted", left=0, top=0, size=40) + b"Q"

    (run,) = drawn(Sheet(turned)).text.runs

    (x0, y0), (x1, y1), _, _ = run.corners
    assert run.text == "slanted"
    assert (y1 - y0) / (x1 - x0) == pytest.approx(-0.75, abs=0.01)


def test_invisible_text_over_a_scan_is_counted_and_not_said() -> None:
    scan = pdfs.written(LETTER)
    content = pdfs.picture(595, 842) + pdfs.text("lies about it", mode=3)

    page = drawn(Sheet(content, picture=scan))

    assert said(page) == []
    assert page.text.invisible == page.text.characters == len("liesaboutit")
    assert page.pictures.covered == 1.0
    assert page.pictures.legible


def test_pictures_are_known_by_the_share_of_the_page_they_lie_on() -> None:
    half = drawn(Sheet(pdfs.picture(595, 421) + pdfs.picture(595, 421), picture=pdfs.written("x")))
    dot = drawn(Sheet(pdfs.picture(4, 4, 100, 100), picture=pdfs.written("x")))

    assert half.pictures.covered == pytest.approx(0.5, abs=0.01)
    assert dot.pictures.covered < 0.01
    assert not dot.pictures.legible


def test_paths_may_be_letters_where_there_are_many_curves() -> None:
    curve = b"100 100 m 110 120 130 120 140 100 c S "

    assert drawn(Sheet(curve * 30)).pictures.legible
    assert not drawn(Sheet(curve * 4 + b"10 10 100 100 re S")).pictures.legible


def test_letters_nobody_can_name_are_counted() -> None:
    page = drawn(Sheet(pdfs.text(LETTER)), font=pdfs.NO_LETTERS)

    assert page.text.unmapped >= 0.9 * page.text.characters > 0


def test_a_note_on_the_page_is_drawn_and_told() -> None:
    note = (
        b"/Annots [<< /Type /Annot /Subtype /FreeText /Rect [100 100 300 140] /F 4"
        b" /Contents (Paid) /DA (/Helv 20 Tf 0 g) >>]"
    )
    link = b"/Annots [<< /Type /Annot /Subtype /Link /Rect [100 100 300 140] /F 4 >>]"

    assert drawn(Sheet(pdfs.text(LETTER), more=note)).annotated
    assert not drawn(Sheet(pdfs.text(LETTER), more=link)).annotated


@pytest.mark.parametrize("box", ["0 0 14400 14400", "0 0 200000 20", "0 0 1 1", "0 0 1e20 1e20"])
def test_a_page_of_any_size_is_drawn_within_the_pixels_it_may_have(box: str) -> None:
    height, width, _ = drawn(Sheet(b"", box=box), pixels=1_000_000).pixels.shape

    assert 1 <= width * height <= 1_000_000


@pytest.mark.parametrize("box", ["0 0 0 0", "0 0 nan 10", "a b c d", "5 5 5 100"])
def test_a_page_without_a_size_is_drawn_at_a_usual_one_or_refused(box: str) -> None:
    with opened(pdfs.pdf(Sheet(b"", box=box))) as file:
        try:
            assert file.draw(0).pixels.size > 0
        except InvalidImage as refusal:
            assert refusal.param == "file"  # noqa: PT017 (either is right)


@given(width=st.floats(1e-3, 1e6), height=st.floats(1e-3, 1e6), pixels=st.integers(1000, 10**8))
def test_a_drawn_size_is_within_its_pixels(width: float, height: float, pixels: int) -> None:
    columns, rows = drawn_size(width, height, pixels)

    assert columns >= 1
    assert rows >= 1
    assert columns * rows <= max(pixels, columns, rows)
    assert max(columns, rows) <= 30_000


def test_a_page_is_drawn_as_fine_as_it_is_asked_for() -> None:
    with closing(PdfFile(document(pdfs.pdf(Sheet(b"", box="0 0 72 144"))), dpi=200)) as file:
        file.open()

        assert file.draw(0).pixels.shape == (400, 200, 3)


def test_a_file_that_wants_a_password_is_refused() -> None:
    assert "password" in refused(pdfs.locked())


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\nand then nothing that makes sense\n%%EOF",
        pdfs.pdf(Sheet(pdfs.text(LETTER)))[:200],
        pdfs.assemble([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages >>"]),
        pdfs.pdf(),
    ],
)
def test_a_broken_file_is_refused(data: bytes) -> None:
    assert "broken" in refused(data)


def test_a_file_whose_table_is_wrong_is_read_all_the_same() -> None:
    whole = pdfs.pdf(Sheet(pdfs.text(LETTER)))
    wrong = whole.replace(b"startxref\n", b"startxref\n9")

    with opened(wrong) as file:
        assert said(file.draw(0)) == WORDS


def test_a_broken_page_is_named() -> None:
    broken = pdfs.assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 2 /Kids [3 0 R 9 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>",
        ]
    )

    assert "page 2" in refused(broken)


def test_as_many_pages_as_the_limit_are_taken_and_one_more_is_not() -> None:
    sheets = [Sheet(b"", box="0 0 50 50")] * 101

    with opened(pdfs.pdf(*sheets[:100])) as file:
        assert file.draw(99).pixels.size > 0
    message = refused(pdfs.pdf(*sheets))
    assert "101 pages" in message
    assert "100" in message
    assert "limits.document_pages" in message


def test_a_page_that_is_given_up_stops_being_drawn() -> None:
    maze = b"0 0 m " + b"%d %d l " * 200 % tuple(range(400)) + b"S "

    with opened(pdfs.pdf(Sheet(maze * 500))) as file:
        file.abandon()
        with pytest.raises(InvalidImage, match="too complex"):
            file.draw(0)


def test_closing_is_safe_at_any_time() -> None:
    file = PdfFile(document(pdfs.pdf(Sheet(b""))))
    file.close()
    file.open()
    file.close()
    file.close()


def test_what_is_no_pdf_or_too_large_is_refused_before_it_is_opened() -> None:
    with pytest.raises(InvalidImage, match="send a PDF"):
        inspect_document(b"hello", DocumentLimits(), "file")
    limits = DocumentLimits(bytes=100)
    with pytest.raises(TooLarge, match=r"101 bytes; at most 100.*limits\.document_bytes"):
        inspect_document(b"%PDF-".ljust(101), limits, "file")
    assert inspect_document(b"%PDF-".ljust(100), limits, "file").pages == limits.pages


def test_the_bytes_of_a_document_are_not_shown() -> None:
    assert "secret" not in repr(document(b"%PDF-1.7 secret"))


@pytest.mark.parametrize("wrong", [{"bytes": 0}, {"pages": 0}, {"pixels": -1}])
def test_limits_below_one_cannot_be_configured(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        DocumentLimits(**wrong)


SEEDS = [
    pdfs.pdf(Sheet(pdfs.text(LETTER)), Sheet(pdfs.text(OTHER), more=b"/Rotate 90")),
    pdfs.pdf(Sheet(pdfs.picture(100, 100), "0 0 100 100", picture=Pillow.new("L", (8, 8), 99))),
    pdfs.pdf(Sheet(pdfs.text(LETTER)), font=pdfs.WRONG_LETTERS[0], map_=pdfs.WRONG_LETTERS[1]),
    pdfs.scan_of([Pillow.new("1", (64, 64), 1), Pillow.new("RGB", (64, 64), "red")]),
    pdfs.locked(),
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=6)), max_size=6),
    st.floats(0.3, 1),
)
def test_damaged_bytes_are_drawn_or_refused(
    seed: bytes, wounds: list[tuple[float, bytes]], kept: float
) -> None:
    data = bytearray(seed)
    for place, wound in wounds:
        start = int(place * (len(data) - len(wound)))
        data[start : start + len(wound)] = wound
    cut = bytes(data[: int(kept * len(data))]) if kept < 0.9 else bytes(data)
    try:
        draw_all(document(cut, pages=3, pixels=250_000))
    except (InvalidImage, TooLarge) as refusal:
        # Nothing else is caught; that a refusal names its field is the promise.
        if refusal.param != "file":
            raise
