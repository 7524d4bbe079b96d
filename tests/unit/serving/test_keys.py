"""Authentication: which headers make a principal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import AuthenticationFailed
from readstone.core.key import mint
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore


async def _with_key(name: str) -> tuple[Authenticator, MemoryStore, str]:
    store = MemoryStore()
    key, written = mint(name, now=1)
    await store.add_key(key)
    return Authenticator(store), store, written


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_valid_key_makes_a_principal(scheme: str) -> None:
    authenticator, _, written = await _with_key("invoices")

    principal = await authenticator.principal(f"{scheme} {written}")

    assert principal.name == "invoices"
    assert written.split("-")[1] == principal.key_id


async def test_a_revoked_key_is_refused_from_the_next_request_on() -> None:
    authenticator, store, written = await _with_key("a")
    await authenticator.principal(f"Bearer {written}")

    await store.revoke_key(written.split("-")[1], at=2)

    with pytest.raises(AuthenticationFailed):
        await authenticator.principal(f"Bearer {written}")


async def test_the_right_id_with_a_wrong_secret_is_refused_without_repeating_it() -> None:
    authenticator, _, written = await _with_key("a")
    wrong = f"{written[:-40]}{'x' * 40}"

    with pytest.raises(AuthenticationFailed) as caught:
        await authenticator.principal(f"Bearer {wrong}")

    assert "x" * 40 not in caught.value.message


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer ", "Bearer sk-123"])
async def test_anything_else_is_refused(header: str | None) -> None:
    authenticator, _, _ = await _with_key("a")

    with pytest.raises(AuthenticationFailed):
        await authenticator.principal(header)


@given(st.text())
async def test_no_header_does_anything_but_fail_cleanly(header: str) -> None:
    with pytest.raises(AuthenticationFailed):
        await Authenticator(MemoryStore()).principal(header)
