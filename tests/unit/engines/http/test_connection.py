import asyncio
import socket
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.engines.http.connection import Bounds
from readstone.engines.http.response import Broken, Failure, Garbled, Response, Silent
from unit.engines.http.upstream import CHUNKED, END, HELLO
from unit.engines.http.wire import Rig, outcome, rig

LENGTH = b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a:2\r\nContent-Length: 11\r\n\r\nhello\r\nyou!"
CODED = CHUNKED + b"5;a=b\r\nhello\r\n00a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n"
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"
OPEN = b"HTTP/1.1 200 OK\r\nServer: me\r\n\r\nhello"
CUT = HELLO[:-3]
WRONG = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"

ANSWERS = {
    "length": LENGTH,
    "chunked": CODED,
    "early": EARLY + HELLO,
    "empty": EMPTY,
    "open": OPEN,
    "cut": CUT,
    "cut in a chunk": CODED[:-20],
    "cut in the head": HELLO[:30],
    "both lengths": WRONG,
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "switched": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na",
    "coded": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk of no size": CHUNKED + b"x\r\n",
}


def pieces_of(answer: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(answer) + 1) for cut in cuts), len(answer)]
    return [answer[start:end] for start, end in pairwise(places) if end > start]


def run(*, pieces: list[bytes], ends: bool = True, bounds: Bounds | None = None) -> object:
    return asyncio.run(outcome(pieces, ends=ends, bounds=bounds))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_cut_in_two_anywhere_is_the_same_answer(name: str) -> None:
    answer = ANSWERS[name]
    whole = run(pieces=[answer])
    for cut in range(1, len(answer)):
        assert run(pieces=[answer[:cut], answer[cut:]]) == whole


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_comes_byte_by_byte_is_the_same_answer(name: str) -> None:
    answer = ANSWERS[name]
    assert run(pieces=[answer[at : at + 1] for at in range(len(answer))]) == run(pieces=[answer])


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 200), max_size=8))
def test_an_answer_cut_into_any_pieces_is_the_same_answer(name: str, cuts: list[int]) -> None:
    answer = ANSWERS[name]
    assert run(pieces=pieces_of(answer, cuts)) == run(pieces=[answer])


@given(st.sampled_from(sorted(ANSWERS)), st.integers(0, 200), st.binary(max_size=4))
def test_damage_ends_in_an_answer_or_in_a_failure_of_ours(
    name: str, place: int, wound: bytes
) -> None:
    answer = ANSWERS[name]
    damaged = answer[:place] + wound + answer[place + 2 :]
    run(pieces=[damaged], ends=place % 2 == 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "length",
            (
                404,
                ((b"content-length", b"11"), (b"x-a", b"1, 2")),
                b"hello\r\nyou!",
                "NoneType",
                True,
            ),
        ),
        (
            "chunked",
            (200, ((b"transfer-encoding", b"chunked"),), b"hello" + b"\r\n" * 5, "NoneType", True),
        ),
        ("empty", (204, ((b"x", b"y"),), b"", "NoneType", True)),
        ("cut in the head", (b"", "waits", False)),
        ("both lengths", (b"", "Garbled", False)),
        ("no status", (b"", "Garbled", False)),
        ("another protocol", (b"", "Garbled", False)),
        ("switched", (b"", "Garbled", False)),
        ("compressed", (b"", "Garbled", False)),
        ("coded", (b"", "Garbled", False)),
        ("chunk of no size", (200, ((b"transfer-encoding", b"chunked"),), b"", "Garbled", False)),
    ],
)
async def test_answers_are_what_they_say(name: str, expected: object) -> None:
    assert await outcome([ANSWERS[name]]) == expected


async def test_what_announces_an_answer_is_none() -> None:
    assert await outcome([EARLY, HELLO]) == await outcome([HELLO])


async def test_only_a_body_without_a_length_ends_with_the_connection() -> None:
    assert (await outcome([OPEN]))[-2:] == ("waits", False)
    assert (await outcome([OPEN], ends=True))[-3:] == (b"hello", "NoneType", False)
    assert (await outcome([CUT], ends=True))[-3:] == (b"he", "Broken", False)
    assert (await outcome([CHUNKED, b"5\r\nhello\r\n"], ends=True))[-2:] == ("Broken", False)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9 + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100,
        b"HTTP/1.1 200 " + b"OK" * 500,
    ],
    ids=["header", "whole head", "fields", "early hints", "reason"],
)
async def test_heads_are_bounded(answer: bytes) -> None:
    bounds = Bounds(head_bytes=500, fields=8)

    assert (await outcome([answer], bounds=bounds))[-2:] == ("Garbled", False)
    slowly = [answer[at : at + 100] for at in range(0, len(answer), 100)]
    assert (await outcome(slowly, bounds=bounds))[-2:] == ("Garbled", False)


