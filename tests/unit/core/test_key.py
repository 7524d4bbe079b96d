"""Keys: made, written, parsed, compared."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import PermissionDenied
from readstone.core.key import Principal, mint, opens, parse
from readstone.core.model import KIND_DEFAULTS, Model


def test_a_minted_key_opens_with_what_was_written() -> None:
    key, written = mint("invoices", now=1_700_000_000)

    parts = parse(written)

    assert parts is not None
    assert parts[0] == key.public_id
    assert opens(key, parts[1])


def test_what_is_stored_does_not_hold_the_secret() -> None:
    key, written = mint("invoices", now=0)
    secret = written.rsplit("-", 1)[1]

    assert secret not in repr(key)
    assert secret.encode() not in key.secret_hash


def test_another_secret_does_not_open_a_key() -> None:
    key, _ = mint("a", now=0)
    _, other = mint("b", now=0)
    parts = parse(other)

    assert parts is not None
    assert not opens(key, parts[1])


def test_a_revoked_key_does_not_open() -> None:
    key, written = mint("a", now=0)
    parts = parse(written)

    assert parts is not None
    assert not opens(replace(key, revoked_at=1), parts[1])


def test_no_two_keys_are_alike() -> None:
    assert len({mint("a", now=0)[1] for _ in range(50)}) == 50


@given(st.text(max_size=80))
def test_what_is_not_a_key_parses_to_none(text: str) -> None:
    assert parse(text) is None


def test_a_key_with_anything_around_it_is_not_a_key() -> None:
    _, written = mint("a", now=0)

    for wrong in (f" {written}", f"{written}\n", written[:-1], f"{written}x", written.upper()):
        assert parse(wrong) is None


@pytest.mark.parametrize(
    ("models", "allowed"),
    [((), True), (("m",), True), (("Alias/M",), True), (("other",), False), (("m", "other"), True)],
)
def test_a_key_is_for_all_models_or_for_those_it_names(
    *, models: tuple[str, ...], allowed: bool
) -> None:
    model = Model("m", "ocr", "reader", KIND_DEFAULTS["ocr"], 1, aliases=("Alias/M",))
    principal = Principal("id", "name", admin=False, models=models)

    assert principal.may_use(model) == allowed


def test_a_model_that_is_not_the_keys_is_refused_with_those_that_are() -> None:
    model = Model("m", "ocr", "reader", KIND_DEFAULTS["ocr"], 1)

    with pytest.raises(PermissionDenied, match="may use x, y") as caught:
        Principal("id", "name", admin=False, models=("x", "y")).require(model)

    assert caught.value.param == "model"
