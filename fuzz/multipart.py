"""Forms of image extraction: any bytes, however they are cut, are the same fields or the same refusal."""

import asyncio
from typing import Any

from readstone.api.multipart import FormHead, FormLimits, read_form
from readstone.core.errors import RequestError
from readstone.serving.intake import Intake

_LIMITS = FormLimits(4096, {"image": 64, "prompt": 32})
_HEAD = FormHead(b"multipart/form-data; boundary=b", None)
_PART = b'--b\r\nContent-Disposition: form-data; name="'


def seeds() -> list[bytes]:
    """Forms as clients write them and as they should not; the first byte says how large their pieces are."""
    return [
        b"\x07" + _PART + b'prompt"\r\n\r\n{"a":"A"}\r\n--b--\r\n',
        b"\x01"
        + _PART
        + b'image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--\r\n--b--',
        b"\x20"
        + _PART
        + b'include"\r\n\r\ntext\r\n'
        + _PART
        + b'include"\r\n\r\nchecks\r\n--b--\r\n',
        b"\x03" + _PART + b'prompt"\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==\r\n--b--\r\n',
        b"\x40--b\r\nX: y\r\n\r\n\r\n--b--\r\n",
        b"\x02--b--\r\n",
    ]


def attempt(data: bytes) -> None:
    """Read the bytes as a form at once and in pieces; the outcome is the same."""
    step = max(1, data[0]) if data else 1
    form = data[1:]
    whole, cut = asyncio.run(_read(form, len(form) or 1)), asyncio.run(_read(form, step))
    # What stands before the first boundary is read by the library one way or the other, as it is cut.
    if whole != cut and form.startswith(b"--b"):
        raise AssertionError(f"{whole} at once, {cut} in pieces of {step}")


async def _read(form: bytes, step: int) -> object:
    pieces = [form[at : at + step] for at in range(0, len(form), step)] or [b""]

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    try:
        async with Intake(1 << 20, 0).reservation() as reservation:
            return await read_form(receive, _HEAD, _LIMITS, reservation)
    except RequestError as error:
        return type(error)
