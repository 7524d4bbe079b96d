"""Keys: made, written, parsed, compared."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import PermissionDenied
from readstone.core.grant import Grant
from readstone.core.key import Principal, mint, opens, parse, public_id_of, rotate
from readstone.core.model import KIND_DEFAULTS, Model

NOW = 1_700_000_000


def secret_of(written: str) -> str:
    parts = parse(written)
    assert parts is not None
    return parts[1]


def test_a_minted_key_opens_with_what_was_written() -> None:
    key, written = mint("invoices", NOW)

    assert parse(written) == (key.public_id, secret_of(written))
    assert opens(key, secret_of(written), NOW)


def test_what_is_stored_does_not_hold_the_secret() -> None:
    key, written = mint("invoices", now=0)
    secret = secret_of(written)

    assert secret not in repr(key)
    assert secret.encode() not in key.secret_hash


def test_another_secret_does_not_open_a_key() -> None:
    key, _ = mint("a", now=0)
    _, other = mint("b", now=0)

    assert not opens(key, secret_of(other), NOW)


def test_no_secret_opens_what_is_not_there() -> None:
    assert not opens(None, secret_of(mint("a", now=0)[1]), NOW)


def test_a_key_is_active_until_it_expires_or_is_revoked() -> None:
    key, _ = mint("a", 0, Grant(expires_at=100))

    assert [key.state(99.9), key.state(100)] == ["active", "expired"]
    assert replace(key, revoked_at=50).state(10) == "revoked"
    assert mint("b", 0)[0].state(10**12) == "active"


def test_a_rotated_key_has_a_new_secret_and_is_the_same_otherwise() -> None:
    key, before = mint("a", 0, Grant(expires_at=NOW), owner="b")
    rotated, after = rotate(key, 0)

    assert opens(rotated, secret_of(after), NOW)
    assert not opens(rotated, secret_of(before), NOW)
    assert replace(rotated, secret_hash=key.secret_hash) == key


def test_the_secret_before_opens_a_rotated_key_until_its_time() -> None:
    key, before = mint("a", 0)
    rotated, after = rotate(key, former_until=100)

    assert [opens(rotated, secret_of(before), now) for now in (99.9, 100)] == [True, False]
    assert [opens(rotated, secret_of(after), now) for now in (99.9, 100)] == [True, True]
    assert not opens(rotated, "x" * 40, 99)


def test_a_second_rotation_ends_the_secret_before_the_first() -> None:
    key, before = mint("a", 0)
    twice, _ = rotate(rotate(key, former_until=100)[0], former_until=100)

    assert not opens(twice, secret_of(before), 50)


@pytest.mark.parametrize("form", ["{id}", "rs-{id}", "{key}"])
def test_a_key_is_named_by_its_public_id_however_it_is_written(form: str) -> None:
    key, written = mint("a", 0)

    assert public_id_of(form.format(id=key.public_id, key=written)) == key.public_id


def test_the_id_of_a_token_is_left_as_it_is() -> None:
    assert public_id_of("jwt:user-1") == "jwt:user-1"


def test_no_two_keys_are_alike() -> None:
    assert len({mint("a", now=0)[1] for _ in range(50)}) == 50


@given(st.text(max_size=80))
def test_what_is_not_a_key_parses_to_none(text: str) -> None:
    assert parse(text) is None


def test_a_key_with_anything_around_it_is_not_a_key() -> None:
    _, written = mint("a", now=0)

    for wrong in (f" {written}", f"{written}\n", written[:-1], f"{written}x", written.upper()):
        assert parse(wrong) is None


def test_a_model_that_is_not_the_keys_is_refused_with_those_that_are() -> None:
    model = Model("m", "ocr", "reader", KIND_DEFAULTS["ocr"], 1)

    with pytest.raises(PermissionDenied, match="may use x, y") as caught:
        Principal("id", "name", Grant(models=("x", "y"))).require(model)

    assert caught.value.param == "model"


def test_a_scope_that_is_not_the_keys_is_refused_with_those_that_are() -> None:
    principal = Principal("id", "name", Grant(("chat", "usage")))
    principal.require_scope("chat")

    with pytest.raises(PermissionDenied, match="'extract', and the key has chat, usage") as caught:
        principal.require_scope("extract")

    assert caught.value.code == "insufficient_scope"
