"""The proof that a hostile server costs a fetch no more than its limits, and that leaving it closes its socket."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from proof.certificates import Certificates
from proof.web import (
    PARAM,
    PNG,
    PUBLIC,
    QUICK,
    Answer,
    Diverted,
    Names,
    Site,
    Visit,
    fetching,
    names,
    redirect,
    reply,
)
from readstone.core.errors import InvalidImage, Overloaded, TooLarge
from readstone.media.address import Address
from readstone.media.fetch import Fetcher
from readstone.media.policy import FetchPolicy

URL = "http://images.example/a.png?signature=secret"
LIMIT = 20 * 1024 * 1024
PATIENT = FetchPolicy(total_seconds=30, connect_seconds=5)
IMPATIENT = FetchPolicy(total_seconds=QUICK, connect_seconds=QUICK)
OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def _met(policy: FetchPolicy, answer: Answer) -> AsyncGenerator[tuple[Fetcher, Site]]:
    async with (
        Site(answer).open() as site,
        fetching(policy, names(), Diverted(site)) as fetcher,
    ):
        yield fetcher, site


async def _refused(policy: FetchPolicy, answer: Answer) -> InvalidImage:
    """The error of a fetch; the server's side of the connection has been closed by then."""
    async with _met(policy, answer) as (fetcher, site):
        with pytest.raises(InvalidImage) as caught:
            await fetcher.fetch(URL, PARAM)
        await asyncio.wait_for(site.left.wait(), 5)
    assert "secret" not in caught.value.message
    assert "a.png" not in caught.value.message
    return caught.value


def _stalling(sent: bytes) -> Answer:
    async def answer(visit: Visit) -> None:
        await visit.send(sent)
        await visit.gone()

    return answer


def _endless(head: bytes, piece: bytes) -> Answer:
    async def answer(visit: Visit) -> None:
        await visit.send(head)
        while True:
            await visit.send(piece)

    return answer


def _trickling(head: bytes, piece: bytes) -> Answer:
    """A piece each few milliseconds: never silent, never done."""

    async def answer(visit: Visit) -> None:
        await visit.send(head)
        while True:
            await visit.send(piece)
            await asyncio.sleep(0.01)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_stalling(b""), id="says nothing"),
        pytest.param(_stalling(b"HTTP/1.1 200 OK\r\nX: "), id="stops in its head"),
        pytest.param(
            _stalling(OK + b"Content-Length: 99999\r\n\r\n" + PNG), id="stops in its body"
        ),
        pytest.param(_trickling(OK, b"X: y\r\n"), id="trickles headers"),
        pytest.param(_trickling(OK + b"\r\n" + PNG, b"x"), id="trickles a body"),
        pytest.param(
            _trickling(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
            id="trickles chunks",
        ),
        pytest.param(
            _trickling(b"", b"HTTP/1.1 102 Wait\r\n\r\n"), id="trickles interim responses"
        ),
    ],
)
async def test_a_slow_server_is_left_when_the_time_is_up(answer: Answer) -> None:
    error = await _refused(IMPATIENT, answer)

    assert error.code == "image_fetch_failed"
    assert "did not answer in time" in error.message


async def test_slow_redirects_share_one_clock() -> None:
    async def answer(visit: Visit) -> None:
        await asyncio.sleep(QUICK * 0.6)
        await redirect("/again")(visit)

    error = await _refused(replace(IMPATIENT, redirects=100), answer)

    assert "did not answer in time" in error.message


async def test_a_lookup_that_never_ends_is_left_when_the_time_is_up() -> None:
    class Silent(Names):
        async def resolve(self, name: str) -> tuple[Address, ...]:
            await asyncio.get_running_loop().create_future()
            return await super().resolve(name)

    async with fetching(IMPATIENT, Silent({})) as fetcher:
        with pytest.raises(InvalidImage, match="did not answer in time"):
            await fetcher.fetch(URL, PARAM)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_endless(OK + b"\r\n" + PNG, b"x" * 65536), id="no length"),
        pytest.param(
            _endless(
                OK + b"Transfer-Encoding: chunked\r\n\r\n",
                b"10000\r\n" + PNG[:8] + b"x" * 65528 + b"\r\n",
            ),
            id="chunked",
        ),
        pytest.param(
            _stalling(OK + f"Content-Length: {LIMIT + 1}\r\n\r\n".encode() + PNG), id="announced"
        ),
        pytest.param(
            _stalling(OK + b"Content-Length: 99999999999999999999\r\n\r\n"), id="announced, absurd"
        ),
    ],
)
async def test_a_body_over_the_limit_is_refused_where_it_crosses_it(answer: Answer) -> None:
    async with _met(PATIENT, answer) as (fetcher, site):
        with pytest.raises(TooLarge, match=r"more than (20971520|52428800) bytes") as caught:
            await fetcher.fetch(URL, PARAM)
        await asyncio.wait_for(site.left.wait(), 5)

    assert caught.value.param == PARAM


