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

    __slots__ = ("_has_begun", "_kept", "_size", "is_document")

    def __init__(self) -> None:
        self.is_document = False
        self._has_begun = False
        self._kept: list[bytes] = []
        self._size = 0

    @property
    def rest(self) -> bytes:
        """What has come of an event, or of the document, that is not whole yet."""
        return b"".join(self._kept)

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes, which are empty at the end; the events that are whole with them, in UTF-8.

        Raises EngineFailed for an event, or a document, that is larger than it may be.
        """
        if self._kept:
            # What is large comes in many pieces: they are put together once, not with each of them.
            if piece and self._has_begun and (self.is_document or b"\n" not in piece):
                self._keep(piece)
                return b""
            piece, is_last = self.rest + piece, not piece
            self._let_go()
        else:
            is_last = not piece
        content = piece if self._has_begun else self._begin(piece)
        if self.is_document:
            self._keep(content)
            return b""
        return self._whole(content, is_last=is_last) if content else b""

    def _whole(self, content: bytes, *, is_last: bool) -> bytes:
        """The events that are whole, or all there is at the end; what is not is kept."""
        if b"\r" in content:
            # Lines that end as on Windows; the half of a line's end may be in the next piece.
            content = content.replace(b"\r\n", b"\n")
        if not (is_last or content.endswith(_BLANK)):
            end = content.rfind(_BLANK) + len(_BLANK)
            if end < len(_BLANK):
                self._keep(content)
                return b""
            self._keep(content[end:])
            content = content[:end]
        return content if content.isascii() else _as_utf8(content)

    def _begin(self, content: bytes) -> bytes:
        """What has come without a mark and white space before it; empty as long as there is nothing else."""
        begin = b"" if _MARK.startswith(content) else content.removeprefix(_MARK).lstrip(_WHITE)
        if not begin and len(content) < len(_MARK):
            self._keep(content)  # of a mark of three bytes, some may have come
        self._has_begun = bool(begin)
        self.is_document = begin.startswith(b"{")
        return begin

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > _MOST_BUFFERED:
            raise EngineFailed("The engine sent an event that is larger than it may be.")
        self._kept.append(piece)

    def _let_go(self) -> None:
        self._kept = []
        self._size = 0


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
