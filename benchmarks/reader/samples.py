"""Samples: page images with the text a person wrote down for them."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from readstone.core.chat import Document
from readstone.core.errors import InvalidImage
from readstone.media.pdf.file import PdfFile

IMAGES: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")


DOTS_PER_INCH: Final = 150
"""At which PDFs of one page are drawn: every engine reads the same picture."""
MOST_PIXELS: Final = 25_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One page: its id, its image and its true text."""

    id: str
    image: Path
    truth: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which samples to take: `sets` () means all, `quick` the short list of a set."""

    sets: tuple[str, ...] = ()
    quick: bool = True


def grouped(
    samples: Mapping[str, list[Sample]], groups: Mapping[str, str]
) -> dict[str, list[Sample]]:
    """The samples by the group of their ids' first part (`unlv_` …).

    What has none stays in its set; where the group's name is empty, it is left out.
    """
    found: dict[str, list[Sample]] = {}
    for name, chosen in samples.items():
        for sample in chosen:
            group = groups.get(sample.id.split("_")[0], name)
            if group:
                found.setdefault(group, []).append(sample)
    return found


def drawn(samples: Mapping[str, list[Sample]], folder: Path) -> dict[str, list[Sample]]:
    """The same with PDFs of one page as pictures in `folder`; longer ones are left out: their text is not by page."""
    return {
        name: [one for sample in chosen if (one := _drawn(sample, folder)) is not None]
        for name, chosen in samples.items()
    }


def _drawn(sample: Sample, folder: Path) -> Sample | None:
    if sample.image.suffix != ".pdf":
        return sample
    path = folder / f"{sample.id}.png"
    document = Document(sample.image.read_bytes(), pages=1, pixels=MOST_PIXELS, param=sample.id)
    with closing(PdfFile(document, DOTS_PER_INCH)) as file:
        try:
            file.open()
        except InvalidImage:
            return None
        Image.fromarray(file.draw(0).pixels).save(path)
    return Sample(sample.id, path, sample.truth)


def find_samples(folder: Path, selection: Selection) -> dict[str, list[Sample]]:
    """The samples of `folder` by set, in the order of the set's list, else by name.

    The folder holds sets (`<set>/dev/<id>.<ext>` beside `<id>.txt`, and optionally
    `<set>/quick_dev.txt` with an id per line), or it is itself one flat set. Documents that are neither
    images nor PDFs, and those without a true text, are left out. Raises FileNotFoundError when nothing is left.
    """
    sets = {path.parent.name: path for path in sorted(folder.glob("*/dev"))} or {
        folder.resolve().name: folder
    }
    chosen = {
        name: _samples(pages, selection)
        for name, pages in sets.items()
        if not selection.sets or name in selection.sets
    }
    found = {name: samples for name, samples in chosen.items() if samples}
    if not found:
        raise FileNotFoundError(f"No images with a .txt beside them in {folder}.")
    return found


def _samples(pages: Path, selection: Selection) -> list[Sample]:
    images = {
        path.stem: path for path in sorted(pages.iterdir()) if path.suffix in (*IMAGES, ".pdf")
    }
    listed = pages.parent / "quick_dev.txt"
    ids = list(images)
    if selection.quick and pages.name == "dev" and listed.is_file():
        lines = listed.read_text(encoding="utf-8").splitlines()
        ids = [line.split("\t")[0].strip() for line in lines if line.strip()]
    return [
        Sample(page, images[page], truth.read_text(encoding="utf-8", errors="replace"))
        for page in ids
        if page in images and (truth := pages / f"{page}.txt").is_file()
    ]
