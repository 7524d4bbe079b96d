import io

import numpy as np
from PIL import Image as Pillow

import pdfs
from readstone.core.chat import Document, Image
from readstone.core.document import Box
from readstone.media.overlay import Mark, overlays

BOX = Box(100, 80, 180, 110)


def white(width: int, height: int) -> Image:
    stream = io.BytesIO()
    Pillow.new("RGB", (width, height), "white").save(stream, "png")
    return Image(stream.getvalue(), "png", width, height, "image")


def pixels(picture: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Pillow.open(io.BytesIO(picture)).convert("RGB"))


def test_a_box_is_drawn_where_it_stands_with_its_name_above_it() -> None:
    (picture,) = overlays(white(400, 200), [Mark(0, BOX, "total")])
    drawn = pixels(picture)
    assert drawn.shape == (200, 400, 3)
    changed = np.argwhere((drawn != 255).any(axis=2))
    top, left = changed.min(axis=0)
    bottom, _ = changed.max(axis=0)
    assert 95 <= left <= 100
    assert top < 75
    assert 110 <= bottom <= 113
    assert (drawn[95, 140] != 255).any()
    assert (drawn[150:] == 255).all()


def test_a_page_without_marks_is_the_page() -> None:
    (picture,) = overlays(white(40, 40), [Mark(1, BOX, "elsewhere")])
    assert (pixels(picture) == 255).all()


def test_a_document_has_a_picture_for_each_page() -> None:
    content = pdfs.pdf(pdfs.Sheet(pdfs.text(pdfs.LETTER)), pdfs.Sheet(pdfs.text(pdfs.OTHER)))
    document = Document(content, 10, 25_000_000, "file")
    plain = list(overlays(document, []))
    marked = list(overlays(document, [Mark(1, BOX, "名 2")]))
    assert len(plain) == len(marked) == 2
    assert plain[0] == marked[0]
    assert plain[1] != marked[1]


def test_a_box_at_the_edge_of_a_page_is_drawn_too() -> None:
    (picture,) = overlays(white(60, 30), [Mark(0, Box(-5, -5, 90, 40), "a long name for a field")])
    assert (pixels(picture) != 255).any()


def test_a_name_hides_neither_print_nor_another_box() -> None:
    sheet = np.full((200, 400, 3), 255, np.uint8)
    sheet[50:78, 60:400] = 0  # print above the box
    stream = io.BytesIO()
    Pillow.fromarray(sheet).save(stream, "png")
    printed = Image(stream.getvalue(), "png", 400, 200, "image")
    right = Box(184, 80, 260, 110)
    (picture,) = overlays(
        printed, [Mark(0, BOX, "items[0].name"), Mark(0, right, "items[0].total")]
    )
    drawn = pixels(picture)
    assert (drawn[50:78, 60:400] == 0).all()
    inner = drawn[84:106, 188:256]
    assert (inner == inner[0, 0]).all()


def test_the_same_member_of_a_list_has_one_colour() -> None:
    boxes = [Box(100, 20, 180, 40), Box(100, 80, 180, 100), Box(100, 140, 180, 160)]
    names = ["items[0].name", "items[1].name", "total"]
    marks = [Mark(0, box, name) for box, name in zip(boxes, names, strict=True)]
    (picture,) = overlays(white(400, 200), marks)
    first, second, third = (pixels(picture)[int(box.bottom) + 1, 140].tolist() for box in boxes)
    assert first == second != third
