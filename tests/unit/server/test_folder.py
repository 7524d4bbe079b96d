"""The folder of a server's processes: one for each server that lives, none of those that were killed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from readstone.server.folder import Folder

_HOLD = """
from readstone.server.folder import Folder
folder = Folder.make()
(folder.path / "0.board").write_bytes(b"x")
print(folder.path, flush=True)
input()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_there_for_its_owner_alone_until_it_is_removed(place: Path) -> None:
    folder = Folder.make()

    assert folder.path.parent == place
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.remove()
    assert list(place.iterdir()) == []


def test_one_of_a_server_that_lives_stays_and_one_of_a_killed_server_goes(place: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(place)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD], env=environment, stdin=pipe, stdout=pipe, text=True
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        ours = Folder.make()
        assert sorted(place.iterdir()) == sorted((theirs, ours.path))
        other.send_signal(signal.SIGKILL)

    assert theirs.exists()
    after = Folder.make()
    assert sorted(place.iterdir()) == sorted((ours.path, after.path))
    for folder in (ours, after):
        folder.remove()


def test_nothing_else_is_touched(place: Path) -> None:
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (place / "readstone-server-link").symlink_to(elsewhere)
    (place / "readstone-server-file").touch()
    (place / "readstone-else").mkdir()
    before = sorted(place.iterdir())

    Folder.make().remove()

    assert sorted(place.iterdir()) == before
