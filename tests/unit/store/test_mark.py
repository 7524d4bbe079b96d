"""The mark of keys: another one after each change, whoever is killed on the way."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from readstone.core.errors import StoreUnavailable
from readstone.core.key import Key, mint
from readstone.store.kept import CHANGING, KeptKeys
from readstone.store.mark import Mark
from readstone.store.sqlite import SQLiteStore

KEY = mint("a", now=1)[0]


@pytest.fixture
def marks(tmp_path: Path) -> tuple[Mark, Mark]:
    pair = Mark(tmp_path / "mark"), Mark(tmp_path / "mark")
    for mark in pair:
        mark.open()
    return pair


def test_all_see_one_mark_and_another_after_each_change(marks: tuple[Mark, Mark]) -> None:
    seen = {marks[0].value}
    for number in range(50):
        with marks[number % 2].changing():
            assert [mark.value for mark in marks] == [CHANGING, CHANGING]
        assert marks[0].value == marks[1].value
        seen.add(marks[0].value)

    assert len(seen) == 51
    assert CHANGING not in seen


def test_a_change_that_fails_leaves_another_mark_too(marks: tuple[Mark, Mark]) -> None:
    before = marks[0].value

    with pytest.raises(ValueError, match="no"), marks[0].changing():
        raise ValueError("no")

    assert marks[1].value not in {before, CHANGING}


def test_a_process_that_is_killed_in_a_change_leaves_nothing_that_may_be_trusted(
    tmp_path: Path, marks: tuple[Mark, Mark]
) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from readstone.store.mark import Mark\n"
        "mark = Mark(Path(sys.argv[1])); mark.open()\n"
        "with mark.changing(): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "mark"], check=False, timeout=60
    )

    assert killed.returncode == -signal.SIGKILL
    assert marks[0].value == CHANGING
    with marks[1].changing():
        pass
    assert marks[0].value != CHANGING


def test_the_next_start_mends_what_a_killed_process_left(
    tmp_path: Path, marks: tuple[Mark, Mark]
) -> None:
    (tmp_path / "mark").write_bytes(bytes(8))
    assert marks[0].value == CHANGING

    third = Mark(tmp_path / "mark")
    third.open()

    assert marks[0].value == third.value != CHANGING


def test_the_file_is_for_its_owner_only(tmp_path: Path, marks: tuple[Mark, Mark]) -> None:
    del marks
    assert (tmp_path / "mark").stat().st_mode & 0o077 == 0


def test_what_was_found_is_kept_for_one_mark_and_a_minute() -> None:
    now = 0.0
    kept = KeptKeys(lambda: now)
    assert kept.find(KEY.public_id, 7) is None
    kept.keep(KEY, 7)

    assert kept.find(KEY.public_id, 7) is KEY
    now = 61.0
    assert kept.find(KEY.public_id, 7) is None
    kept.keep(KEY, 7)
    assert kept.find(KEY.public_id, 8) is None
    assert kept.find(KEY.public_id, 7) is None


def test_what_was_looked_up_under_an_older_mark_is_not_kept() -> None:
    kept = KeptKeys()
    kept.find(KEY.public_id, 8)
    kept.keep(KEY, 7)

    assert kept.find(KEY.public_id, 8) is None


def test_nothing_is_kept_while_keys_are_changed() -> None:
    kept = KeptKeys()
    kept.find(KEY.public_id, CHANGING)
    kept.keep(KEY, CHANGING)

    assert kept.find(KEY.public_id, CHANGING) is None


def test_what_is_kept_is_bounded() -> None:
    kept = KeptKeys()
    kept.find("", 7)
    for number in range(10_001):
        kept.keep(replace(KEY, public_id=str(number)), 7)

    assert [kept.find(str(number), 7) is None for number in (0, 9_999, 10_000)] == [
        True,
        True,
        False,
    ]


async def _opened(path: Path) -> SQLiteStore:
    store = SQLiteStore(path)
    await store.open()
    return store


async def test_a_key_is_looked_up_once_until_one_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, other = await _opened(tmp_path / "db"), await _opened(tmp_path / "db")
    await server.add_key(KEY)
    asked: list[str] = []
    execute = server._execute  # pyright: ignore[reportPrivateUsage]

    async def counted(connection: object, name: str, values: object) -> object:
        asked.append(name)
        return await execute(connection, name, values)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(server, "_execute", counted)

    for _ in range(100):
        assert await server.find_key(KEY.public_id) == KEY
    assert asked == ["find_key"]

    key = KEY
    for number in range(100):
        key = replace(key, name=str(number))
        await other.change_key(key)
        assert await server.find_key(key.public_id) == key
    assert len(asked) == 101
    for store in (server, other):
        await store.close()


def _revoke(store: SQLiteStore) -> Coroutine[Any, Any, bool]:
    return store.revoke_key(KEY.public_id, 5)


def _rotate(store: SQLiteStore) -> Coroutine[Any, Any, bool]:
    return store.rotate_key(replace(KEY, secret_hash=bytes(31) + b"1"))


def _rename(store: SQLiteStore) -> Coroutine[Any, Any, bool]:
    return store.change_key(replace(KEY, name="b"))


@pytest.mark.parametrize("change", [_revoke, _rotate, _rename])
async def test_a_change_that_runs_beside_lookups_is_never_missed(
    tmp_path: Path, change: Callable[[SQLiteStore], Coroutine[Any, Any, bool]]
) -> None:
    server, other = await _opened(tmp_path / "db"), await _opened(tmp_path / "db")
    await server.add_key(KEY)

    looking = [asyncio.ensure_future(server.find_key(KEY.public_id)) for _ in range(50)]
    changing = asyncio.create_task(change(other))
    found: Key | None = KEY
    while not changing.done():
        found = await server.find_key(KEY.public_id)
        await asyncio.sleep(0)
    await asyncio.gather(*looking)

    found = await server.find_key(KEY.public_id)
    assert found is not None
    assert found != KEY
    for store in (server, other):
        await store.close()


async def test_a_mark_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await _opened(tmp_path / "db")
    await store.add_key(KEY)

    def full(*args: object) -> int:
        del args
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StoreUnavailable):
        await store.revoke_key(KEY.public_id, 5)
    monkeypatch.undo()

    assert await store.list_keys() == (KEY,)
    await store.close()
