"""A page goes in, its lines come out; the same page gives the same lines on any thread."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from readstone.engines.reader.crops import Crop
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
    assert all(0.9 < line.confidence <= 1 for line in lines)


def test_preparing_tells_the_size_of_the_page(desk: Desk, receipt: Picture) -> None:
    prepared = desk.reader.prepare(receipt)
    assert (prepared.width, prepared.height) == (460, 320)
    assert all(isinstance(crop, Crop) and crop.image is receipt for crop in prepared.crops)


def test_a_bare_page_has_no_lines(desk: Desk) -> None:
    prepared = desk.reader.prepare(np.full((200, 300, 3), 255, np.uint8))
    assert prepared.crops == ()


def test_a_crop_without_text_is_no_line(desk: Desk, receipt: Picture) -> None:
    crop = desk.reader.prepare(receipt).crops[0]
    bare = Crop(np.full_like(receipt, 255), crop.corners, 0)
    assert desk.reader.recognise(bare) is None


def test_the_same_bytes_give_the_same_lines_on_any_thread(desk: Desk, receipt: Picture) -> None:
    alone = desk.read(receipt)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(desk.read, [receipt.copy() for _ in range(6)]))
    assert all(lines == alone for lines in together)


def test_light_text_on_a_dark_page_is_read(desk: Desk, receipt: Picture) -> None:
    assert desk.rows(desk.read(255 - receipt))[1] == "Tea 2 5.00"


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
