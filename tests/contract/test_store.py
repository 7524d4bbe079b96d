"""What every store promises, whichever it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from readstone.core.key import mint
from readstone.store import Store
from readstone.store.memory import MemoryStore
from readstone.store.sqlite import SQLiteStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    found: Store
    if request.param == "memory":
        found = MemoryStore()
    else:
        found = SQLiteStore(tmp_path / "readstone.db")
        await found.open()
    yield found
    await found.close()


async def test_a_key_is_found_as_it_was_added(store: Store) -> None:
    key, _ = mint("invoices", now=5, admin=True)

    await store.add_key(key)

    assert await store.find_key(key.public_id) == key


async def test_a_key_that_was_never_added_is_not_found(store: Store) -> None:
    assert await store.find_key("nobody") is None


async def test_a_public_id_is_taken_once(store: Store) -> None:
    key, _ = mint("a", now=5)
    await store.add_key(key)

    with pytest.raises(ValueError, match=key.public_id):
        await store.add_key(key)


async def test_keys_are_listed_oldest_first(store: Store) -> None:
    keys = [mint(str(now), now=now)[0] for now in (3, 1, 2)]
    for key in keys:
        await store.add_key(key)

    assert [key.created_at for key in await store.list_keys()] == [1, 2, 3]


async def test_a_revoked_key_stays_revoked_since_the_first_time(store: Store) -> None:
    key, _ = mint("a", now=5)
    await store.add_key(key)

    assert await store.revoke_key(key.public_id, at=6)
    assert not await store.revoke_key(key.public_id, at=7)

    found = await store.find_key(key.public_id)
    assert found is not None
    assert found.revoked_at == 6


async def test_what_is_not_there_cannot_be_revoked(store: Store) -> None:
    assert not await store.revoke_key("nobody", at=6)


async def test_text_of_any_kind_is_kept_as_text(store: Store) -> None:
    key, _ = mint("'; drop table keys; -- 発票", now=5)

    await store.add_key(key)

    assert await store.list_keys() == (key,)


async def test_the_models_of_a_key_are_kept(store: Store) -> None:
    key, _ = mint("a", now=5, models=("readstone-ocr", "Some/OCR-1B"))

    await store.add_key(key)

    assert await store.find_key(key.public_id) == key
