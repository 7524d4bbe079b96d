"""The requests of a connection, read from its bytes as they come."""

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

import httptools
from starlette.types import Scope

from readstone.api.call import Call
from readstone.core.errors import InvalidRequest

_HEAD_BYTES: Final = 65_536
"""Bytes of the head of a request, and of whatever else comes without any of its body: its trailer, say."""
_UPGRADE: Final = frozenset({b"connection", b"upgrade", b"http2-settings"})
"""Headers of one connection that ask for another protocol on it."""


class RequestReader:
    """Tells `begin` of each request as soon as its head is there, and the call that it gives back of the body.

    `begin` is called with the scope (ASGI 3.0), whether the client keeps the connection after it, and whether it waits
    to be asked for the body. `ends` are what the scope says of the connection's two ends.
    """

    __slots__ = (
        "_begin",
        "_call",
        "_dry_bytes",
        "_ends",
        "_expects",
        "_fields",
        "_hosts",
        "_parser",
        "_piece_bytes",
        "_url",
        "is_in_head",
    )

    def __init__(self, begin: Callable[[Scope, bool, bool], Call], ends: Scope) -> None:
        self.is_in_head = False
        """Whether the head of a request has come in part."""
        self._begin = begin
        self._ends = ends
        self._parser = self._new_parser()
        self._call: Call | None = None
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._expects = False
        self._hosts = 0
        self._dry_bytes = 0
        """How much has come since the last of a body, or since a message began."""
        self._piece_bytes = 0
        """How much came at once, last."""

    def feed(self, data: bytes) -> None:
        """Read on; InvalidRequest where nothing more can be read after that."""
        self._piece_bytes = len(data)
        self._dry_bytes += self._piece_bytes
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if isinstance(known := error.__context__, InvalidRequest):
                raise known from None
            raise InvalidRequest("This is not HTTP/1.1 as this server reads it.") from error
        if self._dry_bytes > _HEAD_BYTES:
            raise _too_long()

    def close(self) -> None:
        """Nothing more will come: let go of what refers back to the connection."""
        del self._parser, self._begin
        self._call = None

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request begins."""
        self.is_in_head = True
        self._dry_bytes = 0
        self._url = b""
        self._fields = []
        self._expects = False
        self._hosts = 0

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one of the trailer is left out."""
        if self.is_in_head:
            name = name.lower()
            self._fields.append((name, value))
            if name == b"host":
                self._hosts += 1
            elif name == b"expect" and value.lower() == b"100-continue":
                self._expects = True

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self.is_in_head = False
        parser = self._parser
        if parser.should_upgrade():
            return  # it is read again, see `_stay`
        version = parser.get_http_version()
        self._check(version)
        keeps = version == "1.1" and parser.should_keep_alive()
        self._call = self._begin(self._scope(version), keeps, self._expects)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._dry_bytes = 0
        if self._call is not None:
            self._call.take(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._dry_bytes = 0
        if self._call is not None and not self._parser.should_upgrade():
            self._call.end_body()

    def _check(self, version: str) -> None:
        """Refuse what RFC 9112 does not let pass (3.2): a proxy before us could take it for another host's."""
        if self._hosts > 1 or (not self._hosts and version == "1.1"):
            raise InvalidRequest(
                f"A request has one Host header (HTTP/1.1); this one has {self._hosts}."
            )
        # What comes at once is not counted as it comes.
        if self._piece_bytes > _HEAD_BYTES and self._head_bytes() > _HEAD_BYTES:
            raise _too_long()

    def _head_bytes(self) -> int:
        return len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._fields)

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What comes behind a request that closes the connection is not read, and no reason not to answer that one.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _stay(self, rest: bytes) -> None:
        """Read a request that asks for another protocol as if it did not: it is answered in this one (RFC 9110, 7.8).

        The parser would leave its body out.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            raise InvalidRequest("This server is no proxy.")
        fields = [b"%b: %b\r\n" % pair for pair in self._fields if pair[0] not in _UPGRADE]
        head = b"%b %b HTTP/1.1\r\n%b\r\n" % (method, self._url, b"".join(fields))
        self._parser = self._new_parser()
        self.feed(head + rest)

    def _scope(self, version: str) -> Scope:
        url = self._url
        raw_path, query = url, b""
        if not url.startswith(b"/") or b"?" in url or b"#" in url:
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path or b"/", parsed.query or b""
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self._fields,
            **self._ends,
        }


def _too_long() -> InvalidRequest:
    return InvalidRequest(
        f"The head and the trailer of a request have at most {_HEAD_BYTES} bytes each."
    )