async def test_a_pdf_has_a_limit_of_its_own() -> None:
    policy = replace(PATIENT, bytes=2000, document_bytes=9000)
    pdf = b"%PDF-" + bytes(8995)

    async with _met(policy, reply(pdf)) as (fetcher, _):
        assert await fetcher.fetch(URL, PARAM) == pdf
    async with _met(policy, reply(pdf + b"\0")) as (fetcher, _):
        with pytest.raises(TooLarge, match="more than 9000 bytes"):
            await fetcher.fetch(URL, PARAM)
    async with _met(policy, _stalling(OK + b"Content-Length: 2001\r\n\r\n" + PNG[:1024])) as (
        fetcher,
        _,
    ):
        with pytest.raises(TooLarge, match="more than 2000 bytes"):
            await fetcher.fetch(URL, PARAM)
    async with _met(replace(policy, bytes=20), reply(PNG[:21])) as (fetcher, _):
        with pytest.raises(TooLarge, match="more than 20 bytes"):
            await fetcher.fetch(URL, PARAM)


@pytest.mark.parametrize("headers", [[f"Content-Length: {LIMIT}"], []], ids=["announced", "not"])
async def test_the_limit_is_inclusive(headers: list[str]) -> None:
    body = PNG + bytes(LIMIT - len(PNG))

    async with _met(PATIENT, reply(body, 200, headers)) as (fetcher, _):
        assert await fetcher.fetch(URL, PARAM) == body
    async with _met(PATIENT, reply(body + b"\0", 200, [])) as (fetcher, _):
        with pytest.raises(TooLarge):
            await fetcher.fetch(URL, PARAM)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_endless(b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 1000), id="interim responses"),
        pytest.param(_endless(OK, b"X: " + b"y" * 8000 + b"\r\n"), id="headers"),
        pytest.param(_endless(OK + b"X: ", b"y" * 8000), id="one header"),
        pytest.param(
            _endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10000),
            id="tiny chunks",
        ),
        pytest.param(
            _endless(
                OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n%PDF-\r\n",
                b"1;" + b"e" * 999 + b"\r\nx\r\n",
            ),
            id="chunk extensions",
        ),
        pytest.param(
            _endless(
                OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n%PDF-\r\n0\r\n",
                b"T: " + b"t" * 999 + b"\r\n",
            ),
            id="trailers",
        ),
    ],
)
async def test_what_is_endless_around_a_body_ends_long_before_the_time_is_up(
    answer: Answer,
) -> None:
    error = await _refused(PATIENT, answer)

    assert error.code == "image_fetch_failed"
    assert "in time" not in error.message


@pytest.mark.parametrize(
    "coding", ["gzip", "br", "deflate", "x-gzip", "identity, gzip", "GZIP", "?"]
)
async def test_a_coded_body_is_refused_so_no_bomb_is_ever_unpacked(coding: str) -> None:
    bomb = gzip.compress(PNG + bytes(10_000_000))

    error = await _refused(
        PATIENT, reply(bomb, 200, [f"Content-Encoding: {coding}", f"Content-Length: {len(bomb)}"])
    )

    assert "compressed" in error.message


async def test_a_coded_transfer_is_refused() -> None:
    error = await _refused(PATIENT, reply(gzip.compress(PNG), 200, ["Transfer-Encoding: gzip"]))

    assert error.code == "image_fetch_failed"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<!DOCTYPE html><html>internal secret", "a web page"),
        (b"\n<html>" + b"secret " * 9000, "a web page"),
        (b"GIF89a secret", "a GIF image"),
        (b"<svg xmlns='secret'/>", "an SVG"),
        (b'{"secret": 1}', "text"),
        (b"\x00\x01secret", "not an image"),
        (b"", "sent nothing"),
    ],
)
async def test_what_is_no_image_is_refused_whatever_it_is_called(body: bytes, told: str) -> None:
    error = await _refused(PATIENT, reply(body))

    assert told in error.message


async def test_a_page_is_refused_at_its_first_bytes() -> None:
    error = await _refused(PATIENT, _stalling(OK + b"\r\n<html>" + b" " * 2000))

    assert "a web page" in error.message


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(OK + b"Content-Length: 9000\r\n\r\n" + PNG, id="shorter than announced"),
        pytest.param(OK + b"Content-Length: -1\r\n\r\n" + PNG, id="negative length"),
        pytest.param(
            OK + b"Content-Length: 10\r\nContent-Length: 20\r\n\r\n" + PNG, id="two lengths"
        ),
        pytest.param(OK + b"Content-Length: ten\r\n\r\n" + PNG, id="a word for a length"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="a broken chunk"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n%PDF-\r\n", id="half a body"),
        pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200", id="half a line"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", id="TLS on port 80"),
        pytest.param(
            b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", id="another protocol, politely"
        ),
    ],
)
async def test_what_is_not_whole_http_is_refused_without_its_words(sent: bytes) -> None:
    async def answer(visit: Visit) -> None:
        await visit.send(sent)

    error = await _refused(PATIENT, answer)

    assert error.code == "image_fetch_failed"
    assert "OpenSSH" not in error.message


