"""Which path asks for which scope."""

from typing import Any

import pytest
from starlette.types import Scope

from readstone.api.access import SCOPES, scope_of
from readstone.api.exchange import Exchange
from readstone.api.openapi import OPERATIONS
from readstone.core.scope import SCOPES as KNOWN


def test_every_documented_route_has_a_scope_of_its_own() -> None:
    for operation in OPERATIONS:
        if not operation.public:
            assert scope_of(operation.path) in KNOWN, operation.path


def test_every_scope_of_the_table_is_one() -> None:
    assert {*SCOPES.values()} <= {*KNOWN}


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/models/Qwen/Qwen3-VL", "models"),
        ("/v1/admin/keys/abc/rotate", "admin:keys"),
        ("/v1/admin/usage/entries", "admin:usage"),
        ("/v1/admin/anything", "admin"),
        ("/v1/modelsandmore", "api"),
        ("/v1/anything", "api"),
        ("", "api"),
    ],
)
def test_what_stands_below_a_path_asks_for_the_same(path: str, scope: str) -> None:
    assert scope_of(path) == scope


async def test_every_address_on_the_way_is_told_in_order() -> None:
    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", b"192.0.2.2, 192.0.2.3")]
    scope: Scope = {"type": "http", "headers": headers, "client": ("10.0.0.1", 4711)}
    exchange = Exchange(scope, _never, _never)

    assert (exchange.peer, exchange.forwarded) == ("10.0.0.1", "192.0.2.1,192.0.2.2, 192.0.2.3")
    nobody = Exchange({"type": "http", "headers": [], "client": None}, _never, _never)
    assert (nobody.peer, nobody.forwarded) == ("", "")


async def _never(*args: object) -> Any:
    raise AssertionError(args)
