"""`readstone read` and `readstone extract`, run as their users run them, on the documents of tests/data."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from e2e.pages import document, truth, word_f1
from e2e.server import readstone

pytestmark = pytest.mark.e2e

SCHEMA = '{"number": "Invoice number", "date": "Invoice date", "total": "Total"}'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with bills in it."""
    bills = tmp_path / "bills"
    bills.mkdir()
    (bills / "invoice.png").write_bytes(document("invoice.png"))
    (bills / "receipt.jpg").write_bytes(document("receipt.jpg"))
    return tmp_path


def run(desk: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return readstone(desk, *arguments, "--data-dir", "data")


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_file_is_read_to_stdout_and_nothing_else_is_said(desk: Path) -> None:
    done = run(desk, "read", "bills/receipt.jpg")
    assert (done.returncode, done.stderr) == (0, "")
    assert word_f1(done.stdout, truth("receipt.jpg")) >= 0.9


def test_a_folder_is_read_into_another_and_what_is_there_is_left_alone(desk: Path) -> None:
    assert run(desk, "read", "bills", "--as", "markdown", "--to", "texts").returncode == 0
    written = sorted(path.name for path in (desk / "texts").iterdir())
    assert written == ["invoice.png.md", "receipt.jpg.md"]
    assert "|" in (desk / "texts/invoice.png.md").read_text(encoding="utf-8")
    (desk / "texts/receipt.jpg.md").write_text("mine")
    assert run(desk, "read", "bills", "--as", "markdown", "--to", "texts").returncode == 0
    assert (desk / "texts/receipt.jpg.md").read_text() == "mine"


def test_values_are_printed_with_a_picture_of_where_they_stand(desk: Path) -> None:
    done = run(desk, "extract", "bills/invoice.png", "--schema", SCHEMA, "--overlay", "o.png")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert list(found) == ["number", "date", "total"]
    assert found["number"] == "INV-2025-0317"
    with Pillow.open(desk / "o.png") as picture:
        assert picture.size == Pillow.open(io.BytesIO(document("invoice.png"))).size


def test_a_run_over_a_folder_goes_on_where_it_was(desk: Path) -> None:
    (desk / "bills/broken.png").write_bytes(b"no image")
    command = ("extract", "bills", "--schema", SCHEMA, "--jsonl", "out.jsonl")
    first = run(desk, *command)
    assert first.returncode == 1
    assert "bills/broken.png: " in first.stderr
    assert "2 done, 0 were done before, 1 failed" in first.stderr
    assert first.stdout == ""
    written = lines(desk / "out.jsonl")
    assert [line["file"] for line in written] == ["bills/invoice.png", "bills/receipt.jpg"]
    assert list(written[0]["content"]) == ["number", "date", "total"]
    assert written[0]["fields"]["number"]["text"] == "INV-2025-0317"

    (desk / "bills/broken.png").write_bytes(document("screen.png"))
    second = run(desk, *command)
    assert second.returncode == 0
    assert "1 done, 2 were done before, 0 failed" in second.stderr
    assert lines(desk / "out.jsonl")[:2] == written
    assert len(lines(desk / "out.jsonl")) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("read", "nowhere.png"), "There is no file or folder nowhere.png."),
        (("read", "bills", "--model", "readston-ocr"), "Did you mean 'readstone-ocr'?"),
        (("extract", "bills", "--schema", "hm"), "There is no schema"),
        (("extract", "bills", "--schema", "gone.json"), "there is no file gone.json"),
        (("extract", "bills", "--schema", SCHEMA, "--overlay", "o.png"), "name a folder"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_read(
    desk: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = run(desk, *arguments)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_that_lacks_something_says_so(desk: Path) -> None:
    assert run(desk, "extract", "bills").returncode == 2
