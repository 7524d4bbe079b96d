"""Scopes: what they let a key do, and how they are written."""

import pytest

from readstone.core.errors import InvalidRequest
from readstone.core.scope import SCOPES, allows, check_scopes


def test_a_scope_allows_itself_and_nothing_else() -> None:
    for scope in SCOPES:
        assert {other for other in SCOPES if allows((scope,), other)} == {scope}


def test_every_scope_is_in_one_of_the_wholes() -> None:
    api = {scope for scope in SCOPES if allows(("api",), scope)}
    admin = {scope for scope in SCOPES if allows(("admin",), scope)}

    assert api == {"chat", "extract", "models", "usage"}
    assert admin == {*SCOPES} - api


def test_a_part_is_not_the_whole() -> None:
    assert not allows(("chat", "extract", "models", "usage"), "api")
    assert not allows(tuple(SCOPES), "admin")
    assert allows(("api",), "api")


def test_scopes_are_kept_once_and_in_order() -> None:
    assert check_scopes(["usage", "chat", "admin", "chat"]) == ("admin", "chat", "usage")


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["chta"], "did you mean 'chat'"),
        (["", "chat"], "the scopes are api, admin"),
        ([], "opens nothing"),
    ],
)
def test_what_is_no_scope_is_told(names: list[str], complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint) as caught:
        check_scopes(names)

    assert caught.value.param == "scopes"
