import json
from pathlib import Path

import pytest

from readstone.core.errors import ConfigurationError
from readstone.desk.journal import Done, Journal, digest

ONE: Done = ("a.png", "1" * 64, "x")


def test_what_was_written_is_known_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "out" / "done.jsonl"
    with Journal(path) as journal:
        assert not journal.has(ONE)
        journal.write(ONE, {"content": {"total": "1"}})
    with Journal(path) as journal:
        assert journal.has(ONE)
        assert not journal.has(("a.png", "2" * 64, "x"))
        assert not journal.has(("a.png", "1" * 64, "y"))
    (line,) = path.read_text().splitlines()
    assert json.loads(line) == {
        "file": "a.png",
        "sha256": "1" * 64,
        "asked": "x",
        "content": {"total": "1"},
    }


def test_a_line_that_was_cut_short_is_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "done.jsonl"
    with Journal(path) as journal:
        journal.write(ONE, {})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"file":"b.png","sha')
    with Journal(path) as journal:
        assert journal.has(ONE)
        journal.write(("b.png", "2" * 64, "x"), {})
    assert path.read_bytes().startswith(whole)
    assert [json.loads(line)["file"] for line in path.read_text().splitlines()] == [
        "a.png",
        "b.png",
    ]


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b'{"file": "a"}\n', b"\xff\n"])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="line 1"), Journal(path):
        pass
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"), Journal(tmp_path):
        pass


def test_without_a_path_nothing_is_known_or_written() -> None:
    with Journal(None) as journal:
        journal.write(ONE, {})
        assert not journal.has(ONE)


def test_a_digest_tells_what_was_asked_apart() -> None:
    assert digest("a", "b") == digest("a", "b")
    assert digest("a", "b") != digest("ab", "")
