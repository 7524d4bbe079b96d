"""What a server tells about itself: its log, its metrics and its traces; never content."""

from readstone.telemetry.log import (
    LOGGER,
    REQUEST_EVENT,
    JSONFormatter,
    LogFormat,
    LogValue,
    TextFormatter,
    Writer,
    log,
    log_bug,
    log_request,
    log_trouble,
    start_logging,
)

__all__ = [
    "LOGGER",
    "REQUEST_EVENT",
    "JSONFormatter",
    "LogFormat",
    "LogValue",
    "TextFormatter",
    "Writer",
    "log",
    "log_bug",
    "log_request",
    "log_trouble",
    "start_logging",
]