async def test_a_body_ends_where_its_announced_length_says() -> None:
    headers = [f"Content-Length: {len(PNG)}"]

    async with _met(PATIENT, reply(PNG + b"more", 200, headers)) as (fetcher, _):
        assert await fetcher.fetch(URL, PARAM) == PNG


@pytest.mark.parametrize(
    "status", [201, 203, 204, 206, 300, 304, 400, 401, 403, 404, 407, 500, 503]
)
async def test_another_status_is_named_without_the_words_of_the_server(status: int) -> None:
    error = await _refused(PATIENT, reply(b"", status, ["Content-Length: 0", "X: internal"]))

    assert f"status {status}" in error.message
    assert "Because" not in error.message


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 0"],
        ["Content-Length: 0", "Location: /1", "Location: /2"],
        [b"Content-Length: 0\r\nLocation: /\xff".decode("latin-1")],
    ],
)
async def test_a_redirect_to_nowhere_is_refused(headers: list[str]) -> None:
    error = await _refused(PATIENT, reply(b"", 302, headers))

    assert error.code == "image_fetch_failed" or "not allowed" in error.message


async def test_the_certificate_is_held_against_the_name(certificates: Certificates) -> None:
    for server, trusted in (
        (certificates.wrong, certificates.trusted),
        (certificates.right, None),
    ):
        async with Site(reply(PNG), server).open() as site:
            network = Diverted(site)
            async with fetching(PATIENT, names(), network, trusted) as fetcher:
                with pytest.raises(InvalidImage, match="certificate is not valid") as caught:
                    await fetcher.fetch("https://images.example/", PARAM)
            assert network.attempts == [(PUBLIC, 443)]
            assert site.visits == []
        assert "hostname" not in caught.value.message.lower()


async def test_the_right_certificate_is_taken(certificates: Certificates) -> None:
    async with Site(reply(PNG), certificates.right).open() as site:
        network = Diverted(site)
        async with fetching(PATIENT, names(), network, certificates.trusted) as fetcher:
            assert await fetcher.fetch("https://images.example/", PARAM) == PNG

    assert network.attempts == [(PUBLIC, 443)]


async def test_a_server_without_tls_on_the_port_of_https_is_refused() -> None:
    async with (
        Site(reply(PNG)).open() as site,
        fetching(IMPATIENT, names(), Diverted(site)) as fetcher,
    ):
        with pytest.raises(InvalidImage) as caught:
            await fetcher.fetch("https://images.example/", PARAM)

    assert caught.value.code == "image_fetch_failed"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_stalling(b""), id="before the head"),
        pytest.param(_stalling(OK + b"\r\n" + PNG), id="in the body"),
    ],
)
async def test_a_client_that_leaves_closes_the_remote_socket(answer: Answer) -> None:
    async with _met(PATIENT, answer) as (fetcher, site):
        fetch = asyncio.create_task(fetcher.fetch(URL, PARAM))
        await asyncio.wait_for(site.came.wait(), 5)
        assert not site.left.is_set()

        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch

        await asyncio.wait_for(site.left.wait(), 5)


async def test_a_client_that_leaves_during_the_handshake_closes_the_remote_socket() -> None:
    silent = asyncio.Event()
    closed = asyncio.Event()

    async def never_greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.set()
        while await reader.read(4096):
            pass
        closed.set()
        writer.close()

    server = await asyncio.start_server(never_greets, "127.0.0.1", 0)
    site = Site(reply(PNG))
    site.port = server.sockets[0].getsockname()[1]
    async with fetching(PATIENT, names(), Diverted(site)) as fetcher:
        fetch = asyncio.create_task(fetcher.fetch("https://images.example/", PARAM))
        await asyncio.wait_for(silent.wait(), 5)
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        await asyncio.wait_for(closed.wait(), 5)
    server.close()
    await server.wait_closed()


async def test_stopping_ends_what_is_under_way() -> None:
    async with _met(PATIENT, _stalling(b"")) as (fetcher, site):
        fetch = asyncio.create_task(fetcher.fetch(URL, PARAM))
        await asyncio.wait_for(site.came.wait(), 5)

        await fetcher.stop()

        with pytest.raises(Overloaded):
            await fetch
        await asyncio.wait_for(site.left.wait(), 5)


async def test_no_more_fetches_run_than_the_policy_has_places() -> None:
    policy = replace(PATIENT, concurrency=1, connect_seconds=QUICK)
    async with _met(policy, _stalling(b"")) as (fetcher, site):
        first = asyncio.create_task(fetcher.fetch(URL, PARAM))
        await asyncio.wait_for(site.came.wait(), 5)

        with pytest.raises(Overloaded):
            await fetcher.fetch("http://other.example/", PARAM)

        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert site.connections == 1
