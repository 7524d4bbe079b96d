from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.api.multipart import Field, FormHead, FormLimits, read_form
from readstone.core.errors import ClientClosed, InvalidRequest, Overloaded, TooLarge
from readstone.serving.intake import Intake
from unit.api.extract.forms import BOUNDARY, Sent, form, part

LIMITS = FormLimits(100_000, {"a": 10, "file": 50_000})
KIND = f"multipart/form-data; boundary={BOUNDARY}".encode()


async def read(
    *pieces: bytes,
    kind: bytes | None = KIND,
    declared: bytes | None = None,
    limits: FormLimits = LIMITS,
    budget: int = 10**6,
    ends: bool = True,
) -> tuple[Field, ...]:
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting) or not ends}

    async with Intake(budget, 0).reservation() as reservation:
        return await read_form(receive, FormHead(kind, declared), limits, reservation)


async def test_fields_come_in_their_order_with_what_was_sent_in_them() -> None:
    body = form(("a", "text"), ("file", ("x.png", b"\x00\r\n--\xff")), ("a", ""))
    assert await read(body) == (
        Field("a", b"text", 4, is_file=False),
        Field("file", b"\x00\r\n--\xff", 6, is_file=True),
        Field("a", b"", 0, is_file=False),
    )


@given(
    st.lists(st.tuples(st.sampled_from(["a", "file"]), st.binary(max_size=10)), max_size=5),
    st.integers(1, 200),
)
async def test_the_same_form_in_any_pieces_has_the_same_fields(
    sent: list[tuple[str, bytes]], size: int
) -> None:
    fields: list[tuple[str, Sent]] = [(name, content) for name, content in sent]
    body = form(*fields)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert [(field.name, field.content) for field in await read(*pieces)] == sent


async def test_what_is_over_a_fields_limit_is_counted_and_not_kept() -> None:
    (field,) = await read(form(("a", "x" * 11)))
    assert (field.size, field.content) == (11, b"")


@pytest.mark.parametrize("declared", [b"100001", b"9" * 30])
async def test_a_body_that_declares_too_much_is_refused_before_it_is_read(declared: bytes) -> None:
    with pytest.raises(TooLarge):
        await read(declared=declared)


async def test_a_body_that_is_too_long_is_refused_where_it_is_over() -> None:
    with pytest.raises(TooLarge):
        await read(part("file", b"")[:-2], *[bytes(10_000)] * 11)


@pytest.mark.parametrize("declared", [b"-1", b"1e3", b""])
async def test_a_length_is_a_number(declared: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await read(form(), declared=declared)


@pytest.mark.parametrize("declared", [None, b"90000"])
async def test_a_body_waits_for_room(declared: bytes | None) -> None:
    intake = Intake(1000, 0)
    async with intake.reservation() as other, intake.reservation() as own:
        await other.resize(900)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": form(("a", "b")), "more_body": False}

        with pytest.raises(Overloaded):
            await read_form(receive, FormHead(KIND, declared), LIMITS, own)


async def test_a_client_that_leaves_in_the_middle_is_gone() -> None:
    with pytest.raises(ClientClosed):
        await read(form(("a", "b"))[:20], ends=False)


@pytest.mark.parametrize(
    "kind",
    [
        None,
        b"",
        b"text/plain",
        b"multipart/mixed; boundary=x",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=" + b"x" * 300,
        b"\xff\xfe",
    ],
)
async def test_what_is_no_form_is_refused(kind: bytes | None) -> None:
    with pytest.raises(InvalidRequest):
        await read(form(), kind=kind)


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        form(("a", "b"))[:-6],
        b"--" + BOUNDARY.encode() + b"\r\nno header at all\r\n\r\nx",
        f"--{BOUNDARY}\r\nContent-Type: text/plain\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        part("a", "b", "\r\nX: " + "y" * 9000),
        part("a", "b", "".join(f"\r\nX-{number}: y" for number in range(20))),
    ],
)
async def test_a_broken_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await read(body)
    assert caught.value.code == "invalid_form"


async def test_an_unknown_field_is_named_with_those_that_are_known() -> None:
    with pytest.raises(InvalidRequest, match="'b' here; known are: a, file") as caught:
        await read(form(("b", "x")))
    assert caught.value.param == "b"


async def test_a_form_has_a_bounded_number_of_fields() -> None:
    with pytest.raises(InvalidRequest, match="more than 32"):
        await read(form(*[("a", "x")] * 33))


async def test_an_encoding_within_a_form_is_refused_rather_than_ignored() -> None:
    body = part("a", "eA==", "\r\nContent-Transfer-Encoding: base64")
    with pytest.raises(InvalidRequest, match="Content-Transfer-Encoding"):
        await read(body + f"--{BOUNDARY}--\r\n".encode())
