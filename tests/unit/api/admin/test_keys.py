"""The admin API of keys, through the door."""

import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.routing import Router

from readstone.api.admin.keys import KeyAdministration
from readstone.api.http import Door
from readstone.core.errors import ModelNotFound
from readstone.core.grant import Grant
from readstone.core.key import Key, mint, opens, parse
from readstone.core.limit import Limits
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.serving.intake import Intake
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore
from unit.api.asgi import PATIENCE, Call, ask

NOW = 1_700_000_000
KEYS = "/v1/admin/keys"
SECRETS = ("secret_hash", "former_hash", "hash", "secret")
NARROW = Grant(("chat", "admin:keys"), ("ocr",), Limits(requests_per_minute=10), 2**33)


def find_model(name: str) -> Model:
    if name != "ocr":
        raise ModelNotFound(f"There is no model '{name}'.", param="model")
    return Model("ocr", "ocr", "reader", KIND_DEFAULTS["ocr"], 1)


class Office:
    """The routes over a store, asked with a key of its own."""

    def __init__(self, store: MemoryStore, written: str) -> None:
        self.store = store
        self._door = self._opened(PATIENCE)
        self._written = written

    def _opened(self, body_seconds: float) -> Door:
        administration = KeyAdministration(
            self.store, find_model, Intake(10**6, 1.0), lambda: NOW, body_seconds=body_seconds
        )
        router = Router(administration.routes(), redirect_slashes=False)
        return Door(router, Authenticator(self.store))

    async def begin(self, path: str, *, seconds: float) -> Call:
        """A request of which no more comes than its head; its body has so long."""
        headers = {
            "authorization": f"Bearer {self._written}",
            "content-length": "100",
            "expect": "100-continue",  # so that nobody waits for the rest after the answer
        }
        return await ask(
            self._opened(seconds), path, method="POST", headers=headers, pieces=(), stalls=True
        )

    async def ask(self, method: str, path: str, body: Any = None, query: str = "") -> Call:
        content = b"" if body is None else json.dumps(body).encode()
        return await ask(
            self._door,
            path,
            method=method,
            headers={
                "authorization": f"Bearer {self._written}",
                "content-length": str(len(content)),
            },
            pieces=(content,),
            extra={"query_string": query.encode()},
        )

    async def make(self, **body: Any) -> dict[str, Any]:
        call = await self.ask("POST", KEYS, body)
        assert call.status == 200, call.body
        return call.json


async def office(grant: Grant) -> Office:
    store = MemoryStore()
    key, written = mint("office", 0, grant)
    await store.add_key(key)
    return Office(store, written)


@pytest.fixture
async def boss() -> Office:
    return await office(Grant(("api", "admin")))


@pytest.fixture
async def clerk() -> Office:
    return await office(NARROW)


async def kept(office: Office, public_id: str) -> Key:
    key = await office.store.find_key(public_id)
    assert key is not None
    return key


def assert_refused(call: Call, status: int, param: str | None) -> None:
    assert (call.status, call.error["param"]) == (status, param), call.body


async def test_a_key_is_made_and_told_once(boss: Office) -> None:
    made = await boss.make(name="bills")

    parts = parse(made.pop("key"))
    assert parts is not None
    assert made == {
        "id": parts[0],
        "object": "key",
        "name": "bills",
        "owner": "",
        "state": "active",
        "scopes": ["api"],
        "models": [],
        "limits": dict.fromkeys(
            (
                "requests_per_minute",
                "tokens_per_minute",
                "pages_per_day",
                "concurrency",
                "budget_per_month",
            )
        ),
        "created_at": NOW,
        "expires_at": None,
        "revoked_at": None,
    }
    assert opens(await kept(boss, parts[0]), parts[1], NOW)
    shown = await boss.ask("GET", f"{KEYS}/{parts[0]}")
    assert shown.json == made
    assert parts[1] not in shown.body.decode()


async def test_no_cache_may_keep_a_new_key(boss: Office) -> None:
    made = await boss.ask("POST", KEYS, {"name": "a"})
    rotated = await boss.ask("POST", f"{KEYS}/{made.json['id']}/rotate")

    assert made.headers["cache-control"] == rotated.headers["cache-control"] == "no-store"