@pytest.mark.parametrize("start", [b"1;", b"0\r\nTrailer: "], ids=["chunk extension", "trailer"])
async def test_what_comes_between_pieces_of_a_body_is_bounded(start: bytes) -> None:
    pieces = [CHUNKED, start, *[b"a" * 100] * 6]

    assert (await outcome(pieces, bounds=Bounds(head_bytes=500)))[-2:] == ("Garbled", False)
    assert (await outcome(pieces[:-2], bounds=Bounds(head_bytes=500)))[-2:] == ("waits", False)


async def test_bodies_are_not_bounded() -> None:
    answer = CHUNKED + b"1;a\r\na\r\n" * 1000 + END

    assert (await outcome([answer], bounds=Bounds(head_bytes=500)))[-2:] == ("NoneType", True)


async def begun(made: Rig, answer: bytes = CHUNKED) -> Response:
    """A response whose head is there."""
    asking = asyncio.ensure_future(made.connection.ask((b"GET",)))
    await asyncio.sleep(0)
    made.hear([answer])
    return await asking


async def test_reading_pauses_where_more_is_held_than_may_be_and_goes_on_when_it_is_taken() -> None:
    with rig(Bounds(held_bytes=4)) as made:
        response = await begun(made)
        made.hear([b"4\r\nabcd\r\n"])
        assert not made.line.is_paused
        made.hear([b"1\r\ne\r\n"])
        assert made.line.is_paused
        made.hear([b"1\r\nf\r\n"])  # an event loop may have more in hand
        assert await anext(response.pieces()) == b"abcdef"
        assert not made.line.is_paused
        made.hear([b"8\r\nabcdefgh\r\n", END])
        assert [piece async for piece in response.pieces()] == [b"abcdefgh"]
        assert not made.line.is_paused
        assert made.connection.is_idle


async def test_reading_does_not_pause_after_the_end() -> None:
    with rig(Bounds(held_bytes=4)) as made:
        await begun(made, CHUNKED + b"8\r\nabcdefgh\r\n" + END)

        assert not made.line.is_paused
        assert made.connection.is_idle


async def test_what_an_answer_without_being_asked_says_closes_the_connection() -> None:
    with rig() as made:
        made.hear([HELLO])

        assert not made.line.is_open
        with pytest.raises(Broken) as failure:
            await made.connection.ask((b"GET",))
        assert not failure.value.begun
        assert made.line.sent == []


async def test_a_connection_carries_one_answer_after_the_other() -> None:
    with rig() as made:
        for answer in (HELLO, EMPTY, CODED, EARLY + LENGTH, HELLO):
            response = await begun(made, answer)
            assert (await response.read(100)) is not None
            assert made.connection.is_idle


async def test_an_answer_after_the_connection_was_lost_is_what_had_come() -> None:
    with rig() as made:
        response = await begun(made, HELLO)
        made.lose()

        assert await response.read(5) == b"hello"
        assert made.lost == 1


@pytest.mark.parametrize("error", [None, ConnectionResetError("internal.example:80")])
async def test_a_connection_lost_before_the_answer_says_that_nothing_had_begun(
    error: Exception | None,
) -> None:
    with rig() as made:
        asking = asyncio.ensure_future(made.connection.ask((b"GET",)))
        await asyncio.sleep(0)
        made.lose(error)
        with pytest.raises(Broken) as failure:
            await asking

    assert not failure.value.begun
    assert "internal" not in str(failure.value)


async def test_silence_is_counted_from_when_somebody_waits() -> None:
    with rig(Bounds(silence_seconds=10)) as made:
        response = await begun(made)
        made.clock.move(100)
        waiting = asyncio.ensure_future(anext(response.pieces()))
        await asyncio.sleep(0)
        made.clock.move(9)
        made.hear([b"1\r\na\r\n"])
        assert await waiting == b"a"
        made.clock.move(100)
        assert made.line.is_open

        waiting = asyncio.ensure_future(anext(response.pieces()))
        await asyncio.sleep(0)
        made.clock.move(9)
        assert made.line.is_open
        made.clock.move(1)
        with pytest.raises(Silent):
            await waiting
        assert not made.line.is_open


async def test_a_stream_that_goes_on_sets_no_timer_for_each_of_its_pieces() -> None:
    with rig(Bounds(silence_seconds=10)) as made:
        response = await begun(made)
        timers: set[int] = set()
        for _ in range(100):
            waiting = asyncio.ensure_future(anext(response.pieces()))
            await asyncio.sleep(0)
            timers.update(map(id, made.clock.timers))
            assert len(made.clock.timers) == 1
            made.clock.move(0.05)
            made.hear([b"1\r\na\r\n"])
            assert await waiting == b"a"

    assert len(timers) == 1


