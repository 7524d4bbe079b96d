"""What every store promises, whichever it is."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from postgres import Postgres, started_postgres
from readstone.core.grant import Grant
from readstone.core.key import mint, rotate
from readstone.core.ledger import DAY_MILLISECONDS, Entry, Selection, Total
from readstone.core.limit import Limits
from readstone.store import Store
from readstone.store.memory import MemoryStore
from readstone.store.postgres import PostgresStore
from readstone.store.sqlite import SQLiteStore

ALL = Selection()
DAY = DAY_MILLISECONDS
NAMES = (f"contract{number}" for number in itertools.count())

ENTRY = Entry(
    request_id="req_1",
    key_id="invoices",
    route="/v1/chat/completions",
    status="ok",
    at=20_000 * DAY + 5,
    model="readstone-ocr",
    engine="reader",
    finish_reason="stop",
    prompt_tokens=700,
    completion_tokens=90,
    image_tokens=650,
    cached_tokens=3,
    reasoning_tokens=2,
    estimated=True,
    pages=2,
    images=1,
    ttft_ms=12,
    total_ms=340,
    queue_ms=1,
    cost=4_200,
)
DATE = date(2024, 10, 4)


@pytest.fixture(scope="module")
def postgres() -> Generator[Postgres]:
    with started_postgres() as started:
        yield started


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    found: Store
    if request.param == "memory":
        found = MemoryStore()
    elif request.param == "sqlite":
        found = SQLiteStore(tmp_path / "readstone.db")
        await found.open()
    else:
        server: Postgres = request.getfixturevalue("postgres")
        found = PostgresStore(server.database(next(NAMES)))
        await found.open()
    yield found
    await found.close()


async def test_a_key_is_found_as_it_was_added(store: Store) -> None:
    key, _ = mint("invoices", 5, Grant(("chat", "admin:keys"), expires_at=9), owner="Ada 発票")
    key, _ = rotate(key, former_until=7)

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


async def test_what_is_not_there_cannot_be_changed(store: Store) -> None:
    nobody, _ = mint("nobody", now=5)

    assert not await store.revoke_key(nobody.public_id, at=6)
    assert not await store.change_key(nobody)
    assert not await store.rotate_key(nobody)


async def test_a_change_keeps_the_secret_and_a_rotation_all_but_the_secret(store: Store) -> None:
    key, _ = mint("a", now=5)
    await store.add_key(key)
    changed = replace(key, name="b", owner="c", grant=Grant(("usage",), ("m",), Limits(3), 77))
    rotated, _ = rotate(key, former_until=9)

    assert await store.rotate_key(rotated)
    assert await store.change_key(changed)

    both = replace(rotated, name="b", owner="c", grant=changed.grant)
    assert await store.find_key(key.public_id) == both
    assert await store.list_keys() == (both,)


async def test_a_revoked_key_is_changed_no_more(store: Store) -> None:
    key, _ = mint("a", now=5)
    await store.add_key(key)
    await store.revoke_key(key.public_id, at=6)

    assert not await store.change_key(replace(key, name="b"))
    assert not await store.rotate_key(rotate(key, 0)[0])

    assert await store.find_key(key.public_id) == replace(key, revoked_at=6)


async def test_a_key_that_was_found_is_found_as_it_was_changed(store: Store) -> None:
    key, _ = mint("a", now=5)
    await store.add_key(key)

    for number in range(20):
        assert await store.find_key(key.public_id) == key
        key = replace(key, name=str(number))
        assert await store.change_key(key)

    assert await store.find_key(key.public_id) == key


async def test_text_of_any_kind_is_kept_as_text(store: Store) -> None:
    key, _ = mint("'; drop table keys; -- 発票", now=5)

    await store.add_key(key)

    assert await store.list_keys() == (key,)


async def test_the_models_of_a_key_are_kept(store: Store) -> None:
    limits = Limits(requests_per_minute=100, tokens_per_minute=0, budget_per_month=12_500_000)
    key, _ = mint("a", 5, Grant(models=("readstone-ocr", "Some/OCR-1B"), limits=limits))

    await store.add_key(key)

    assert await store.find_key(key.public_id) == key


async def test_an_entry_is_kept_as_it_was_appended(store: Store) -> None:
    await store.append([ENTRY])

    assert await store.entries(ALL, None, 10) == (ENTRY,)


async def test_an_entry_is_found_by_its_request(store: Store) -> None:
    await store.append([ENTRY])

    assert await store.entry(ENTRY.request_id) == ENTRY
    assert await store.entry("req_other") is None


async def test_nothing_is_appended_of_nothing(store: Store) -> None:
    await store.append([])

    assert await store.entries(ALL, None, 10) == ()
    assert await store.usage(ALL, ()) == ()


async def test_a_request_has_one_entry_and_counts_once(store: Store) -> None:
    await store.append([ENTRY, ENTRY])
    await store.append(
        [ENTRY._replace(status="failed", cost=7), ENTRY._replace(request_id="req_2")]
    )

    assert {entry.request_id for entry in await store.entries(ALL, None, 10)} == {"req_1", "req_2"}
    (total,) = await store.usage(ALL, ())
    assert (total.requests, total.failed, total.cost) == (2, 0, 8_400)


async def test_entries_appended_at_once_are_all_kept_once(store: Store) -> None:
    batches = [[ENTRY._replace(request_id=f"req_{n % 60}", key_id=f"k{n % 3}")] for n in range(120)]

    await asyncio.gather(*(store.append(batch) for batch in batches))

    assert len(await store.entries(ALL, None, 200)) == 60
    (total,) = await store.usage(ALL, ())
    assert total.requests == 60


async def test_totals_have_every_sum(store: Store) -> None:
    others = [
        ENTRY._replace(request_id=f"req_{status}", status=status)
        for status in ("refused", "failed", "left")
    ]
    await store.append([ENTRY, *others])

    assert await store.usage(ALL, ("day", "key", "model")) == (
        Total(
            day=DATE,
            key_id="invoices",
            model="readstone-ocr",
            requests=4,
            refused=1,
            failed=1,
            left=1,
            prompt_tokens=2800,
            completion_tokens=360,
            image_tokens=2600,
            cached_tokens=12,
            reasoning_tokens=8,
            pages=8,
            images=4,
            cost=16_800,
        ),
    )


async def test_totals_are_told_apart_as_asked(store: Store) -> None:
    await store.append(
        [
            ENTRY._replace(request_id="a"),
            ENTRY._replace(request_id="b", key_id="other"),
            ENTRY._replace(request_id="c", model="chat"),
            ENTRY._replace(request_id="d", at=ENTRY.at + DAY),
        ]
    )

    by_key = await store.usage(ALL, ("key",))
    by_model = await store.usage(ALL, ("model",))
    by_day = await store.usage(ALL, ("day",))

    assert [(total.key_id, total.requests) for total in by_key] == [("invoices", 3), ("other", 1)]
    assert [(total.model, total.requests) for total in by_model] == [
        ("chat", 1),
        ("readstone-ocr", 3),
    ]
    assert [(total.day, total.requests) for total in by_day] == [(DATE, 3), (date(2024, 10, 5), 1)]


async def test_usage_and_entries_are_selected_alike(store: Store) -> None:
    await store.append(
        [
            ENTRY._replace(request_id="a", at=20_000 * DAY - 1),
            ENTRY._replace(request_id="b", at=20_000 * DAY),
            ENTRY._replace(request_id="c", key_id="other"),
            ENTRY._replace(request_id="d", model="chat"),
            ENTRY._replace(request_id="e", at=20_001 * DAY - 1),
            ENTRY._replace(request_id="f", at=20_001 * DAY),
        ]
    )

    for selection, expected in (
        (Selection(since=DATE, until=DATE), {"b", "c", "d", "e"}),
        (Selection(key_id="other"), {"c"}),
        (Selection(key_id="invoices", model="chat"), {"d"}),
        (Selection(until=DATE, model="readstone-ocr"), {"a", "b", "c", "e"}),
        (Selection(key_id="nobody"), set[str]()),
    ):
        entries = await store.entries(selection, None, 10)
        assert {entry.request_id for entry in entries} == expected
        requests = sum(total.requests for total in await store.usage(selection, ("day",)))
        assert requests == len(expected)


@pytest.mark.parametrize("key_id", ["", "invoices"])
async def test_entries_are_paged_newest_first(store: Store, key_id: str) -> None:
    await store.append(
        [ENTRY._replace(request_id=f"req_{n}", at=ENTRY.at + n // 2) for n in range(7)]
    )
    selection = Selection(key_id=key_id)

    first = await store.entries(selection, None, 3)
    second = await store.entries(selection, first[-1].place, 3)
    third = await store.entries(selection, second[-1].place, 3)

    ids = [entry.request_id for entry in (*first, *second, *third)]
    assert ids == [f"req_{n}" for n in (6, 5, 4, 3, 2, 1, 0)]


async def test_pruned_entries_are_gone_but_still_counted(store: Store) -> None:
    await store.append([ENTRY._replace(request_id=f"req_{n}", at=ENTRY.at + n) for n in range(5)])
    before = await store.usage(ALL, ("day",))

    assert await store.prune(ENTRY.at + 3, most=2) == 2
    assert await store.prune(ENTRY.at + 3, most=2) == 1
    assert await store.prune(ENTRY.at + 3, most=2) == 0

    assert [e.request_id for e in await store.entries(ALL, None, 10)] == ["req_4", "req_3"]
    assert await store.usage(ALL, ("day",)) == before


async def test_entries_after_everything_was_pruned_are_counted(store: Store) -> None:
    await store.append([ENTRY])
    await store.prune(ENTRY.at + 1, most=10)

    await store.append([ENTRY._replace(request_id="req_2")])

    (total,) = await store.usage(ALL, ())
    assert total.requests == 2


async def test_a_key_named_in_any_script_is_selected(store: Store) -> None:
    name = "'; drop table ledger; -- 発票"
    await store.append([ENTRY._replace(key_id=name, model=name)])

    selection = Selection(key_id=name, model=name)

    assert len(await store.entries(selection, None, 10)) == 1
    assert (await store.usage(selection, ("key",)))[0].key_id == name
