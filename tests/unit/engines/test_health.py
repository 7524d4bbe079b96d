"""A child over which an answer broke off: is it gone, or did it only fail."""

import asyncio
from pathlib import Path

from readstone.engines.health import is_gone


async def test_one_that_is_well_is_not_gone_and_nobody_waits_to_hear_it(tmp_path: Path) -> None:
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    socket = tmp_path / "engine.sock"
    server = await asyncio.start_unix_server(answer, socket)
    async with server:
        assert not await is_gone(socket, lambda: False)
    assert asked == 1


async def test_the_death_of_one_that_answers_no_more_may_be_seen_later(tmp_path: Path) -> None:
    looks = iter([False, False, False, True])

    assert await is_gone(tmp_path / "nobody.sock", lambda: next(looks))


async def test_one_whose_death_nobody_sees_is_taken_to_live(tmp_path: Path) -> None:
    assert not await is_gone(tmp_path / "nobody.sock", lambda: False)
