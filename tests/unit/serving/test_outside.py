"""A service that is asked whose a credential is: what it may answer, how long that holds, and nothing without it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from readstone.config import AuthenticationConfig, ExternalConfig
from readstone.core.errors import AuthenticationFailed, StoreUnavailable
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.core.limit import Limits
from readstone.serving.authentication import build_authentication
from readstone.serving.outside import OutsideCheck
from readstone.store.memory import MemoryStore

CREDENTIAL = "session-1"


class Service:
    """Answers what it is told; keeps what it was asked with."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.answer: Any = {"id": "ada"}
        self.asked: list[str] = []
        self.now = 1000.0
        self.heard = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(head.decode())
                self.heard.set()
                await self.goes_on.wait()
                body = (
                    self.answer
                    if isinstance(self.answer, bytes)
                    else json.dumps(self.answer).encode()
                )
                writer.write(
                    f"HTTP/1.1 {self.status}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def check(self, **settings: Any) -> OutsideCheck:
        config = ExternalConfig(url=self.url, **settings)
        return OutsideCheck(config, lambda: self.now)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/check"
    yield service
    service.goes_on.set()
    server.close()


@pytest.fixture
async def check(service: Service) -> AsyncIterator[OutsideCheck]:
    check = service.check()
    yield check
    await check.stop()


async def test_the_service_is_asked_with_what_the_client_sent(
    service: Service, check: OutsideCheck
) -> None:
    principal = await check.principal(CREDENTIAL)

    assert principal is not None
    assert (principal.key_id, principal.name, principal.grant) == ("ext:ada", "ada", Grant())
    (head,) = service.asked
    assert head.startswith("GET /check HTTP/1.1\r\n")
    assert f"\r\nauthorization: Bearer {CREDENTIAL}\r\n" in head


async def test_it_says_what_a_credential_allows(service: Service, check: OutsideCheck) -> None:
    service.answer = {
        "id": "ada",
        "name": "Ada",
        "owner": "sales",
        "scopes": "chat usage admin other",
        "models": ["Qwen/*"],
        "limits": {"requests_per_minute": 7, "budget_per_month": 2.5},
        "expires_at": 5000.5,
        "what_else": 1,
    }
    principal = await check.principal(CREDENTIAL)

    assert principal is not None
    assert (principal.name, principal.owner) == ("Ada", "sales")
    limits = Limits(requests_per_minute=7, budget_per_month=2_500_000)
    assert principal.grant == Grant(("chat", "usage"), ("Qwen/*",), limits, 5000)
    assert check.limits_of("ext:ada") == limits


async def test_a_yes_holds_for_its_time_and_a_no_for_ten_seconds(
    service: Service, check: OutsideCheck
) -> None:
    for _ in range(3):
        assert await check.principal(CREDENTIAL) is not None
    assert len(service.asked) == 1
    service.status = "401 Unauthorized"
    service.now += 29.9
    assert await check.principal(CREDENTIAL) is not None
    service.now += 0.1

    for _ in range(3):
        with pytest.raises(AuthenticationFailed):
            await check.principal(CREDENTIAL)
    assert len(service.asked) == 2
    service.status = "200 OK"
    service.now += 10
    assert await check.principal(CREDENTIAL) is not None


async def test_a_yes_holds_no_longer_than_it_says(service: Service, check: OutsideCheck) -> None:
    service.answer = {"id": "ada", "expires_at": 1010}
    assert await check.principal(CREDENTIAL) is not None
    service.now = 1010

    with pytest.raises(AuthenticationFailed):
        await check.principal(CREDENTIAL)


async def test_without_a_time_to_hold_it_is_asked_each_time(service: Service) -> None:
    check = service.check(cache_seconds=0)
    for _ in range(3):
        assert await check.principal(CREDENTIAL) is not None

    assert len(service.asked) == 3
    await check.stop()


async def test_those_who_bring_the_same_at_once_ask_once(
    service: Service, check: OutsideCheck
) -> None:
    service.goes_on.clear()
    asking = [asyncio.create_task(check.principal(CREDENTIAL)) for _ in range(20)]
    await service.heard.wait()
    asking[0].cancel()
    await asyncio.sleep(0)
    service.goes_on.set()

    found = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(found[0], asyncio.CancelledError)
    assert all(not isinstance(each, BaseException) for each in found[1:])
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("500 Oh", {"id": "ada"}),
        ("302 Found", {"id": "ada"}),
        ("204 No", b""),
        ("200 OK", b""),
        ("200 OK", b"<html>"),
        ("200 OK", []),
        ("200 OK", {}),
        ("200 OK", {"id": ""}),
        ("200 OK", {"id": 7}),
        ("200 OK", {"id": "ada", "scopes": 7}),
        ("200 OK", {"id": "ada", "limits": {"rpm": 1}}),
        ("200 OK", {"id": "ada", "limits": {"concurrency": -1}}),
        ("200 OK", b" " * 70_000),
    ],
)
async def test_what_makes_no_sense_lets_nobody_in(
    service: Service, check: OutsideCheck, status: str, answer: Any
) -> None:
    service.status, service.answer = status, answer

    for count in (1, 2):
        with pytest.raises(StoreUnavailable, match="cannot be checked just now"):
            await check.principal(CREDENTIAL)
        assert len(service.asked) == count, "and is asked again"


async def test_silence_lets_nobody_in(service: Service) -> None:
    service.goes_on.clear()
    check = service.check(timeout_seconds=0.05)

    with pytest.raises(StoreUnavailable):
        await check.principal(CREDENTIAL)
    await check.stop()


async def test_a_service_that_is_not_there_lets_nobody_in() -> None:
    check = OutsideCheck(ExternalConfig(url="unix:/nowhere/at/all.sock:/check"))

    with pytest.raises(StoreUnavailable):
        await check.principal(CREDENTIAL)
    await check.stop()


async def test_who_waits_when_the_server_ends_is_not_let_in(
    service: Service, check: OutsideCheck
) -> None:
    service.goes_on.clear()
    waiting = asyncio.create_task(check.principal(CREDENTIAL))
    await service.heard.wait()

    await check.stop()

    with pytest.raises(StoreUnavailable):
        await waiting


@pytest.mark.parametrize("credential", ["a b", "a\r\nx: y", "é", ""])
async def test_what_cannot_be_sent_is_not(
    service: Service, check: OutsideCheck, credential: str
) -> None:
    assert await check.principal(credential) is None
    assert service.asked == []


async def test_our_own_keys_are_none_of_its_business(service: Service) -> None:
    store = MemoryStore()
    key, written = mint("a", 0)
    await store.add_key(key)
    config = AuthenticationConfig(external=ExternalConfig(url=service.url))
    authentication = build_authentication(config, store)
    ask: Callable[[str], Any] = authentication.authenticator.principal

    assert (await ask(f"Bearer {written}")).name == "a"
    with pytest.raises(AuthenticationFailed):
        await ask(f"Bearer {written[:-1]}x")
    assert service.asked == []
    assert (await ask(f"Bearer {CREDENTIAL}")).key_id == "ext:ada"
    await authentication.stop()
