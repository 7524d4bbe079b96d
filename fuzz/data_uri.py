"""Data URIs: any text is decoded or refused, and what is decoded stays within its limit."""

import base64

from fuzz.refusal import refused
from readstone.media.data_uri import decode_data_uri

_LIMIT = 256
_PARAM = "image"


def seeds() -> list[bytes]:
    """URIs in the spellings that clients use."""
    payload = base64.b64encode(bytes(range(60))).decode()
    return [
        f"data:image/png;base64,{payload}".encode(),
        f"DATA:;charset=utf-8;BASE64,{payload.rstrip('=')}".encode(),
        b"data:image/jpeg;base64,_-%2B%2f %0A\r\n\t%3D%3d==",
        b"data:,plain",
        "data:;base64,ä".encode(),
    ]


def attempt(data: bytes) -> None:
    """Decode the bytes as a URI."""
    with refused(_PARAM):
        found = decode_data_uri(data.decode("utf-8", "surrogateescape"), _LIMIT, _PARAM)
        if not 0 < len(found) <= _LIMIT:
            raise AssertionError(f"{len(found)} bytes were let in")