async def test_a_key_is_made_with_all_that_is_said_of_it(boss: Office) -> None:
    made = await boss.make(
        name="bills",
        owner="Ada",
        scopes=["usage", "chat"],
        models=["ocr", "Qwen/*", "ocr"],
        limits={"requests_per_minute": 5, "budget_per_month": 12.5},
        expires_at=NOW + 1,
    )

    assert (made["owner"], made["scopes"], made["models"]) == (
        "Ada",
        ["chat", "usage"],
        ["ocr", "Qwen/*"],
    )
    assert made["limits"]["budget_per_month"] == 12.5
    assert (await kept(boss, made["id"])).grant == Grant(
        ("chat", "usage"),
        ("ocr", "Qwen/*"),
        Limits(requests_per_minute=5, budget_per_month=12_500_000),
        NOW + 1,
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\u0000"}, "name"),
        ({"name": "a" * 201}, "name"),
        ({"name": "a", "scope": ["chat"]}, "scope"),
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": ["chta"]}, "scopes"),
        ({"name": "a", "scopes": "chat"}, "scopes"),
        ({"name": "a", "models": ["orc"]}, "models"),
        ({"name": "a", "models": [""]}, "models[0]"),
        ({"name": "a", "limits": {"rpm": 1}}, "limits.rpm"),
        ({"name": "a", "limits": {"concurrency": -1}}, "limits.concurrency"),
        ({"name": "a", "expires_at": NOW}, "expires_at"),
        ({"name": "a", "expires_at": "2027-01-01"}, "expires_at"),
        ([], None),
    ],
)
async def test_what_is_wrong_with_a_key_is_told_by_its_field(
    boss: Office, body: Any, param: str | None
) -> None:
    assert_refused(await boss.ask("POST", KEYS, body), 400, param)


async def test_a_body_that_is_too_large_is_refused(boss: Office) -> None:
    call = await boss.ask("POST", KEYS, {"name": "a" * 300_000})

    assert (call.status, call.error["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("grant", [Grant(), Grant(("api", "admin:usage", "metrics"))])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", KEYS),
        ("POST", KEYS),
        ("GET", f"{KEYS}/x"),
        ("PATCH", f"{KEYS}/x"),
        ("DELETE", f"{KEYS}/x"),
        ("POST", f"{KEYS}/x/rotate"),
    ],
)
async def test_a_key_without_the_scope_sees_and_does_nothing(
    grant: Grant, method: str, path: str
) -> None:
    call = await (await office(grant)).ask(method, path, {"name": "a"})

    assert (call.status, call.error["code"]) == (403, "insufficient_scope")


async def test_a_key_gives_what_it_has(clerk: Office) -> None:
    made = await clerk.make(
        name="a",
        scopes=["chat"],
        models=["ocr"],
        limits={"requests_per_minute": 10},
        expires_at=NOW + 9,
    )

    assert made["scopes"] == ["chat"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"scopes": ["admin"]}, "scopes"),
        ({"scopes": ["api"]}, "scopes"),
        ({"models": []}, "models"),
        ({"models": ["*"]}, "models"),
        ({"limits": {}}, "limits.requests_per_minute"),
        ({"limits": {"requests_per_minute": 0}}, "limits.requests_per_minute"),
        ({"expires_at": None}, "expires_at"),
        ({"expires_at": 2**33 + 1}, "expires_at"),
    ],
)
async def test_a_key_gives_nothing_that_it_has_not(
    clerk: Office, more: dict[str, Any], param: str
) -> None:
    least = {
        "name": "a",
        "scopes": ["chat"],
        "models": ["ocr"],
        "limits": {"requests_per_minute": 1},
        "expires_at": NOW + 9,
    }
    made = await clerk.make(**least)

    assert_refused(await clerk.ask("POST", KEYS, least | more), 403, param)
    if more != {"limits": {}}:  # in a change it says nothing
        assert_refused(await clerk.ask("PATCH", f"{KEYS}/{made['id']}", more), 403, param)


async def test_a_key_has_no_way_to_become_a_greater_one(clerk: Office) -> None:
    great, _ = mint("great", 0, Grant(("admin",)))
    await clerk.store.add_key(great)
    path = f"{KEYS}/{great.public_id}"

    assert_refused(await clerk.ask("PATCH", path, {"name": "mine"}), 403, "scopes")
    assert_refused(await clerk.ask("POST", f"{path}/rotate"), 403, "scopes")
    assert await kept(clerk, great.public_id) == great
    assert (await clerk.ask("DELETE", path)).status == 200


