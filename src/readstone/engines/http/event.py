"""Server-sent events as bytes: a body is cut into whole ones, and each into its lines (HTML standard, 9.2.6)."""

from typing import Final

import msgspec

from readstone.core.errors import EngineFailed

_MOST_BUFFERED: Final = 16 * 1024 * 1024
_MARK: Final = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which a body may begin with."""
_WHITE: Final = b" \t\r\n"
_BLANK: Final = b"\n\n"
_DATA: Final = b"data:"


class Events:
    """Cuts a body into whole events as its pieces come; one that is a JSON document is kept until all of it is there.

    Which of them it is, its begin tells: some engines do not stream though they were asked to, and no header says so.
    """

    __slots__ = ("_has_begun", "is_document", "rest")

    def __init__(self) -> None:
        self.is_document = False
        self.rest = b""
        """What has come of an event, or of the document, that is not whole yet."""
        self._has_begun = False

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes, which are empty at the end; the events that are whole with them, in UTF-8.

        Raises EngineFailed for an event, or a document, that is larger than it may be.
        """
        content = self.rest + piece if self.rest else piece
        if not self._has_begun and not (content := self._begin(content)):
            return b""
        if self.is_document:
            self._keep(content)
            return b""
        if b"\r" in content:
            # Lines that end as on Windows; the half of a line's end may be in the next piece.
            content = content.replace(b"\r\n", b"\n")
        if content.endswith(_BLANK) or not piece:
            self.rest = b""
        else:
            end = content.rfind(_BLANK) + len(_BLANK)
            self._keep(content[end:] if end >= len(_BLANK) else content)
            content = content[:end] if end >= len(_BLANK) else b""
        return content if content.isascii() else _as_utf8(content)

    def _begin(self, content: bytes) -> bytes:
        """What has come without a mark and white space before it; empty as long as there is nothing else."""
        begin = b"" if _MARK.startswith(content) else content.removeprefix(_MARK).lstrip(_WHITE)
        # Of a mark of three bytes, some may have come.
        self.rest = b"" if begin or len(content) >= len(_MARK) else content
        self._has_begun = bool(begin)
        self.is_document = begin.startswith(b"{")
        return begin

    def _keep(self, rest: bytes) -> None:
        if len(rest) > _MOST_BUFFERED:
            raise EngineFailed("The engine sent an event that is larger than it may be.")
        self.rest = rest


def event_lines(event: bytes) -> list[bytes]:
    """The lines of an event; JSON that goes over several lines of data is one."""
    lines = event.split(b"\n")
    data = [line.removeprefix(_DATA) for line in lines if line.startswith(_DATA)]
    if len(data) <= 1 or _is_json(data[0]):
        return lines
    # White space means nothing in JSON, and a line's end inside a text is none of it.
    others = [line for line in lines if not line.startswith(_DATA)]
    return [*others, _DATA + b" ".join(data)]


def _as_utf8(content: bytes) -> bytes:
    """The same bytes where they are UTF-8; what is not is replaced, as a browser would."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return content.decode(errors="replace").encode()
    return content


def _is_json(content: bytes) -> bool:
    try:
        msgspec.json.decode(content, type=msgspec.Raw)
    except msgspec.DecodeError:
        return content.strip() == b"[DONE]"
    return True
