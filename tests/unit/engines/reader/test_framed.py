"""A page with a drawn table is read to the same markdown, whichever way up it lies."""

from typing import Final

import numpy as np
import pytest
from PIL import ImageDraw

from readstone.core.document import Page
from readstone.engines.reader.rendering.markdown import markdown
from unit.engines.reader.desk import Desk, Pen, Picture

EXPECTED: Final = """\
Prices of the corner shop

| Item | Note | Price |
| --- | --- | --- |
| Green tea | from Kyoto, first harvest | 5.00 |
| Milk | fresh | 3.75 |

All prices with tax."""


@pytest.fixture(scope="module")
def picture() -> Picture:
    pen = Pen(700, 480).write(40, 30, "Prices of the corner shop", 22)
    draw = ImageDraw.Draw(pen.page)
    for y in (100, 150, 240, 290):
        draw.line((40, y, 640, y), fill="black", width=2)
    for x in (40, 260, 500, 640):
        draw.line((x, 100, x, 290), fill="black", width=2)
    for top, texts in ((112, ("Item", "Note", "Price")), (160, ("Green tea", "from Kyoto, first", "5.00")), (198, ("", "harvest", "")), (252, ("Milk", "fresh", "3.75"))):  # fmt: skip
        for left, text in zip((52, 272, 512), texts, strict=True):
            pen.write(left, top, text, 22)
    return pen.write(40, 350, "All prices with tax.", 22).picture()


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_framed_table_is_read_cell_by_cell(desk: Desk, picture: Picture, turned: int) -> None:
    sent = np.rot90(picture, turned // 90).copy()
    prepared = desk.reader.prepare(sent)
    lines = tuple(desk.read(sent))
    read = Page(prepared.width, prepared.height, lines, prepared.turned, prepared.rules)
    assert markdown(read) == EXPECTED