async def test_a_change_leaves_what_it_does_not_name(boss: Office) -> None:
    made = await boss.make(
        name="a", owner="b", models=["ocr"], limits={"concurrency": 3, "pages_per_day": 4}
    )
    made.pop("key")

    changed = (
        await boss.ask(
            "PATCH", f"{KEYS}/{made['id']}", {"name": "c", "limits": {"pages_per_day": None}}
        )
    ).json

    assert changed == made | {"name": "c", "limits": made["limits"] | {"pages_per_day": None}}
    again = (
        await boss.ask("PATCH", f"{KEYS}/{made['id']}", {"models": [], "scopes": ["admin"]})
    ).json
    assert again == changed | {"models": [], "scopes": ["admin"]}
    assert (await boss.ask("PATCH", f"{KEYS}/{made['id']}", {})).json == again
    assert (await boss.ask("PATCH", f"{KEYS}/{made['id']}")).status == 400


async def test_a_rotated_key_opens_with_both_secrets_for_a_while(boss: Office) -> None:
    made = await boss.make(name="a")
    rotated = (await boss.ask("POST", f"{KEYS}/{made['id']}/rotate", {"grace_seconds": 60})).json

    key = await kept(boss, made["id"])
    before, after = parse(made["key"]), parse(rotated["key"])
    assert before is not None
    assert after is not None
    assert [opens(key, before[1], NOW + 59), opens(key, before[1], NOW + 60)] == [True, False]
    assert opens(key, after[1], NOW + 10**6)


async def test_a_key_is_revoked_for_good(boss: Office) -> None:
    made = await boss.make(name="a")
    path = f"{KEYS}/{made['id']}"

    revoked = await boss.ask("DELETE", path)
    assert (revoked.status, revoked.json["state"], revoked.json["revoked_at"]) == (
        200,
        "revoked",
        NOW,
    )
    assert (await boss.ask("DELETE", path)).json == revoked.json
    assert_refused(await boss.ask("PATCH", path, {"name": "b"}), 400, "id")
    assert_refused(await boss.ask("POST", f"{path}/rotate"), 400, "id")


@pytest.mark.parametrize("path", [f"{KEYS}/nobody", f"{KEYS}/rs-nobody"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_key_that_is_not_there_is_told(boss: Office, method: str, path: str) -> None:
    assert_refused(await boss.ask(method, path, {}), 404, "id")


async def test_no_database_is_asked_for_an_id_that_it_may_not_take(
    boss: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = boss.store.find_key

    async def picky(public_id: str) -> Key | None:
        assert "\0" not in public_id
        return await find(public_id)

    monkeypatch.setattr(boss.store, "find_key", picky)
    assert_refused(await boss.ask("GET", f"{KEYS}/a\0b"), 404, "id")


async def test_keys_are_listed_in_pages_and_by_what_is_known_of_them(boss: Office) -> None:
    for number in range(5):
        key, _ = mint(f"key {number}", 10 + number, owner="Ada" if number % 2 else "Bo")
        await boss.store.add_key(replace(key, revoked_at=1 if number == 3 else None))

    async def names(query: str) -> list[str]:
        call = await boss.ask("GET", KEYS, query=query)
        assert call.status == 200, call.body
        assert not any(secret in call.body.decode() for secret in SECRETS)
        return [key["name"] for key in call.json["data"]]

    assert await names("") == ["office", *(f"key {number}" for number in range(5))]
    assert await names("owner=ada") == ["key 1", "key 3"]
    assert await names("owner=ada&state=active") == ["key 1"]
    assert await names("name=Y+4") == ["key 4"]
    first = (await boss.ask("GET", KEYS, query="owner=bo&limit=2")).json
    assert first["has_more"]
    assert await names(f"owner=bo&limit=2&after={first['after']}") == ["key 4"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("state=gone", "state"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=%C2%B2", "limit"),
        ("limit=00000000000000000001" + "9" * 30, "limit"),
        ("limit=1" + "0" * 5000, "limit"),
        ("owner=%00", "owner"),
        ("after=x", "after"),
        ("who=x", "who"),
    ],
)
async def test_a_wrong_parameter_is_named(boss: Office, query: str, param: str) -> None:
    assert_refused(await boss.ask("GET", KEYS, query=query), 400, param)


async def test_other_methods_are_told_with_those_there_are(boss: Office) -> None:
    call = await boss.ask("PUT", KEYS, {})

    assert (call.status, set(call.headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})


async def test_a_body_that_does_not_come_is_not_waited_for(boss: Office) -> None:
    call = await boss.begin(KEYS, seconds=0.0)
    assert (call.status, call.error["type"]) == (504, "timeout_error")
