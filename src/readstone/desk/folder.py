"""What lies on the desk: the files that were named, and those in folders that were named."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from readstone.core.chat import DocumentPart, ImageFormat, ImagePart
from readstone.core.errors import ConfigurationError, InvalidImage
from readstone.media.inspect import DocumentLimits, ImageLimits, inspect, inspect_document
from readstone.media.signature import is_pdf

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".pdf"})
"""What is taken of a folder; a file that is named itself is looked into."""

_FORMATS: Final[frozenset[ImageFormat]] = frozenset({"jpeg", "png", "webp", "bmp"})


@dataclass(frozen=True, slots=True)
class Paper:
    """A file to be read; `place` is where it stands among what was named, for results to be kept likewise."""

    path: Path
    place: Path


@dataclass(frozen=True, slots=True)
class Sheets:
    """A paper that was opened: what the reader takes, and the digest of its bytes."""

    part: ImagePart | DocumentPart
    digest: str


def papers(named: Sequence[Path]) -> list[Paper]:
    """Every file that is named or lies in a folder that is, once, in their order and that of their names.

    ConfigurationError for a name of nothing and for a folder with nothing to read.
    """
    found = [paper for path in named for paper in _papers(path)]
    return list({paper.path.resolve(): paper for paper in reversed(found)}.values())[::-1]


def open_paper(paper: Paper, images: ImageLimits, documents: DocumentLimits) -> Sheets:
    """Look at a file as the server looks at what is sent to it: InvalidImage or TooLarge say what is wrong."""
    name = paper.path.name
    try:
        data = paper.path.read_bytes()
    except OSError as error:
        raise InvalidImage(f"{name} cannot be read: {error.strerror}.") from error
    digest = hashlib.sha256(data).hexdigest()
    if is_pdf(data):
        return Sheets(DocumentPart(inspect_document(data, documents, name)), digest)
    return Sheets(ImagePart(inspect(data, images, _FORMATS, name)), digest)


def _papers(path: Path) -> Iterator[Paper]:
    if not path.is_dir():
        if not path.exists():
            raise ConfigurationError(f"There is no file or folder {path}.")
        yield Paper(path, Path(path.name))
        return
    inside = sorted(
        each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file()
    )
    if not inside:
        kinds = ", ".join(sorted(SUFFIXES))
        raise ConfigurationError(f"There is nothing to read in {path}: no {kinds}.")
    for each in inside:
        yield Paper(each, each.relative_to(path))
