"""Model files of the Hugging Face hub: named, fetched once into the data directory, checked, and kept."""

import asyncio
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from readstone.core.errors import ConfigurationError
from readstone.engines.download import Download, fetch

ENDPOINT = "https://huggingface.co"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_HUB_FILE = re.compile(rf"({_NAME}/{_NAME})(?:@({_NAME}))?:((?:{_NAME}/)*{_NAME})")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository on the hub, at a revision: a branch, tag or commit."""

    repository: str
    path: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}:{self.path}"


Weights: TypeAlias = Path | HubFile


def parse_weights(text: str) -> Weights:
    """Read the path of a file, or `owner/repository:file.gguf`, with `@revision` after the repository.

    ConfigurationError, with how it is written, for what is neither.
    """
    path = Path(text).expanduser()
    if path.exists():
        return path.absolute()
    if named := _HUB_FILE.fullmatch(text):
        repository, revision, file = named.groups()
        return HubFile(repository, file, revision or "main")
    raise ConfigurationError(
        f"There is no file {text!r}. A file on the hub is written 'owner/repository:file.gguf'."
    )


class Hub:
    """Fetches files into a directory; a file that is there is used as it is, without any network.

    `endpoint` is a hub's base URL, `token` what it is asked with for repositories that are not public.
    """

    def __init__(self, directory: Path, endpoint: str = ENDPOINT, token: str | None = None) -> None:
        self._directory = directory
        self._endpoint = endpoint.rstrip("/")
        self._token = token

    def path(self, weights: Weights) -> Path:
        """Where a file lies, or will lie once it was fetched."""
        if isinstance(weights, Path):
            return weights
        at = "" if weights.revision == "main" else f"@{weights.revision}"
        return self._directory / f"{weights.repository}{at}" / weights.path

    async def fetch(self, file: HubFile) -> Path:
        """Its path, once it is there whole. EngineFailed, with a sentence for our log, where it cannot be had.

        Cancelled, it leaves what it has for the next time.
        """
        path = self.path(file)
        if path.exists():
            return path
        url = f"{self._endpoint}/{file.repository}/resolve/{file.revision}/{file.path}"
        given_up = threading.Event()
        download = Download(str(file), url, path, self._token, given_up)
        work = asyncio.ensure_future(asyncio.to_thread(fetch, download))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            given_up.set()
            await asyncio.gather(work, return_exceptions=True)
            raise
        return path
