"""Keeping connections: what is used again, what is not, and what is sent again."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from readstone.engines.http.client import Client, Limits
from readstone.engines.http.response import Broken, Unreachable
from readstone.engines.http.target import parse_target
from unit.engines.http.upstream import (
    HELLO,
    QUICK,
    Upstream,
    Visit,
    client_of,
    get,
    kind,
    saying,
)


class Listener:
    """A server of bare sockets, for what must happen at one moment and no other."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0)
        self.peers: list[socket.socket] = []

    async def answer(self) -> socket.socket:
        """Take a connection, answer one request on it, and give it out."""
        peer, _ = await self.loop.sock_accept(self.socket)
        self.peers.append(peer)
        await self.loop.sock_recv(peer, 65536)
        await self.loop.sock_sendall(peer, HELLO)
        return peer


@asynccontextmanager
async def listening() -> AsyncGenerator[tuple[Listener, Client]]:
    listener = Listener()
    client = Client(parse_target(f"http://127.0.0.1:{listener.socket.getsockname()[1]}"))
    await client.start()
    yield listener, client
    await client.stop()
    for each in (listener.socket, *listener.peers):
        each.close()


async def test_requests_one_after_the_other_share_a_connection() -> None:
    async with Upstream(kind).open() as upstream, client_of(upstream) as client:
        assert [await get(client) for _ in range(20)] == [b"hello"] * 20

    assert upstream.visits == 1


async def test_requests_at_once_have_a_connection_each_and_the_last_one_back_goes_first() -> None:
    async def script(visit: Visit) -> None:
        while True:
            await visit.listen()
            await visit.say(HELLO.replace(b"hello", b"no. %d" % visit.number))

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        numbers = await asyncio.gather(*(get(client) for _ in range(5)))
        assert set(numbers) == {b"no. %d" % number for number in range(1, 6)}
        assert client.idle_connections == 5
        assert len({await get(client) for _ in range(20)}) == 1
        assert client.idle_connections == client.open_connections == 5

    assert upstream.visits == 5


async def test_no_more_connections_are_kept_than_may_be_idle() -> None:
    async with (
        Upstream(kind).open() as upstream,
        client_of(upstream, limits=Limits(idle_connections=2)) as client,
    ):
        await asyncio.gather(*(get(client) for _ in range(5)))

        assert client.idle_connections == 2


async def test_a_connection_that_nobody_uses_is_closed_after_a_while() -> None:
    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(HELLO)
        await visit.gone()

    async with (
        Upstream(script).open() as upstream,
        client_of(upstream, limits=Limits(idle_seconds=QUICK)) as client,
    ):
        await asyncio.gather(get(client), get(client))
        await upstream.left.wait()
        upstream.left.clear()
        await get(client)
        await upstream.left.wait()


async def test_each_connection_that_nobody_uses_is_closed_in_its_turn() -> None:
    gone = asyncio.Semaphore(0)

    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(HELLO)
        await visit.gone()
        gone.release()

    async with (
        Upstream(script).open() as upstream,
        client_of(upstream, limits=Limits(idle_seconds=QUICK)) as client,
    ):
        async with client.send("GET", "/"):
            await get(client)
            await asyncio.sleep(QUICK / 2)  # nothing depends on how long it is
        assert client.idle_connections > 0
        await gone.acquire()
        await gone.acquire()
        assert client.idle_connections == 0


async def test_a_kept_connection_that_the_server_closes_is_forgotten() -> None:
    async with listening() as (listener, client):
        _, peer = await asyncio.gather(get(client), listener.answer())
        assert client.idle_connections == 1
        peer.close()
        for _ in range(1000):
            await asyncio.sleep(0)
        assert client.open_connections == client.idle_connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        HELLO + b"unasked",
        HELLO + HELLO,
    ],
    ids=["close", "http-1.0", "rubbish", "second"],
)
async def test_a_connection_that_cannot_be_used_again_is_not(answer: bytes) -> None:
    async with Upstream(saying(answer)).open() as upstream, client_of(upstream) as client:
        assert [await get(client) for _ in range(3)] == [b"hello"] * 3

    assert upstream.visits == 3


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(b"HTTP/1.1 200 OK\r\n\r\n", b"he", b"llo")

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        assert [await get(client) for _ in range(2)] == [b"hello"] * 2

    assert upstream.visits == 2


async def test_a_kept_connection_that_the_server_has_closed_is_never_used_again() -> None:
    requests = 0

    async def script(visit: Visit) -> None:
        nonlocal requests
        await visit.listen()
        requests += 1
        await visit.say(HELLO)

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        for _ in range(5):
            await get(client)
            await upstream.left.wait()
            upstream.left.clear()

    assert requests == upstream.visits == 5


async def test_an_end_that_the_event_loop_has_not_seen_yet_is_seen() -> None:
    async with listening() as (listener, client):
        _, peer = await asyncio.gather(get(client), listener.answer())
        assert client.idle_connections == 1
        peer.close()  # and nothing is awaited before the next connection is taken
        assert client.take() is None


async def test_a_request_is_sent_again_where_the_server_closes_a_kept_connection_at_that_moment() -> (
    None
):
    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(HELLO)
        await visit.listen()
        if visit.number > 1:
            await visit.say(HELLO)

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        await get(client)
        async with client.send("POST", "/", b"x") as response:
            assert await response.read(5) == b"hello"

    assert upstream.visits == 2


async def test_a_request_is_not_sent_a_third_time() -> None:
    bodies: list[bytes] = []

    async def script(visit: Visit) -> None:
        await visit.listen()
        if visit.number == 1:
            await visit.say(HELLO)
            bodies.append((await visit.listen())[1])

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        await get(client)
        with pytest.raises(Broken) as failure:
            async with client.send("POST", "/", b"x"):
                pass

    assert not failure.value.begun
    assert upstream.visits == 2


async def test_a_server_that_dies_of_a_request_is_not_called_unreachable() -> None:
    # What never arrived may be sent elsewhere, but not what may have killed a server.
    async with listening() as (listener, client):
        _, peer = await asyncio.gather(get(client), listener.answer())
        request = asyncio.create_task(get(client))
        await listener.loop.sock_recv(peer, 65536)
        listener.socket.close()
        peer.close()
        with pytest.raises(Broken) as failure:
            await request

    assert not failure.value.begun
    assert isinstance(failure.value.__cause__, Unreachable)


async def test_a_request_whose_answer_had_begun_is_not_sent_again() -> None:
    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(HELLO)
        await visit.listen()
        await visit.say(HELLO[:12])

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        await get(client)
        with pytest.raises(Broken) as failure:
            await get(client)

    assert failure.value.begun
    assert upstream.visits == 1


async def test_a_kept_connection_that_has_just_ended_is_passed_over() -> None:
    async with Upstream(kind).open() as upstream, client_of(upstream) as client:
        await asyncio.gather(get(client), get(client))
        latest = client.take()
        assert latest is not None
        client.give_back(latest)
        latest.eof_received()
        assert client.take() not in {None, latest}
