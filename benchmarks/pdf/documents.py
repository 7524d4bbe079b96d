"""Documents: PDFs with the text they should give, where somebody wrote that down."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

PDFS: Final = (".pdf",)
SCANS: Final = (".tif", ".tiff")
STATED_BY_NONE: Final = 300.0
"""DPI of a scan that does not say its own."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One document: its id, its file, and its true text or None."""

    id: str
    path: Path
    truth: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which documents to take: of these `sets` and ids beginning with one of `prefixes`, () meaning all.

    `limit` is the most of a group, 0 meaning all. `suffixes` are the kinds of files.
    """

    sets: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    limit: int = 0
    suffixes: tuple[str, ...] = PDFS


def find_documents(folder: Path, selection: Selection) -> dict[str, list[Sample]]:
    """The documents of `folder` by group, each in the order of their names.

    A group is a prefix of the selection, or a set where it has none. The folder holds sets
    (`<set>/dev/<id>.pdf` beside `<id>.txt`), or it is itself one flat set. Raises FileNotFoundError when nothing is left.
    """
    sets = {path.parent.name: path for path in sorted(folder.glob("*/dev"))} or {
        folder.resolve().name: folder
    }
    groups: dict[str, list[Sample]] = {prefix: [] for prefix in selection.prefixes}
    for name, pages in sets.items():
        if selection.sets and name not in selection.sets:
            continue
        for path in sorted(pages.glob("*")):
            group = _group(path, selection, name)
            if path.suffix.lower() in selection.suffixes and group is not None:
                groups.setdefault(group, []).append(_sample(path))
    found = {name: samples[: selection.limit or None] for name, samples in groups.items()}
    if not any(found.values()):
        raise FileNotFoundError(f"No {' or '.join(selection.suffixes)} of that choice in {folder}.")
    return {name: samples for name, samples in found.items() if samples}


def content(sample: Sample) -> bytes:
    """The document's bytes; a scan becomes a PDF as large as its resolution says, grey and colour as JPEG."""
    if sample.path.suffix.lower() not in SCANS:
        return sample.path.read_bytes()
    wrapped = BytesIO()
    with Image.open(sample.path) as scan:
        dpi = scan.info.get("dpi", (STATED_BY_NONE, STATED_BY_NONE))
        scan.save(wrapped, "PDF", save_all=True, dpi=dpi)
    return wrapped.getvalue()


def _group(path: Path, selection: Selection, name: str) -> str | None:
    if not selection.prefixes:
        return name
    return next((prefix for prefix in selection.prefixes if path.stem.startswith(prefix)), None)


def _sample(path: Path) -> Sample:
    truth = path.with_suffix(".txt")
    text = truth.read_text(encoding="utf-8", errors="replace") if truth.is_file() else None
    return Sample(path.stem, path, text)
