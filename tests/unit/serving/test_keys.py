"""Authentication: which headers make a principal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import AuthenticationFailed
from readstone.core.grant import Grant
from readstone.core.key import Principal, mint, rotate
from readstone.serving.keys import Authenticator, StoreKeys
from readstone.store.memory import MemoryStore

NOW = 1_700_000_000


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


async def _refused(verifier: StoreKeys, written: str) -> str:
    with pytest.raises(AuthenticationFailed) as caught:
        await verifier.principal(written)
    return caught.value.message


async def test_a_key_opens_until_the_second_it_expires() -> None:
    store = MemoryStore()
    key, written = mint("a", 0, Grant(expires_at=NOW), owner="Ada")
    await store.add_key(key)

    principal = await StoreKeys(store, lambda: NOW - 0.1).principal(written)
    told = await _refused(StoreKeys(store, lambda: NOW), written)

    assert principal == Principal(key.public_id, "a", key.grant, "Ada")
    assert told == f"The key rs-{key.public_id}-… expired on 2023-11-14 22:13 UTC."


async def test_only_who_has_the_secret_learns_that_a_key_has_expired() -> None:
    store = MemoryStore()
    key, written = mint("a", 0, Grant(expires_at=1))
    await store.add_key(key)
    verifier = StoreKeys(store)

    told = await _refused(verifier, f"{written[:-40]}{'x' * 40}")

    assert "expired" not in told
    nobody = await _refused(verifier, mint("b", 0)[1])
    assert nobody.split("…")[1] == told.split("…")[1]


async def test_both_secrets_open_a_key_while_it_is_being_rotated() -> None:
    store = MemoryStore()
    key, before = mint("a", 0)
    rotated, after = rotate(key, former_until=NOW)
    await store.add_key(rotated)

    for written in (before, after):
        assert await StoreKeys(store, lambda: NOW - 1).principal(written) is not None
    assert await StoreKeys(store, lambda: NOW).principal(after) is not None
    assert "not valid" in await _refused(StoreKeys(store, lambda: NOW), before)


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_secret_is_compared_in_constant_time_whether_the_key_is_there_or_not(
    monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    store = MemoryStore()
    key, written = mint("a", 0)
    if is_there:
        await store.add_key(key)
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return False

    monkeypatch.setattr("readstone.core.key.hmac.compare_digest", compare)

    await _refused(StoreKeys(store), written)

    assert compared == [(32, 32)]


class Badges:
    """A verifier of somebody else's: badges begin with `badge-`."""

    async def principal(self, credential: str) -> Principal | None:
        if not credential.startswith("badge-"):
            return None
        if credential == "badge-lost":
            raise AuthenticationFailed("The badge was lost.")
        return Principal(credential, "guest", Grant())


async def test_another_kind_of_credential_can_be_plugged_in() -> None:
    store = MemoryStore()
    key, written = mint("a", 0)
    await store.add_key(key)
    authenticator = Authenticator(store, (Badges(),))

    assert (await authenticator.principal("Bearer badge-7")).key_id == "badge-7"
    assert (await authenticator.principal(f"Bearer {written}")).name == "a"
    for wrong, told in (("badge-lost", "lost"), ("sk-1", "not a key")):
        with pytest.raises(AuthenticationFailed, match=told):
            await authenticator.principal(f"Bearer {wrong}")
