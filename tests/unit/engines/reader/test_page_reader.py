"""A page goes in, its lines come out; the same page gives the same lines on any thread."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from readstone.core.document import Page
from readstone.engines.reader.crops import Crop, extent
from readstone.engines.reader.page_reader import LIKELY, SMALL_PRINT
from readstone.engines.reader.weights import Weights
from unit.engines.reader.desk import Desk, Pen, Picture

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="module")
def receipt() -> Picture:
    page = Pen(460, 320).write(120, 20, "CORNER SHOP", 28)
    rows = (("Tea", "2", "5.00"), ("Milk", "1", "3.75"), ("TOTAL:", "", "8.75"))
    for row, (name, quantity, price) in enumerate(rows):
        top = 100 + 50 * row
        page.write(30, top, name).write(240, top, quantity).write(360, top, price)
    return page.picture()


def test_a_receipt_is_read_row_by_row(desk: Desk, receipt: Picture) -> None:
    lines = desk.read(receipt)
    assert desk.rows(lines) == ["CORNER SHOP", "Tea 2 5.00", "Milk 1 3.75", "TOTAL: 8.75"]
    assert all(0.5 < line.confidence <= 1 for line in lines)


def test_preparing_tells_the_size_of_the_page(desk: Desk, receipt: Picture) -> None:
    prepared = desk.reader.prepare(receipt)
    assert (prepared.width, prepared.height) == (460, 320)
    assert prepared.turned == 0
    crops = [crop for crop in prepared.crops if isinstance(crop, Crop)]
    assert len(prepared.crops) - len(crops) == 2, "an upright page is asked for two of its lines"
    assert all(crop.image is receipt for crop in crops)


def test_points_of_numbers_in_small_print_are_read(desk: Desk) -> None:
    page = Pen(300, 120)
    numbers = ("0.142", "1.716", "0.299", "0.329")
    for place, number in enumerate(numbers):
        page.write(40, 16 + 24 * place, number, 8)
    lines = desk.read(page.picture())
    assert [line.text for line in lines] == list(numbers)
    assert all(extent(line.corners)[1] < SMALL_PRINT for line in lines)


@pytest.mark.parametrize("size", [12, 20, 24])
@pytest.mark.parametrize(
    ("text", "margin"),
    [("7", 4), ("Total", 1), ("Total", 4), ("12.50", 1), ("12.50", 4), ("Hello World 2026", 1)],
)
def test_a_word_or_a_line_cut_out_tightly_is_read(
    desk: Desk, text: str, margin: int, size: int
) -> None:
    left, top, right, bottom = Pen(1, 1).room(text, size)
    crop = Pen(right - left + 2 * margin, bottom - top + 2 * margin)
    assert desk.texts(crop.write(margin - left, margin - top, text, size).picture()) == [text]


def test_a_bare_page_has_no_lines(desk: Desk) -> None:
    prepared = desk.reader.prepare(np.full((200, 300, 3), 255, np.uint8))
    assert prepared.crops == ()


def test_a_crop_without_text_is_no_line(desk: Desk, receipt: Picture) -> None:
    (line, *_) = desk.read(receipt)
    bare = Crop(np.full_like(receipt, 255), line.corners, 0)
    assert desk.reader.recognise(bare) is None


def test_a_few_characters_that_are_likelier_wrong_are_taken_for_part_of_a_picture(
    weights: Weights, receipt: Picture
) -> None:
    doubtful = Desk(weights, curve=((1.0, LIKELY - 0.01),))
    texts = doubtful.texts(receipt)
    assert texts == ["CORNER SHOP", "2", "5.00", "Milk", "1", "3.75", "TOTAL:", "8.75"]


def test_the_same_bytes_give_the_same_lines_on_any_thread(desk: Desk, receipt: Picture) -> None:
    alone = desk.read(receipt)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(desk.read, [receipt.copy() for _ in range(6)]))
    assert all(lines == alone for lines in together)


def test_light_text_on_a_dark_page_is_read(desk: Desk, receipt: Picture) -> None:
    assert desk.rows(desk.read(255 - receipt))[1] == "Tea 2 5.00"


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_turned_page_reads_as_it_does_upright(desk: Desk, receipt: Picture, turned: int) -> None:
    picture = np.rot90(receipt, turned // 90).copy()
    prepared = desk.reader.prepare(picture)
    assert (prepared.turned, prepared.width, prepared.height) == (turned, 460, 320)
    assert desk.rows(desk.read(picture)) == desk.rows(desk.read(receipt))


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_the_boxes_of_a_turned_page_lie_on_the_image_as_it_was_sent(
    desk: Desk, receipt: Picture, turned: int
) -> None:
    picture = np.rot90(receipt, turned // 90).copy()
    prepared = desk.reader.prepare(picture)
    page = Page(prepared.width, prepared.height, tuple(desk.read(picture)), prepared.turned)
    for line in page.lines:
        box = page.as_sent(line.box)
        cut = picture[round(box.top) : round(box.bottom), round(box.left) : round(box.right)]
        assert cut.min() < 128, line.text


def test_a_line_upside_down_on_an_upright_page_is_read(desk: Desk, receipt: Picture) -> None:
    stamp = Pen(300, 60).write(20, 10, "Paid in cash, thank you", 22).picture(180)
    picture = np.vstack([receipt, np.full((60, 460, 3), 255, np.uint8)])
    picture[320:, :300] = stamp
    assert desk.rows(desk.read(picture))[-2:] == ["TOTAL: 8.75", "Paid in cash, thank you"]


def test_a_tilted_page_is_read(desk: Desk, receipt: Picture) -> None:
    assert desk.rows(desk.read(_tilted(receipt)))[1:3] == ["Tea 2 5.00", "Milk 1 3.75"]


def _tilted(picture: Picture) -> Picture:
    page = Image.fromarray(picture).rotate(3, resample=Image.Resampling.BICUBIC, fillcolor="white")
    return np.asarray(page, dtype=np.uint8)


def test_a_page_in_columns_is_read_column_by_column(desk: Desk) -> None:
    picture = np.asarray(Image.open(DATA / "columns.png").convert("RGB"), dtype=np.uint8)
    truth = (DATA / "columns.txt").read_text(encoding="utf-8").split()
    read = " ".join(desk.texts(picture)).split()
    assert read == truth


def test_warming_up_is_silent(desk: Desk) -> None:
    assert desk.reader.warm_up() is None
