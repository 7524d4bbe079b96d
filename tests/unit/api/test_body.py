from collections.abc import Iterable

import pytest
from starlette.types import Message, Receive

from readstone.api.body import read_body
from readstone.core.errors import ClientClosed, InvalidRequest, Overloaded, TooLarge
from readstone.serving.intake import Intake


class Upload:
    """Gives its messages one by one and counts them; asking for more than there are is an error."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages = list(messages)
        self.taken = 0

    async def receive(self) -> Message:
        self.taken += 1
        return self._messages[self.taken - 1]


def pieces(*contents: bytes) -> list[Message]:
    last = len(contents) - 1
    return [
        {"type": "http.request", "body": content, "more_body": index < last}
        for index, content in enumerate(contents)
    ]


async def read(receive: Receive, declared: bytes | None, limit: int) -> bytearray:
    async with Intake(1000, patience=0).reservation() as reservation:
        return await read_body(receive, declared, limit, reservation)


def never() -> Receive:
    return Upload([]).receive


async def test_the_pieces_of_a_body_are_joined() -> None:
    upload = Upload(pieces(b"ab", b"", b"cd"))
    assert await read(upload.receive, b"4", 10) == b"abcd"


async def test_a_message_without_members_is_an_empty_body() -> None:
    assert await read(Upload([{"type": "http.request"}]).receive, None, 10) == b""


async def test_a_body_as_large_as_the_limit_is_taken() -> None:
    assert await read(Upload(pieces(b"12345")).receive, b"5", 5) == b"12345"


@pytest.mark.parametrize("declared", [b"11", b"99999999999", b"1" + b"0" * 5000])
async def test_a_body_declared_too_large_is_refused_before_it_is_read(declared: bytes) -> None:
    with pytest.raises(TooLarge, match=r"limit of 10 bytes \(limits\.body_bytes\)"):
        await read(never(), declared, 10)


@pytest.mark.parametrize("declared", [b"", b"-1", b"ten", b"1.0", b" 5", b"\xd9\xa5"])
async def test_a_length_that_is_not_a_number_is_refused(declared: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await read(never(), declared, 10)


@pytest.mark.parametrize("declared", [None, b"3"])
async def test_a_body_is_refused_as_soon_as_it_is_over_the_limit(declared: bytes | None) -> None:
    upload = Upload(pieces(b"12345", b"67890", b"1", b"never read"))
    with pytest.raises(TooLarge):
        await read(upload.receive, declared, 10)
    assert upload.taken == 3


async def test_a_client_that_leaves_in_the_middle_ends_the_reading() -> None:
    upload = Upload([*pieces(b"1", b"2")[:1], {"type": "http.disconnect"}])
    with pytest.raises(ClientClosed):
        await read(upload.receive, b"2", 10)


@pytest.mark.parametrize("declared", [None, b"1000"])
async def test_a_body_the_server_has_no_room_for_is_refused(declared: bytes | None) -> None:
    intake = Intake(1500, patience=0)
    async with intake.reservation() as others, intake.reservation() as reservation:
        await others.resize(1000)

        with pytest.raises(Overloaded):
            await read_body(Upload(pieces(b"x" * 1000)).receive, declared, 2000, reservation)

        assert intake.held == 1000


async def test_a_body_is_held_as_long_as_its_request_lasts() -> None:
    intake = Intake(1000, patience=0)
    async with intake.reservation() as reservation:
        await read_body(Upload(pieces(b"12345")).receive, b"5", 10, reservation)
        assert intake.held == 5
    assert intake.held == 0
