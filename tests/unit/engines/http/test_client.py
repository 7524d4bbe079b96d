"""Sending: what goes out, and what comes back when a server is there, secure, strange or not there."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
import uvloop

from readstone import __version__
from readstone.core.errors import ConfigurationError
from readstone.engines.http.client import Client, Limits
from readstone.engines.http.connection import Connection
from readstone.engines.http.response import Crowded, Garbled, Unreachable
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


async def test_an_answer_larger_than_its_reader_takes_is_refused() -> None:
    async with (
        Upstream(kind).open() as upstream,
        client_of(upstream) as client,
        client.send("GET", "/") as response,
    ):
        with pytest.raises(Garbled, match="more than 4 bytes"):
            await response.read(4)


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


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_connection_that_is_given_up_as_it_is_made_does_not_keep_the_client_from_stopping(
    run: Callable[[Coroutine[None, None, None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Connection.connection_made
    tasks: list[asyncio.Task[Connection]] = []

    def made_too_late(self: Connection, transport: asyncio.BaseTransport) -> None:
        made(self, transport)
        tasks[0].cancel()

    async def main() -> None:
        async with Upstream(saying(HELLO)).open() as upstream, client_of(upstream) as client:
            tasks.append(asyncio.create_task(client.connect()))
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
            assert client.open_connections == 0
            async with asyncio.timeout(5):
                await client.stop()

    monkeypatch.setattr(Connection, "connection_made", made_too_late)
    run(main())
