"""The journal: a JSONL file with a line for each paper that is done, so that a run goes on where another ended."""

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import msgspec

from readstone.core.errors import ConfigurationError

Done: TypeAlias = tuple[str, str, str]
"""A file as it was named, the digest of its bytes, and of what was asked of it."""


class Entry(msgspec.Struct):
    """What every line begins with."""

    file: str
    sha256: str
    asked: str


class Journal:
    """Knows what is done, and writes down what gets done, line by line; without a path it knows nothing and writes nothing.

    Used as a context manager. What is not JSON of ours is refused with ConfigurationError; a last line that was cut short
    by a crash is taken off.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._done: set[Done] = set()

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a+b")
            except OSError as error:
                raise ConfigurationError(
                    f"{self._path} cannot be written: {error.strerror}."
                ) from error
            self._look_back(self._path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._path is not None:
            self._file.close()

    def has(self, done: Done) -> bool:
        """Whether that is done already."""
        return done in self._done

    def write(self, done: Done, found: dict[str, Any]) -> None:
        """Write a line, and see to it that it is in the file before the next thing is done."""
        if self._path is None:
            return
        file, sha256, asked = done
        line = {"file": file, "sha256": sha256, "asked": asked, **found}
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
        self._done.add(done)

    def _look_back(self, path: Path) -> None:
        self._file.seek(0)
        end = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                break
            end += len(line)
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._file.close()
                raise ConfigurationError(
                    f"{path} is not a journal of ours: line {number} is none of its lines. Name another file."
                ) from error
            self._done.add((entry.file, entry.sha256, entry.asked))
        self._file.truncate(end)


def digest(*asked: str) -> str:
    """A short digest of what is asked of every paper."""
    return hashlib.sha256("\0".join(asked).encode(errors="surrogatepass")).hexdigest()[:16]
