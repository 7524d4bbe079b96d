"""The public keys of an identity provider: fetched when due, at most so often, and gone when they are too old."""

import json
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from readstone.core.errors import StoreUnavailable
from readstone.serving.signing_keys import SigningKeys, of_file, of_url


def jwks(*names: str) -> bytes:
    algorithm = jwt.get_algorithm_by_name("EdDSA")
    keys: list[dict[str, Any]] = [
        {
            **algorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True),
            "kid": name,
        }
        for name in names
    ]
    return json.dumps({"keys": keys}).encode()


class Provider:
    """What is answered, and how often it was asked for; and a clock."""

    def __init__(self) -> None:
        self.content: bytes | None = jwks("a")
        self.asked = 0
        self.now = 1000.0

    def load(self) -> bytes:
        self.asked += 1
        if self.content is None:
            raise ConnectionRefusedError
        return self.content

    def keys(self) -> SigningKeys:
        return SigningKeys(self.load, 300.0, lambda: self.now)


async def settle(keys: SigningKeys) -> None:
    """Wait for the look that is under way."""
    await keys.stop()


async def test_keys_are_fetched_once_and_found_by_their_id() -> None:
    provider = Provider()
    keys = provider.keys()

    assert await keys.find("a") is not None
    assert await keys.find("a") is not None
    assert await keys.find(None) is not None
    assert provider.asked == 1


async def test_no_id_names_no_key_where_there_are_several() -> None:
    provider = Provider()
    provider.content = jwks("a", "b")

    assert await provider.keys().find(None) is None


async def test_a_new_key_is_found_as_soon_as_a_token_names_it() -> None:
    provider = Provider()
    keys = provider.keys()
    assert await keys.find("a") is not None
    provider.content = jwks("a", "b")
    provider.now += 11

    assert await keys.find("b") is not None
    assert (provider.asked, keys.version) == (2, 2)


async def test_made_up_ids_make_nobody_ask_again_and_again() -> None:
    provider = Provider()
    keys = provider.keys()

    for number in range(100):
        assert await keys.find(f"made up {number}") is None
        provider.now += 0.05

    assert provider.asked == 1


async def test_a_key_that_was_withdrawn_is_gone_when_it_is_due() -> None:
    provider = Provider()
    keys = provider.keys()
    assert await keys.find("a") is not None
    provider.content = jwks("b")
    provider.now += 300

    await keys.find("a")  # looks beside
    await settle(keys)

    assert await keys.find("a") is None
    assert await keys.find("b") is not None


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b'{"keys": []}', b"\xff", b"<html>"])
async def test_keys_hold_for_an_hour_where_they_cannot_be_looked_at_and_then_no_more(
    content: bytes | None,
) -> None:
    provider = Provider()
    keys = provider.keys()
    assert await keys.find("a") is not None
    provider.content = content
    provider.now += 3800

    assert await keys.find("a") is not None
    await settle(keys)
    provider.now += 101

    with pytest.raises(StoreUnavailable, match="cannot be had"):
        await keys.find("a")


async def test_nothing_is_let_in_before_there_are_keys_and_all_as_soon_as_there_are() -> None:
    provider = Provider()
    good, provider.content = provider.content, None
    keys = provider.keys()
    with pytest.raises(StoreUnavailable):
        await keys.find("a")

    provider.content = good
    provider.now += 11

    assert await keys.find("a") is not None


def test_a_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    load = of_file(file)
    with pytest.raises(FileNotFoundError):
        load()
    file.write_bytes(b"now")

    assert load() == b"now"


@pytest.fixture
def site() -> Generator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("location", "/keys")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * (2 * 1024 * 1024) if self.path == "/large" else b"keys")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as it is there)
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_url_is_asked_and_no_other(site: str) -> None:
    assert of_url(f"{site}/keys")() == b"keys"
    with pytest.raises(OSError, match="302"):
        of_url(f"{site}/moved")()
    with pytest.raises(ValueError, match="megabyte"):
        of_url(f"{site}/large")()
