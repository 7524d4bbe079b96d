"""Ends before the end: silence, leaving, cancelling, stopping, and readers that are slow."""

import asyncio
import socket
import sys

import pytest

from readstone.engines.http.client import Client
from readstone.engines.http.connection import Bounds
from readstone.engines.http.response import Broken, Failure, Silent, Unreachable
from readstone.engines.http.target import parse_target
from unit.engines.http.upstream import (
    CHUNKED,
    HELLO,
    QUICK,
    Papers,
    Upstream,
    Visit,
    client_of,
    get,
    kind,
    saying,
)


async def test_a_body_that_ends_early_is_broken_after_what_had_come() -> None:
    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(CHUNKED, b"3\r\nabc\r\n")

    async with (
        Upstream(script).open() as upstream,
        client_of(upstream) as client,
        client.send("GET", "/") as response,
    ):
        assert await anext(response.pieces()) == b"abc"
        with pytest.raises(Broken) as failure:
            await anext(response.pieces())

    assert failure.value.begun


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200", CHUNKED])
async def test_silence_before_the_answer_and_within_it_has_an_end(head: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(head)
        await visit.gone()

    bounds = Bounds(head_seconds=QUICK, silence_seconds=QUICK)
    async with Upstream(script).open() as upstream, client_of(upstream, bounds=bounds) as client:
        with pytest.raises(Silent):
            await get(client)
        await upstream.left.wait()

    assert upstream.visits == 1


async def test_leaving_before_the_end_closes_the_socket_at_once() -> None:
    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(CHUNKED, b"1\r\na\r\n")
        await visit.gone()

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        async with client.send("GET", "/") as response:
            assert await anext(response.pieces()) == b"a"
        await upstream.left.wait()
        with pytest.raises(Broken):
            await anext(response.pieces())
        assert client.idle_connections == 0


@pytest.mark.parametrize("head", [b"", CHUNKED], ids=["head", "body"])
async def test_a_cancelled_request_closes_the_socket_at_once(head: bytes) -> None:
    asked = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(head)
        asked.set()
        await visit.gone()

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        request = asyncio.create_task(get(client))
        await asked.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await upstream.left.wait()


async def test_a_request_cancelled_while_it_connects_leaves_no_socket(papers: Papers) -> None:
    came = asyncio.Event()

    async def script(visit: Visit) -> None:
        came.set()
        await visit.gone()

    async with Upstream(script).open() as upstream:  # it never shakes hands
        url = upstream.url.replace("http://", "https://")
        client = Client(parse_target(url), ca_file=papers.authority)
        await client.start()
        request = asyncio.create_task(get(client))
        await came.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await upstream.left.wait()
        await client.stop()


async def test_stopping_closes_what_is_idle_and_what_is_not() -> None:
    async with Upstream(saying(CHUNKED)).open() as upstream:
        client = Client(parse_target(upstream.url))
        await client.start()
        async with client.send("GET", "/") as response:
            await client.stop()
            with pytest.raises(Broken):
                await anext(response.pieces())
        with pytest.raises(Unreachable):
            await get(client)
        await client.stop()
        await upstream.left.wait()


async def test_a_client_that_was_stopped_can_be_started_again() -> None:
    async with Upstream(kind).open() as upstream:
        client = Client(parse_target(upstream.url))
        for _ in range(2):
            await client.start()
            assert await get(client) == b"hello"
            await client.stop()

    assert upstream.visits == 2


async def test_an_answer_before_the_body_was_sent_is_heard_and_the_connection_is_not_kept() -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        await visit.say(HELLO)
        await visit.gone()

    async with (
        Upstream(script).open() as upstream,
        client_of(upstream) as client,
        client.send("POST", "/", b"x" * 64_000_000) as response,
    ):
        assert await response.read(5) == b"hello"
        assert client.idle_connections == 0

    assert upstream.visits == 1


async def test_a_slow_reader_slows_the_server_down() -> None:
    sent = 0

    async def script(visit: Visit) -> None:
        nonlocal sent
        await visit.listen()
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n")
        visit.writer.transport.set_write_buffer_limits(high=0)
        for _ in range(640):
            await visit.say(b"x" * 100_000)
            sent += 1

    bounds = Bounds(held_bytes=100_000)
    async with (
        Upstream(script).open() as upstream,
        client_of(upstream, bounds=bounds) as client,
        client.send("GET", "/") as response,
    ):
        for _ in range(2000):  # turns of the event loop, of which the whole body would take 250
            await asyncio.sleep(0)
        assert 0 < response.held <= 100_000 + 262_144
        assert sent < 640
        assert sum([len(piece) async for piece in response.pieces()]) == 64_000_000

    assert sent == 640


async def test_leaving_a_secure_server_closes_the_socket_too(papers: Papers) -> None:
    async def script(visit: Visit) -> None:
        await visit.listen()
        await visit.say(CHUNKED, b"1\r\na\r\n")
        await visit.gone()

    async with (
        Upstream(script).open(tls=papers.server) as upstream,
        client_of(upstream, ca_file=papers.authority) as client,
    ):
        async with client.send("GET", "/") as response:
            assert await anext(response.pieces()) == b"a"
        await upstream.left.wait()


async def test_a_body_is_not_held_while_its_answer_streams() -> None:
    body = b"".join([b"x"] * 1000)
    async with Upstream(saying(CHUNKED)).open() as upstream, client_of(upstream) as client:
        held = sys.getrefcount(body)
        async with client.send("POST", "/", (body,)) as response:
            assert response.status == 200
            assert sys.getrefcount(body) == held


async def test_a_client_that_is_stopped_while_it_connects_connects_to_nothing() -> None:
    async with Upstream(kind).open() as upstream, client_of(upstream) as client:
        request = asyncio.create_task(get(client))
        await asyncio.sleep(0)
        await client.stop()
        with pytest.raises(Unreachable):
            await request
        assert client.open_connections == 0


async def test_a_connection_reset_is_broken() -> None:
    async def script(visit: Visit) -> None:
        await visit.listen()
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        wire = visit.writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        visit.writer.transport.abort()

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        with pytest.raises(Failure) as failure:
            await get(client)

    assert isinstance(failure.value, Broken)