async def test_a_timer_that_comes_early_is_set_again() -> None:
    with rig(Bounds(silence_seconds=10)) as made:
        response = await begun(made)
        pieces = response.pieces()
        for expected in (b"a", b"b"):
            waiting = asyncio.ensure_future(anext(pieces))
            await asyncio.sleep(0)
            made.clock.move(7)
            made.hear([b"1\r\n%b\r\n" % expected])
            assert await waiting == expected
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        made.clock.move(6)
        assert made.line.is_open
        made.clock.move(4)
        with pytest.raises(Silent):
            await waiting


async def test_the_head_has_a_time_of_its_own() -> None:
    with rig(Bounds(head_seconds=30, silence_seconds=10)) as made:
        asking = asyncio.ensure_future(made.connection.ask((b"GET",)))
        await asyncio.sleep(0)
        made.clock.move(29)
        assert made.line.is_open
        made.clock.move(1)
        with pytest.raises(Silent):
            await asking


async def test_a_lost_connection_leaves_no_timer() -> None:
    with rig() as made:
        await begun(made)
        assert made.clock.timers
        made.lose()
        assert not made.clock.timers


async def test_an_answer_is_left_alone_by_whoever_uses_its_connection_next() -> None:
    with rig() as made:
        first = await begun(made, HELLO)
        second = await begun(made, LENGTH)

        assert await second.read(100) == b"hello\r\nyou!"
        assert await first.read(100) == b"hello"


async def test_what_fails_stays_failed() -> None:
    with rig() as made:
        response = await begun(made)
        made.hear([b"rubbish"])
        for _ in range(2):
            with pytest.raises(Garbled):
                await anext(response.pieces())
        made.lose()
        with pytest.raises(Garbled):
            await response.read(1)


def test_every_failure_is_of_one_kind() -> None:
    assert issubclass(Garbled, Broken)
    assert issubclass(Broken, Failure)
    assert issubclass(Silent, Failure)


async def test_what_came_in_the_meantime_comes_as_one_piece() -> None:
    with rig() as made:
        response = await begun(made)
        made.hear([b"1\r\na\r\n"] * 50)
        assert response.held == 50
        assert await anext(response.pieces()) == b"a" * 50
        made.hear([b"1\r\nb\r\n", END])
        assert [piece async for piece in response.pieces()] == [b"b"]


def test_a_connection_sends_at_once_and_notices_a_peer_that_vanished() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as wire,
    ):
        Rig(wire)

        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_whoever_is_not_in_haste_has_what_came_together() -> None:
    with rig() as made:
        response = await begun(made, CHUNKED + b"1\r\na\r\n")
        pieces = response.pieces()
        assert await anext(pieces) == b"a"
        response.gather(0.05, 0.05)
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        made.hear([b"1\r\nb\r\n", b"1\r\nc\r\n"])
        await asyncio.sleep(0)
        assert not waiting.done()
        made.clock.move(0.05)
        assert await waiting == b"bc"
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        made.hear([b"1\r\nd\r\n", b"0\r\n\r\n"])
        assert await waiting == b"d"
        timers = len(made.clock.timers)
        made.lose()
        assert len(made.clock.timers) < timers or not timers


async def test_what_has_come_with_the_head_gathers_for_a_moment_of_its_own() -> None:
    with rig() as made:
        response = await begun(made, CHUNKED + b"1\r\na\r\n")
        response.gather(0.01, 0.05)
        waiting = asyncio.ensure_future(response.more())
        await asyncio.sleep(0)
        made.hear([b"1\r\nb\r\n"])
        await asyncio.sleep(0)
        assert not waiting.done()
        made.clock.move(0.01)
        assert await waiting == b"ab"
        waiting = asyncio.ensure_future(response.more())
        await asyncio.sleep(0)
        made.hear([b"1\r\nc\r\n"])
        made.clock.move(0.02)
        await asyncio.sleep(0)
        assert not waiting.done()
        made.hear([b"0\r\n\r\n"])
        assert await waiting == b"c"
        assert await response.more() == b""


async def test_a_failure_comes_after_what_has_gathered() -> None:
    with rig() as made:
        response = await begun(made, CHUNKED + b"1\r\na\r\n")
        response.gather(0.01, 0.05)
        waiting = asyncio.ensure_future(response.more())
        await asyncio.sleep(0)
        made.lose()
        assert await waiting == b"a"
        with pytest.raises(Broken):
            await response.more()
