"""Wrong keys by address: counted, held back, forgotten; right ones never."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from readstone.core.errors import AuthenticationFailed, TooManyWrongKeys
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.serving.keys import Authenticator
from readstone.serving.limits.counters import Charge, CountersFailed, Outcome
from readstone.serving.limits.memory import MemoryCounters
from readstone.serving.wrong_keys import WrongKeys, networks
from readstone.store.memory import MemoryStore


@dataclass(frozen=True)
class From:
    peer: str
    forwarded: str = ""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Broken(MemoryCounters):
    """Cannot be reached."""

    async def take(
        self, charges: Sequence[Charge], begins: Mapping[str, int] | None = None
    ) -> Outcome:
        raise CountersFailed(charges, begins)


async def held(wrong: WrongKeys, origin: From) -> float | None:
    """In how many seconds a wrong key of that origin is looked at again; None where it was looked at."""
    try:
        await wrong.count(origin)
    except TooManyWrongKeys as error:
        return error.retry_after
    return None


async def test_so_many_wrong_keys_are_answered_in_any_minute() -> None:
    clock = Clock()
    wrong = WrongKeys(3, now=clock)
    answered: list[float] = []
    while clock.now < 1400:
        if await held(wrong, From("192.0.2.1")) is None:
            answered.append(clock.now)
        clock.now += 0.5

    assert len(answered) >= 18
    assert all(
        later - earlier >= 60 for earlier, later in zip(answered, answered[3:], strict=False)
    )


async def test_the_time_to_wait_is_exact() -> None:
    clock = Clock()
    wrong = WrongKeys(2, now=clock)
    origin = From("192.0.2.1")
    assert await held(wrong, origin) is None
    clock.now += 10
    assert await held(wrong, origin) is None
    clock.now += 20

    assert await held(wrong, origin) == 30
    clock.now += 30
    assert await held(wrong, origin) is None
    assert await held(wrong, origin) == 10


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("", "@", True),
    ],
)
async def test_what_counts_as_one_address(one: str, other: str, *, are_one: bool) -> None:
    wrong = WrongKeys(1)
    await wrong.count(From(one))

    assert (await held(wrong, From(other)) is not None) == are_one


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.7, 10.0.0.9", "192.0.2.7"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.7, nonsense", "10.0.0.1"),
        ("203.0.113.5", "192.0.2.7", "203.0.113.5"),
        ("::ffff:10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "2001:db8::5", "2001:db8::"),
        ("10.0.0.1", "192.0.2.7," * 40 + "192.0.2.8", "192.0.2.8"),
    ],
)
async def test_only_what_a_trusted_proxy_says_is_believed(
    peer: str, forwarded: str, counted: str
) -> None:
    wrong = WrongKeys(1, networks(["10.0.0.0/8"]))
    await wrong.count(From(peer, forwarded))

    assert await held(wrong, From(counted)) is not None
    assert await held(WrongKeys(1), From(counted)) is None


async def test_no_header_is_believed_where_no_proxy_is_trusted() -> None:
    wrong = WrongKeys(1)
    await wrong.count(From("10.0.0.1", "192.0.2.7"))

    assert await held(wrong, From("192.0.2.7")) is None
    assert await held(wrong, From("10.0.0.1", "192.0.2.8")) is not None


async def test_what_is_remembered_is_bounded_and_the_loudest_is_not_forgotten() -> None:
    wrong = WrongKeys(1)
    await wrong.count(From("203.0.113.5"))
    for number in range(20_000):
        await held(wrong, From(f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}"))
        if number % 1000 == 0:
            assert await held(wrong, From("203.0.113.5")) is not None

    assert len(wrong._times) == 4096  # pyright: ignore[reportPrivateUsage]


async def test_those_who_count_together_answer_so_many_between_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters = MemoryCounters(lambda: 1_795_262_400.5)
    one, other = (WrongKeys(3, counters=counters) for _ in range(2))
    origin = From("192.0.2.1")
    with caplog.at_level(logging.INFO):
        assert [await held(each, origin) for each in (one, other, one)] == [None] * 3

    assert await held(other, origin) == await held(one, origin) == 60.5
    assert await held(other, From("192.0.2.2")) is None
    assert [record.getMessage() for record in caplog.records] == ["too many wrong keys"]


async def test_what_cannot_be_counted_together_each_counts_alone() -> None:
    wrong = WrongKeys(1, counters=Broken(), now=Clock())

    assert await held(wrong, From("192.0.2.1")) is None
    assert await held(wrong, From("192.0.2.1")) == 60


async def test_a_right_key_is_never_held_back() -> None:
    store = MemoryStore()
    key, written = mint("a", 0)
    await store.add_key(key)
    authenticator = Authenticator(store, (), WrongKeys(1))
    origin = From("192.0.2.1")
    wrong = f"Bearer {mint('b', 0)[1]}"
    with pytest.raises(AuthenticationFailed):
        await authenticator.principal(wrong, origin)
    with pytest.raises(TooManyWrongKeys):
        await authenticator.principal(wrong, origin)

    assert (await authenticator.principal(f"Bearer {written}", origin)).name == "a"


async def test_a_request_without_a_key_is_no_guess() -> None:
    authenticator = Authenticator(MemoryStore(), (), WrongKeys(1))

    for _ in range(5):
        with pytest.raises(AuthenticationFailed):
            await authenticator.principal(None, From("192.0.2.1"))


@pytest.mark.parametrize("written", ["Bearer sk-1", "Basic x", "rs-a-b", "Bearer " + "x" * 20_000])
async def test_whatever_else_is_sent_is_one(written: str) -> None:
    authenticator = Authenticator(MemoryStore(), (), WrongKeys(1))
    with pytest.raises(AuthenticationFailed):
        await authenticator.principal(written, From("192.0.2.1"))

    with pytest.raises(TooManyWrongKeys):
        await authenticator.principal(written, From("192.0.2.1"))


async def test_a_key_that_was_revoked_or_has_expired_is_no_guess() -> None:
    store = MemoryStore()
    authenticator = Authenticator(store, (), WrongKeys(1))
    written: list[str] = []
    for key, secret in (mint("a", 0, Grant(expires_at=1)), mint("b", 0)):
        await store.add_key(replace(key, revoked_at=None if key.name == "a" else 5))
        written.append(secret)

    for secret in written * 3:
        with pytest.raises(AuthenticationFailed):
            await authenticator.principal(f"Bearer {secret}", From("192.0.2.1"))
