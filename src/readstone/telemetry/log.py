"""The log: one line per event on stderr, as JSON for machines or as text on a terminal; never content."""

import asyncio
import contextlib
import json
import logging
import select
import sys
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal, TextIO, TypeAlias

import msgspec

LogFormat: TypeAlias = Literal["auto", "json", "text"]
LogValue: TypeAlias = str | int | float | bool | None

REQUEST_EVENT: Final = "request"
"""The event of a request's line."""

LOGGER = logging.getLogger("readstone")

_ENCODER = msgspec.json.Encoder()
_PLACELESS: Final[dict[str, object]] = {
    **vars(logging.LogRecord(LOGGER.name, logging.INFO, "", 0, "", (), None)),
    "fields": None,
}
"""What every record of ours has."""


class Event(logging.LogRecord):
    """A record of one of our events, made with what its line needs: every request has one."""

    def __init__(self, event: str, fields: dict[str, LogValue]) -> None:
        # Not logging's own constructor, which looks up the place in the source, the thread and the process.
        record = self.__dict__ = _PLACELESS.copy()
        record["created"] = now = time.time()
        record["msecs"] = now % 1.0 * 1000.0
        record["msg"] = event
        record["fields"] = fields


def log(event: str, /, **fields: LogValue) -> None:
    """Write one event. Fields hold ids, counts and times: never prompts, images or page text."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.handle(Event(event, fields))


def log_request(fields: dict[str, LogValue]) -> None:
    """Write the line of a request; the dictionary is kept until that is done."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.handle(Event(REQUEST_EVENT, fields))


def log_trouble(event: str, /, **fields: LogValue) -> None:
    """Write an event that somebody should look at."""
    LOGGER.error(event, extra={"fields": fields})


def log_bug(error: BaseException, **fields: LogValue) -> None:
    """Write an exception that should not have happened, with its traceback."""
    LOGGER.error("unexpected error", exc_info=error, extra={"fields": fields})


def start_logging(log_format: LogFormat, *, trouble_only: bool = False) -> None:
    """Send the log, or its trouble only, to stderr; `auto` means text on a terminal and JSON elsewhere."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    # Nothing of our lines: looking them up costs as much as the rest of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = Writer(sys.stderr)
    handler.setFormatter(TextFormatter() if as_text else JSONFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    LOGGER.setLevel(logging.ERROR if trouble_only else logging.INFO)


class Writer(logging.Handler):
    """Writes lines to a stream: those of one round of an event loop together, trouble and lines from elsewhere at once."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[str] = []
        self._waits_in: asyncio.AbstractEventLoop | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record, soon: without the lock that handlers take, for lists grow in one step."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, soon."""
        try:
            self._lines.append(self.format(record))
            loop = _running_loop() if record.levelno <= logging.INFO else None
            if loop is None:
                self.flush()
            elif self._waits_in is not loop:
                self._waits_in = loop
                loop.call_soon(self._flush_due)
        except Exception:  # noqa: BLE001  (as every handler of logging: a log that fails breaks nothing else)
            self.handleError(record)

    def flush(self) -> None:
        """Write what waits."""
        with self.lock or contextlib.nullcontext():
            lines, self._lines = self._lines, []
            for piece in _pieces(lines):
                self._stream.write(piece)
                self._stream.flush()

    def _flush_due(self) -> None:
        self._waits_in = None
        self.flush()


def _pieces(lines: Sequence[str]) -> Iterator[str]:
    """The lines, together as far as a pipe takes them at once: lines of processes that share it then do not mix."""
    piece: list[str] = []
    size = 0
    for line in lines:
        # Of what is not ASCII no more is sure than this.
        length = len(line) + 1 if line.isascii() else 4 * len(line) + 1
        if piece and size + length > select.PIPE_BUF:
            yield "".join(piece)
            piece, size = [], 0
        piece.append(f"{line}\n")
        size += length
    if piece:
        yield "".join(piece)


class JSONFormatter(logging.Formatter):
    """One JSON object per line: time (UTC, ISO 8601), level, event, then the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record; an exception becomes one string member."""
        fields = _fields(record)
        if record.exc_info:
            fields = {**fields, "exception": self.formatException(record.exc_info)}
        try:
            written = _ENCODER.encode(fields).decode()
        except UnicodeEncodeError:  # half a surrogate pair, which UTF-8 cannot hold
            written = json.dumps(fields)
        opening = _opening(record.levelname, record.getMessage())
        return f'{{"time":"{_moment(record)}",{opening}{"," if fields else ""}{written[1:]}'


class TextFormatter(logging.Formatter):
    """One readable line: time, event, then `name=value` pairs."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record; an exception follows on its own lines."""
        pairs = "".join(
            f" {name}={_shown(value)}"
            for name, value in _fields(record).items()
            if value is not None
        )
        level = "" if record.levelno <= logging.INFO else f" {record.levelname.lower()}"
        line = f"{_moment(record)[11:19]}{level} {record.getMessage()}{pairs}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _shown(value: LogValue) -> str:
    """The value on one line, whatever a client put into it."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def _fields(record: logging.LogRecord) -> dict[str, LogValue]:
    return getattr(record, "fields", {})


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _moment(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.msecs):03d}Z"


@lru_cache(maxsize=64)
def _opening(level: str, event: str) -> str:
    """The members of a line that say what it is about."""
    return f'"level":{json.dumps(level.lower())},"event":{json.dumps(event)}'


@lru_cache(maxsize=1)
def _second(time_of_day: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_of_day))
