"""The log's two forms."""

import json
import logging

from readstone.telemetry import JSONFormatter, TextFormatter


def _record(**fields: object) -> logging.LogRecord:
    record = logging.LogRecord("readstone", logging.INFO, __file__, 1, "request", (), None)
    record.__dict__["fields"] = fields
    return record


def test_a_json_line_is_one_object_with_the_events_fields() -> None:
    line = JSONFormatter().format(_record(id="req_1", status=200, key=None))

    entry = json.loads(line)
    assert "\n" not in line
    assert (entry["event"], entry["level"], entry["id"], entry["status"]) == (
        "request",
        "info",
        "req_1",
        200,
    )


def test_a_text_line_leaves_out_what_is_not_known() -> None:
    line = TextFormatter().format(_record(id="req_1", key=None))

    assert line.endswith("request id=req_1")


def test_an_exception_is_part_of_its_line() -> None:
    record = _record()
    error = KeyError("inner")
    record.exc_info = (KeyError, error, None)

    assert "KeyError" in json.loads(JSONFormatter().format(record))["exception"]
    assert "KeyError" in TextFormatter().format(record)


def test_a_value_cannot_begin_a_line_of_its_own() -> None:
    line = TextFormatter().format(_record(path="/v1\n12:00:00 forged"))

    assert "\n" not in line
