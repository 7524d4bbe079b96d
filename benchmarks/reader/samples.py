"""Samples: page images with the text a person wrote down for them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

IMAGES: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")


@dataclass(frozen=True, slots=True)
class Sample:
    """One page: its id, its image and its true text."""

    id: str
    image: Path
    truth: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which samples to take: `sets` () means all, `limit` 0 means all, `quick` the short list of a set."""

    sets: tuple[str, ...] = ()
    quick: bool = True
    limit: int = 0


def find_samples(folder: Path, selection: Selection) -> dict[str, list[Sample]]:
    """The samples of `folder` by set, in the order of the set's list, else by name.

    The folder holds sets (`<set>/dev/<id>.<ext>` beside `<id>.txt`, and optionally
    `<set>/quick_dev.txt` with an id per line), or it is itself one flat set. Documents that are not
    images, and images without a true text, are left out. Raises FileNotFoundError when nothing is left.
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
    images = {path.stem: path for path in sorted(pages.iterdir()) if path.suffix in IMAGES}
    listed = pages.parent / "quick_dev.txt"
    ids = list(images)
    if selection.quick and pages.name == "dev" and listed.is_file():
        lines = listed.read_text(encoding="utf-8").splitlines()
        ids = [line.split("\t")[0].strip() for line in lines if line.strip()]
    samples = [
        Sample(page, images[page], truth.read_text(encoding="utf-8", errors="replace"))
        for page in ids
        if page in images and (truth := pages / f"{page}.txt").is_file()
    ]
    return samples[: selection.limit or None]
