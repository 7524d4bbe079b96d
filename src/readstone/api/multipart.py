"""Forms: a multipart body becomes fields as it arrives, and is never held past their limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Receive

from readstone.core.errors import ClientClosed, InvalidRequest, TooLarge
from readstone.serving.intake import Reservation

_STEP: Final = 1024 * 1024
"""Room is taken in steps of this many bytes for a body that does not declare its length."""
_PARTS: Final = 32
_HEADERS: Final = 8
_HEADER_BYTES: Final = 2048
_NAME: Final = 80
"""Characters of an unknown field's name that are told."""
_PLAIN: Final = frozenset({"", "binary", "8bit", "7bit"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it was sent: `size` bytes, and their `content` unless that is more than its limit.

    `is_file` says that it has a file name.
    """

    name: str
    content: bytes
    size: int
    is_file: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing was sent in it, as browsers do for a file that nobody chose."""
        return not self.size and not self.is_file


@dataclass(frozen=True, slots=True)
class FormLimits:
    """The bytes of a whole body, and the most that is kept of each field by its name."""

    body_bytes: int
    field_bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FormHead:
    """What a request's headers say of its form."""

    content_type: bytes | None
    content_length: bytes | None


async def read_form(
    receive: Receive, head: FormHead, limits: FormLimits, reservation: Reservation
) -> tuple[Field, ...]:
    """The fields of a form in the order they were sent, held by `reservation`.

    A body that declares more than its limit is refused before anything is read, another as soon as it is over: TooLarge.
    InvalidRequest for what is not a form, Overloaded where the server has no room, ClientClosed where the client
    leaves in the middle.
    """
    form = _Form(_boundary(head.content_type), limits)
    if head.content_length is not None:
        await reservation.resize(_length(head.content_length, limits.body_bytes))
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientClosed
        piece = message.get("body", b"")
        size += len(piece)
        if size > limits.body_bytes:
            raise _too_large(limits.body_bytes)
        if size > reservation.size:
            await reservation.resize(min(size + _STEP, limits.body_bytes))
        form.feed(piece)
        more = message.get("more_body", False)
    return form.end()


class _Form:
    """Takes the pieces of a body in, and keeps of each field what its limit allows."""

    def __init__(self, boundary: bytes, limits: FormLimits) -> None:
        self._limits = limits.field_bytes
        self._fields: list[Field] = []
        self._headers: dict[bytes, bytes] = {}
        self._header = self._value = b""
        self._name = ""
        self._is_file = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open,
                    "on_part_data": self._take,
                    "on_part_end": self._close,
                    "on_end": self._end,
                },
                max_header_count=_HEADERS,
                max_header_size=_HEADER_BYTES,
            )
        except FormParserError as error:
            raise _broken() from error

    def feed(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _broken() from error

    def end(self) -> tuple[Field, ...]:
        if not self._ended:
            raise _broken()
        return tuple(self._fields)

    def _begin(self) -> None:
        if len(self._fields) == _PARTS:
            raise InvalidRequest(f"The form has more than {_PARTS} fields.", code="invalid_value")
        self._headers = {}

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _open(self) -> None:
        kind, options = parse_options_header(
            self._headers.get(b"content-disposition", b"").decode("latin-1")
        )
        if kind != b"form-data" or b"name" not in options:
            raise _broken()
        encoding = self._headers.get(b"content-transfer-encoding", b"").decode("latin-1")
        self._name = options[b"name"].decode(errors="replace")
        if encoding.strip().lower() not in _PLAIN:
            raise InvalidRequest(
                f"The form field '{self._name[:_NAME]}' has a Content-Transfer-Encoding, which forms do not "
                "have (RFC 7578): send its bytes as they are.",
                param=self._name[:_NAME],
                code="invalid_value",
            )
        if self._name not in self._limits:
            raise InvalidRequest(
                f"There is no form field '{self._name[:_NAME]}' here; known are: "
                f"{', '.join(self._limits)}.",
                param=self._name[:_NAME],
                code="unsupported_parameter",
            )
        self._is_file = bool(options.get(b"filename"))
        self._pieces, self._size = [], 0

    def _take(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._size <= self._limits[self._name]:
            self._pieces.append(data[start:end])
        else:
            self._pieces.clear()  # it is over its limit: how long it is may still be told

    def _close(self) -> None:
        content = b"".join(self._pieces)
        self._pieces.clear()
        self._fields.append(Field(self._name, content, self._size, self._is_file))

    def _end(self) -> None:
        self._ended = True


def _boundary(content_type: bytes | None) -> bytes:
    kind, options = parse_options_header((content_type or b"").decode("latin-1"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidRequest(
            "The body must be a form: send 'Content-Type: multipart/form-data' with its boundary, as "
            "'curl -F' does.",
            code="invalid_form",
        )
    return options[b"boundary"]


def _length(declared: bytes, limit: int) -> int:
    if not declared.isdigit():
        raise InvalidRequest("The Content-Length header is not a number.")
    length = int(declared[:20])
    if length > limit:
        raise _too_large(limit)
    return length


def _broken() -> InvalidRequest:
    return InvalidRequest("The form is broken or cut short.", code="invalid_form")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The form is over the limit of {limit} bytes.")
