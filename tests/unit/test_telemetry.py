"""The log's two forms."""

import asyncio
import io
import json
import logging

from readstone.telemetry import JSONFormatter, TextFormatter, Writer


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


def test_what_utf_8_cannot_hold_is_written_too() -> None:
    line = JSONFormatter().format(_record(path="/\udc80"))

    assert json.loads(line)["path"] == "/\udc80"


def test_a_line_from_outside_an_event_loop_is_written_at_once() -> None:
    stream = io.StringIO()
    Writer(stream).handle(_record())

    assert stream.getvalue() == "request\n"


async def test_lines_of_an_event_loop_are_written_together_and_soon() -> None:
    written = asyncio.Event()

    class Stream(io.StringIO):
        def flush(self) -> None:
            written.set()

    stream = Stream()
    writer = Writer(stream)
    writer.handle(_record())
    writer.handle(_record())
    assert not stream.getvalue()

    async with asyncio.timeout(10):
        await written.wait()
    assert stream.getvalue() == "request\nrequest\n"


async def test_trouble_is_written_at_once_after_what_waited() -> None:
    stream = io.StringIO()
    writer = Writer(stream)
    writer.handle(_record())
    trouble = _record()
    trouble.levelno, trouble.msg = logging.ERROR, "trouble"
    writer.handle(trouble)

    assert stream.getvalue() == "request\ntrouble\n"


async def test_what_waits_is_written_before_the_log_is_closed() -> None:
    stream = io.StringIO()
    writer = Writer(stream)
    writer.handle(_record())
    writer.flush()

    assert stream.getvalue() == "request\n"


class _Pipe(io.StringIO):
    """Remembers what was written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


async def test_no_write_of_several_lines_is_more_than_a_pipe_takes_whole() -> None:
    stream = _Pipe()
    writer = Writer(stream)
    writer.setFormatter(JSONFormatter())
    for number in range(40):
        writer.handle(_record(id=f"req_{number}", note="x" * 500))
    writer.handle(_record(id="long", note="x" * 9000))
    writer.flush()

    assert all(len(text) <= 4096 or text.count("\n") == 1 for text in stream.writes)
    assert len(stream.writes) < 12
    ids = [json.loads(line)["id"] for line in stream.getvalue().splitlines()]
    assert ids == [*(f"req_{number}" for number in range(40)), "long"]
