"""When the text layer of a PDF is taken for what the page shows, and what becomes of it then."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

import pdfs
from pdfs import LETTER, OTHER, Sheet
from readstone.core.chat import Document
from readstone.core.document import Line
from readstone.engines.reader.textlayer import agree, samples, trusted_lines
from readstone.media.pdf.file import DrawnPage, PdfFile
from unit.engines.reader.desk import Desk

LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def drawn(data: bytes) -> DrawnPage:
    with closing(PdfFile(Document(data, pages=10, pixels=25_000_000, param="file"))) as file:
        file.open()
        return file.draw(0)


def page(*parts: bytes, font: bytes = pdfs.HELVETICA, map_: bytes = b"") -> DrawnPage:
    return drawn(pdfs.pdf(Sheet(b"".join(parts)), font=font, map_=map_))


def trusted(found: DrawnPage) -> list[str]:
    return [entry.line.text for entry in trusted_lines(found)]


def prepared(desk: Desk, found: DrawnPage) -> list[Line | None]:
    return [desk.reader.recognise(crop) for crop in desk.reader.prepare_page(found).crops]


def test_lines_are_the_words_that_stand_next_to_each_other() -> None:
    found = page(pdfs.text(LETTER, OTHER), pdfs.text("beside it", left=480))

    lines = [entry.line for entry in trusted_lines(found)]

    assert sorted(line.text for line in lines) == sorted([LETTER, OTHER, "beside it"])
    assert all(line.confidence == word.confidence == 1.0 for line in lines for word in line.words)
    for line in lines:
        assert [word.text for word in line.words] == line.text.split()
        lefts = [word.box.left for word in line.words]
        assert lefts == sorted(lefts)
        assert line.box.left == pytest.approx(lefts[0])
        assert line.box.height == pytest.approx(14 / 72 * 150, rel=0.01)


def test_words_stored_in_any_order_make_the_same_lines() -> None:
    words = [pdfs.text(word, left=72 + 60 * index) for index, word in enumerate(LETTER.split()[:6])]

    assert trusted(page(*reversed(words))) == trusted(page(*words))


def test_a_page_with_few_characters_is_read() -> None:
    assert trusted(page(pdfs.text("Page 7"))) == []
    assert trusted(page()) == []


def test_a_page_under_images_is_read_whatever_text_it_has() -> None:
    scan = pdfs.written(LETTER)
    half = Sheet(pdfs.picture(595, 500) + pdfs.text(OTHER), picture=scan)
    corner = Sheet(pdfs.picture(200, 200) + pdfs.text(OTHER), picture=scan)

    assert trusted(drawn(pdfs.pdf(half))) == []
    assert trusted(drawn(pdfs.pdf(corner))) == [OTHER]


def test_a_page_with_invisible_text_is_read() -> None:
    assert trusted(page(pdfs.text(LETTER), pdfs.text(OTHER, top=300, mode=3))) == []


def test_a_page_whose_letters_have_no_names_is_read() -> None:
    assert trusted(page(pdfs.text(LETTER), font=pdfs.NO_LETTERS)) == []


def test_a_page_of_scattered_letters_is_read() -> None:
    scattered = [
        pdfs.text("a", left=20 + 11 * (number % 50), top=800 - 17 * (number // 50), size=4)
        for number in range(2100)
    ]

    assert len(trusted(page(*scattered[:1900]))) == 1900
    assert trusted(page(*scattered)) == []


def test_a_page_with_filled_in_notes_is_read() -> None:
    found = page(pdfs.text(LETTER))

    assert trusted(found) == [LETTER]
    assert trusted(replace(found, annotated=True)) == []


def test_a_word_under_a_black_bar_is_not_told() -> None:
    lines = [f"{LETTER} {number}" for number in range(8)]
    year = next(run for run in page(pdfs.text(*lines)).text.runs if run.text == "1871")
    (left, top), _, (right, bottom), _ = year.corners
    bar = [value * 72 / 150 for value in (left, 1754 - bottom, right - left, bottom - top)]

    found = trusted(page(pdfs.text(*lines), b"0 g %g %g %g %g re f " % tuple(bar)))

    assert " ".join(found).count("1871") == 7
    assert "Readers of" in found


def test_a_page_of_white_text_is_read() -> None:
    assert trusted(page(b"1 g ", pdfs.text(LETTER, OTHER))) == []


def test_words_of_arabic_stand_from_right_to_left() -> None:
    found = page(pdfs.text("abc def", size=14), pdfs.text("0123456789", top=500))
    layer = found.text
    named = {"abc": "\u0627\u0644\u0641", "def": "\u0628\u0627\u0621"}
    runs = tuple(replace(run, text=named.get(run.text, run.text)) for run in layer.runs)

    lines = trusted(replace(found, text=replace(layer, runs=runs)))

    assert f"{named['def']} {named['abc']}" in lines


def test_a_sample_is_the_longest_line_of_a_font_in_letters_the_reader_knows() -> None:
    layer = trusted_lines(page(pdfs.text("Short but enough", LETTER)))

    assert [line.text for line in samples(layer, LETTERS)] == [LETTER]
    assert samples(layer, LETTERS - {"b"}) == []
    assert samples(trusted_lines(page(pdfs.text("Ten chars or"))), LETTERS) == []


def test_lines_agree_when_most_of_their_letters_do() -> None:
    assert agree("Total: 1.234,00 EUR", "TOTAL 1,234.00 EUR")
    assert agree(LETTER, LETTER.replace("e", "c"))
    assert not agree(LETTER, OTHER)
    assert not agree("Invoice number", "")


def test_a_trusted_layer_is_not_read(desk: Desk) -> None:
    found = page(pdfs.text(LETTER, OTHER))

    lines = desk.reader.prepare_page(found).crops

    assert [line.text for line in lines if isinstance(line, Line)] == [LETTER, OTHER]
    assert [line.row for line in lines] == [0, 1]


def test_a_layer_that_says_something_else_than_the_page_is_not_believed(desk: Desk) -> None:
    font, map_ = pdfs.WRONG_LETTERS
    found = page(pdfs.text(LETTER, OTHER), font=font, map_=map_)
    assert "Sfbefst" in trusted(found)[0]

    texts = [line.text for line in prepared(desk, found) if line]

    assert texts == [LETTER, OTHER]


def test_what_a_picture_shows_is_read_and_put_in_its_place(desk: Desk) -> None:
    logo = pdfs.written("Harbour Office", width=600, height=160, size=50)
    content = (
        pdfs.text(LETTER, top=780) + pdfs.picture(300, 80, 60, 650) + pdfs.text(OTHER, top=600)
    )

    lines = prepared(desk, drawn(pdfs.pdf(Sheet(content, picture=logo))))

    assert [line.text for line in lines if line] == [LETTER, "Harbour Office", OTHER]
    assert [line.row for line in lines if line] == [0, 1, 2]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_page_gives_the_lines_it_shows(desk: Desk, turn: int) -> None:
    angle = np.deg2rad(turn)
    sine, cosine = round(np.sin(angle)), round(np.cos(angle))
    upright = {0: (0, 0), 90: (842, 0), 180: (842, 842), 270: (0, 842)}[turn]
    matrix = b"q %d %d %d %d %d %d cm " % (cosine, sine, -sine, cosine, *upright)
    sheet = Sheet(
        matrix + pdfs.text(LETTER, OTHER) + b"Q", "0 0 842 842", more=b"/Rotate %d" % turn
    )

    lines = prepared(desk, drawn(pdfs.pdf(sheet)))

    assert [line.text for line in lines if line] == [LETTER, OTHER]
