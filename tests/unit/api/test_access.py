"""Which path asks for which scope."""

import pytest

from readstone.api.access import SCOPES, scope_of
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
