import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from readstone import __version__
from readstone.core.errors import ConfigurationError
from readstone.engines.http.client import Client, Limits
from readstone.engines.http.connection import Bounds
from readstone.engines.http.response import Broken, Crowded, Failure, Garbled, Silent, Unreachable
from readstone.engines.http.target import parse_target
from unit.engines.http.upstream import (
    CHUNKED,
    END,
    HELLO,
    QUICK,
    Papers,
    Upstream,
    Visit,
    body_of,
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


async def test_a_request_goes_out_as_it_was_put_together() -> None:
    heard: list[tuple[list[str], bytes]] = []

    async def script(visit: Visit) -> None:
        while True:
            heard.append(await visit.listen())
            await visit.say(HELLO)

    key = ("authorization", "Bearer sk-1")
    async with (
        Upstream(script).open() as upstream,
        client_of(upstream, credentials=[key]) as client,
    ):
        headers = [("content-type", "application/json"), ("x-request-id", "1")]
        async with client.send("POST", "/v1/chat", (b"{", b'"a":1', b"}"), headers) as response:
            assert response.status == 200
            assert response.header("CONTENT-type") == "text/plain"
            assert response.header("x-other") is None
            assert await response.read(100) == b"hello"
        await get(client, "/v1/models?a=b")

    fixed = [
        f"host: {upstream.url.removeprefix('http://')}",
        "accept-encoding: identity",
        f"user-agent: Readstone/{__version__}",
        "authorization: Bearer sk-1",
    ]
    lines = ["content-type: application/json", "x-request-id: 1", "content-length: 7"]
    assert heard == [
        (["POST /v1/chat HTTP/1.1", *fixed, *lines], b'{"a":1}'),
        (["GET /v1/models?a=b HTTP/1.1", *fixed], b""),
    ]


async def test_a_post_without_a_body_says_so() -> None:
    heard: list[list[str]] = []

    async def script(visit: Visit) -> None:
        heard.append((await visit.listen())[0])
        await visit.say(HELLO)

    async with (
        Upstream(script).open() as upstream,
        client_of(upstream) as client,
        client.send("POST", "/"),
    ):
        pass

    assert heard[0][-1] == "content-length: 0"


async def test_a_large_body_arrives_whole() -> None:
    pieces = [bytes([number]) * 700_001 for number in range(4)]
    bodies: list[bytes] = []

    async def script(visit: Visit) -> None:
        while True:
            bodies.append((await visit.listen())[1])
            await visit.say(HELLO)

    async with Upstream(script).open() as upstream, client_of(upstream) as client:
        for _ in range(2):
            async with client.send("POST", "/", pieces) as response:
                assert await body_of(response) == b"hello"

    assert bodies == [b"".join(pieces)] * 2
    assert upstream.visits == 1


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


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = Client(parse_target(f"http://127.0.0.1:{taken.getsockname()[1]}"))
        await client.start()
        with pytest.raises(Unreachable):
            await get(client)
        await client.stop()


async def test_a_socket_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    client = Client(parse_target(f"unix:{tmp_path}/no.sock"))
    await client.start()
    with pytest.raises(Unreachable):
        await get(client)
    await client.stop()


async def test_a_name_that_is_not_known_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = Client(parse_target("http://nowhere.invalid"))
    await client.start()
    loop = type("Loop", (), {"create_connection": staticmethod(nowhere)})()
    monkeypatch.setattr(client, "_loop", loop)
    with pytest.raises(Unreachable, match="not known"):
        await get(client)


async def test_a_connection_that_takes_too_long_is_unreachable(papers: Papers) -> None:
    async with Upstream(Visit.gone).open() as upstream:  # it never shakes hands
        url = upstream.url.replace("http://", "https://")
        limits = Limits(connect_seconds=QUICK)
        client = Client(parse_target(url), ca_file=papers.authority, limits=limits)
        await client.start()
        with pytest.raises(Unreachable, match=f"{QUICK:g} seconds"):
            await get(client)
        await upstream.left.wait()
        await client.stop()


async def test_more_connections_than_may_be_open_are_refused() -> None:
    async with (
        Upstream(saying(CHUNKED)).open() as upstream,
        client_of(upstream, limits=Limits(connections=2)) as client,
        client.send("GET", "/"),
        client.send("GET", "/"),
    ):
        with pytest.raises(Crowded):
            await get(client)

    assert upstream.visits == 2


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


async def test_an_answer_larger_than_its_reader_takes_is_refused() -> None:
    async with (
        Upstream(kind).open() as upstream,
        client_of(upstream) as client,
        client.send("GET", "/") as response,
    ):
        with pytest.raises(Garbled, match="more than 4 bytes"):
            await response.read(4)


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


async def test_a_unix_socket_is_a_server_like_any_other(tmp_path: Path) -> None:
    async with (
        Upstream(kind).open(path=tmp_path / "engine.sock") as upstream,
        client_of(upstream) as client,
    ):
        assert [await get(client) for _ in range(3)] == [b"hello"] * 3

    assert upstream.visits == 1


async def test_a_secure_server_with_known_papers_is_spoken_to(papers: Papers) -> None:
    names: list[str] = []
    papers.server.sni_callback = lambda _, name, __: names.append(name)
    chunk = b"40000\r\n" + b"x" * 262_144 + b"\r\n"
    async with (
        Upstream(saying(CHUNKED, *[chunk] * 8, END)).open(tls=papers.server) as upstream,
        client_of(upstream, ca_file=papers.authority) as client,
    ):
        for _ in range(3):
            async with client.send("POST", "/", b"x" * 2_000_000) as response:
                assert len(await body_of(response)) == 8 * 262_144

    assert names == ["localhost"]
    assert upstream.visits == 1


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


async def test_a_secure_server_with_strange_papers_is_unreachable(papers: Papers) -> None:
    async with Upstream(kind).open(tls=papers.server) as upstream:
        client = Client(parse_target(upstream.url))
        await client.start()
        with pytest.raises(Unreachable, match=r"(?i)certificate"):
            await get(client)
        await client.stop()


async def test_a_secure_server_with_papers_of_another_name_is_unreachable(papers: Papers) -> None:
    async with Upstream(kind).open(tls=papers.server) as upstream:
        client = Client(
            parse_target(upstream.url.replace("localhost", "127.0.0.1")), ca_file=papers.authority
        )
        await client.start()
        with pytest.raises(Unreachable):
            await get(client)
        await client.stop()


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_certificates_that_cannot_be_read_stop_the_start(
    content: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    client = Client(parse_target("https://a"), ca_file=path)
    with pytest.raises(ConfigurationError, match="readable PEM"):
        await client.start()


def test_credentials_that_no_header_can_carry_are_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        Client(parse_target("http://a"), credentials=[("authorization", "Bearer sec\nret")])

    assert "sec" not in str(refusal.value)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("v1", "a", "b"),
        ("/v1 HTTP/1.1\r\nx: y", "a", "b"),
        ("/é", "a", "b"),
        ("/v1", "a b", "c"),
        ("/v1", "a", "b\r\nc: d"),
        ("/v1", "a", "é\u20ac"),
        ("/v1", "", "b"),
        ("/v1", "Content-Length", "5"),
        ("/v1", "host", "other.example"),
    ],
)
async def test_nothing_can_be_smuggled_into_a_head(path: str, name: str, value: str) -> None:
    client = Client(parse_target("http://a"))
    with pytest.raises(ValueError, match=r"path|header"):
        client.send("GET", path, headers=[(name, value)])


def test_a_get_with_a_body_is_refused() -> None:
    with pytest.raises(ValueError, match="no body"):
        Client(parse_target("http://a")).send("GET", "/", b"x")


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


async def test_a_kept_connection_that_has_just_ended_is_passed_over() -> None:
    async with Upstream(kind).open() as upstream, client_of(upstream) as client:
        await asyncio.gather(get(client), get(client))
        latest = client.take()
        assert latest is not None
        client.give_back(latest)
        latest.eof_received()
        assert client.take() not in {None, latest}


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
