"""Downloads one large file in a thread: resumed where it broke off, checked, and put in its place at once."""

import fcntl
import hashlib
import http.client
import os
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, NoReturn
from urllib.parse import urlsplit

from readstone.core.errors import EngineFailed
from readstone.telemetry import log

_SECONDS = 20.0
"""The longest silence of the other side."""
_PIECE = 1024 * 1024
_PROGRESS_SECONDS = 10.0
_WAIT_SECONDS = 0.5
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOKEN_STATUSES = (401, 403)
_PARTIAL = 206
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Download:
    """What is fetched and where to; `given_up` ends it between two pieces."""

    name: str
    url: str
    path: Path
    token: str | None = field(repr=False)
    given_up: threading.Event


@dataclass(frozen=True, slots=True)
class _Promise:
    """What the hub says of a file: its entity tag, and its size in bytes."""

    etag: str
    size: int


def fetch(download: Download) -> None:
    """Fetch a file; EngineFailed, with a sentence for our log, where it cannot be had.

    A hub names large files by their SHA-256, which is checked; others by their size alone. One server fetches at a
    time: a second one waits for the first.
    """
    promise = _ask(download)
    path = download.path
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named by its content, so that what is resumed is always the same file.
    part = path.with_name(
        f"{path.name}.{hashlib.sha256(promise.etag.encode()).hexdigest()[:12]}.part"
    )
    with part.open("ab") as file:
        _lock(file, download)
        if path.exists():
            return
        _fill(file, download, promise)
        if _SHA256.fullmatch(promise.etag) and _digest(part) != promise.etag:
            part.unlink()
            raise EngineFailed(f"{download.name} did not arrive as the hub has it; try again.")
        part.replace(path)
    log("model fetched", file=download.name, megabytes=promise.size // _MEGABYTE)


def _lock(file: BinaryIO, download: Download) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _heed(download)
            download.given_up.wait(_WAIT_SECONDS)
        else:
            return


def _fill(file: BinaryIO, download: Download, promise: _Promise) -> None:
    """Fetch what is missing; begun again for as long as each attempt gets on."""
    file.seek(0, os.SEEK_END)  # it may have grown while its lock was waited for
    free = shutil.disk_usage(download.path.parent).free
    if promise.size - file.tell() > free:
        size, left = promise.size // _MEGABYTE, free // _MEGABYTE
        raise EngineFailed(f"{download.name} has {size} MB; the disk of the data has {left} left.")
    while (begun := file.tell()) < promise.size:
        error: Exception = ConnectionError()
        try:
            _continue(file, download, promise)
        except (OSError, http.client.HTTPException) as trouble:
            error = trouble
        if file.tell() <= begun:
            _refuse(download, error)
    file.flush()


def _continue(file: BinaryIO, download: Download, promise: _Promise) -> None:
    begun = file.tell()
    headers = {"Range": f"bytes={begun}-"} if begun else {}
    told = time.monotonic()
    with _open(download, "GET", headers) as response:
        if begun and response.status != _PARTIAL:
            file.truncate(0)
            file.seek(0)
        while piece := response.read1(_PIECE):
            _heed(download)
            file.write(piece)
            if time.monotonic() - told > _PROGRESS_SECONDS:
                told = time.monotonic()
                _report(download, file.tell(), promise)
    if file.tell() > promise.size:
        file.truncate(0)
        raise EngineFailed(f"{download.name} is larger than the hub says; it was thrown away.")


def _report(download: Download, size: int, promise: _Promise) -> None:
    log(
        "model arrives",
        file=download.name,
        percent=100 * size // promise.size,
        megabytes=size // _MEGABYTE,
        of=promise.size // _MEGABYTE,
    )


def _ask(download: Download) -> _Promise:
    """What the hub says of the file, before it sends one elsewhere for its content."""
    try:
        with _open(download, "HEAD", {}) as response:
            headers = response.headers
    except urllib.error.HTTPError as answer:
        with answer:
            if not 300 <= answer.code < 400:  # noqa: PLR2004  (a redirect is the answer)
                _refuse(download, answer)
            headers = answer.headers
    except (OSError, http.client.HTTPException) as error:
        _refuse(download, error)
    etag = headers["X-Linked-ETag"] or headers["ETag"] or ""
    size = headers["X-Linked-Size"] or headers["Content-Length"] or ""
    if not etag or not size.isdigit():
        raise EngineFailed(f"{download.name}: what answers at the hub's address is not a hub.")
    return _Promise(etag.removeprefix("W/").strip('"'), int(size))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, with the token where they stay at the hub (repositories are renamed) and without elsewhere.

    A HEAD stays: the redirect to the content is where the hub says what the content is, raised as an HTTPError.
    """

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request to go on with, None to go no further."""
        stays = urlsplit(newurl).netloc == req.host
        if req.get_method() == "HEAD" and not (stays and "X-Linked-ETag" not in headers):
            return None
        moved = super().redirect_request(req, fp, code, msg, headers, newurl)
        if moved is not None and stays:
            moved.method = req.get_method()
            moved.unredirected_hdrs.update(req.unredirected_hdrs)
        return moved


def _open(download: Download, method: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    request = urllib.request.Request(download.url, headers=headers, method=method)  # noqa: S310  (handlers below)
    if download.token:
        # Unredirected: only _Redirects decides who else is told the token.
        request.add_unredirected_header("Authorization", f"Bearer {download.token}")
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener.open(request, timeout=_SECONDS)


def _heed(download: Download) -> None:
    if download.given_up.is_set():
        raise EngineFailed(f"{download.name} was not fetched to its end.")


def _refuse(download: Download, error: Exception) -> NoReturn:
    """Say why a file cannot be had, and what to do."""
    if isinstance(error, urllib.error.HTTPError):
        told = f"the hub answers {error.code}"
        if error.code in _TOKEN_STATUSES:
            told += "; a repository that is not public needs HF_TOKEN, and its terms accepted"
    else:
        told = "the hub cannot be reached"
    raise EngineFailed(
        f"{download.name} cannot be fetched: {told}. Without a network, put the file on this machine and name its path."
    ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
