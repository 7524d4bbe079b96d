"""The transport that sends a head and what follows together."""

import asyncio

from readstone.api.protocol import Corked

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True


async def test_a_head_and_the_bytes_after_it_are_one_write() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(HEAD)
    assert not wire.written
    corked.write(b"body")
    corked.write(b"more")
    await asyncio.sleep(0)
    assert wire.written == [HEAD + b"body", b"more"]


async def test_a_head_alone_is_sent_when_the_loop_comes_round() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(HEAD)
    await asyncio.sleep(0)
    corked.write(b"body")
    assert wire.written == [HEAD, b"body"]


async def test_a_head_is_sent_before_the_end() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(HEAD)
    corked.close()
    await asyncio.sleep(0)
    assert wire.written == [HEAD]
    assert wire.closed


async def test_an_interim_answer_is_held_no_longer_than_a_moment() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    await asyncio.sleep(0)
    assert wire.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]
