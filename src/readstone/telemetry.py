"""The log: one line per event on stderr, as JSON for machines or as text on a terminal; never content."""

import json
import logging
import sys
import time
from typing import Literal, TypeAlias

LogFormat: TypeAlias = Literal["auto", "json", "text"]
LogValue: TypeAlias = str | int | float | bool | None

LOGGER = logging.getLogger("readstone")


def log(event: str, /, **fields: LogValue) -> None:
    """Write one event. Fields hold ids, counts and times: never prompts, images or page text."""
    LOGGER.info(event, extra={"fields": fields})


def log_trouble(event: str, /, **fields: LogValue) -> None:
    """Write an event that somebody should look at."""
    LOGGER.error(event, extra={"fields": fields})


def log_bug(error: BaseException, **fields: LogValue) -> None:
    """Write an exception that should not have happened, with its traceback."""
    LOGGER.error("unexpected error", exc_info=error, extra={"fields": fields})


def start_logging(log_format: LogFormat) -> None:
    """Send the log to stderr; `auto` means text on a terminal and JSON elsewhere."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormatter() if as_text else JSONFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    LOGGER.setLevel(logging.INFO)


class JSONFormatter(logging.Formatter):
    """One JSON object per line: time (UTC, ISO 8601), level, event, then the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record; an exception becomes one string member."""
        entry: dict[str, LogValue] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


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


def _moment(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"
