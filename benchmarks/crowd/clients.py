"""The crowd: every client has its own connection and its own photo, and all send at the same moment."""

import base64
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from typing import Final

import msgspec

from benchmarks.crowd.host import Host

_PATIENCE: Final = 900.0
"""Seconds without a byte after which a client counts as hanging: more than the server gives any request."""
_HANGS: Final = "none: it hangs"


class Outcome(msgspec.Struct, frozen=True):
    """What a client got: a status or what went wrong, the error's code, the Retry-After header, and after how long."""

    status: str
    code: str | None
    retry_after: str | None
    seconds: float
    letters: int


class Crowd:
    """Clients that wait for each other, then send all at once."""

    def __init__(self, host: Host, photos: Sequence[bytes]) -> None:
        self._host = host
        self._photos = photos
        self._start = threading.Barrier(len(photos))
        self._outcomes: list[Outcome] = []

    def run(self) -> list[Outcome]:
        """Send everything and wait for the last answer."""
        threads = [threading.Thread(target=self._ask, args=(photo,)) for photo in self._photos]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.stderr.write("\n")
        return self._outcomes

    def _ask(self, photo: bytes) -> None:
        body = _body(photo)
        connection = HTTPConnection("127.0.0.1", self._host.port, timeout=_PATIENCE)
        self._start.wait()
        begun = time.monotonic()
        try:
            headers = {"Authorization": f"Bearer {self._host.key}"}
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            found = _read(answer.status, answer.getheader("Retry-After"), answer.read())
        except TimeoutError:
            found = Outcome(_HANGS, None, None, 0, 0)
        except (OSError, HTTPException) as error:
            found = Outcome(f"none: {type(error).__name__}", None, None, 0, 0)
        finally:
            connection.close()
        elapsed = round(time.monotonic() - begun, 2)
        self._outcomes.append(msgspec.structs.replace(found, seconds=elapsed))
        sys.stderr.write(f"\r\x1b[K{len(self._outcomes)}/{len(self._photos)} answered")
        sys.stderr.flush()


class _Message(msgspec.Struct):
    content: str


class _Choice(msgspec.Struct):
    message: _Message


class _Error(msgspec.Struct):
    code: str | None


class _Answer(msgspec.Struct):
    choices: tuple[_Choice, ...] = ()
    error: _Error | None = None


def _read(status: int, retry_after: str | None, content: bytes) -> Outcome:
    answer = msgspec.json.decode(content, type=_Answer)
    letters = sum(len(choice.message.content) for choice in answer.choices)
    code = answer.error.code if answer.error else None
    return Outcome(str(status), code, retry_after, 0, letters)


def _body(photo: bytes) -> bytes:
    head = b'{"model":"readstone-ocr","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"'
    return head + b"data:image/jpeg;base64," + base64.b64encode(photo) + b'"}}]}]}'
