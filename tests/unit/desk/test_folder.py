from pathlib import Path

import pytest

import pdfs
from readstone.core.chat import DocumentPart, ImagePart
from readstone.core.errors import ConfigurationError, InvalidImage, TooLarge
from readstone.desk.folder import Paper, open_paper, papers
from readstone.media.inspect import DocumentLimits, ImageLimits
from unit.api.extract.forms import picture

LIMITS = ImageLimits(bytes=5000), DocumentLimits(bytes=5000)


def paper(path: Path, content: bytes) -> Paper:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Paper(path, Path(path.name))


def test_folders_are_walked_in_the_order_of_names_and_keep_their_shape(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.PDF", "a/notes.txt", "c.jpeg"):
        paper(tmp_path / "in" / name, b"x")
    named = paper(tmp_path / "scan", b"x")
    found = papers([named.path, tmp_path / "in"])
    assert [str(each.place) for each in found] == ["scan", "a/z.PDF", "b.png", "c.jpeg"]


def test_a_file_that_is_named_twice_is_done_once(tmp_path: Path) -> None:
    one = paper(tmp_path / "a.png", b"x")
    assert len(papers([one.path, tmp_path, one.path])) == 1


@pytest.mark.parametrize(
    ("name", "told"), [("nothing", "no file or folder"), ("", "nothing to read")]
)
def test_what_is_not_there_is_told(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        papers([tmp_path / name])


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "bmp"])
def test_images_are_known_by_their_bytes(tmp_path: Path, kind: str) -> None:
    sheets = open_paper(paper(tmp_path / "x.dat", picture(kind)), *LIMITS)
    assert isinstance(sheets.part, ImagePart)
    assert sheets.part.image.format == kind
    assert len(sheets.digest) == 64


def test_so_are_documents(tmp_path: Path) -> None:
    content = pdfs.pdf(pdfs.Sheet(pdfs.text(pdfs.LETTER)))
    sheets = open_paper(paper(tmp_path / "x.png", content), *LIMITS)
    assert isinstance(sheets.part, DocumentPart)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match=r"x\.png.*text"):
        open_paper(paper(tmp_path / "x.png", b"hello"), *LIMITS)
    with pytest.raises(TooLarge, match=r"x\.png"):
        open_paper(paper(tmp_path / "x.png", picture() + bytes(5000)), *LIMITS)
    with pytest.raises(InvalidImage, match="cannot be read"):
        open_paper(Paper(tmp_path / "gone.png", Path("gone.png")), *LIMITS)
