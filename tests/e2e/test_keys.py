"""Keys of started servers: revoked by another process, wrong by the dozen, never kept nor told; and tokens."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest

from e2e.server import Server, environment, readstone

pytestmark = pytest.mark.e2e

KEYS = "/v1/admin/keys"
TIMES = 100
COMMANDS = """\
import json, sys
from readstone.cli import run
for line in sys.stdin:
    status = run(json.loads(line))
    print(f"done {status}", flush=True)
"""
"""The command line in a process that stays: each line is one call of it."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Server, Server]]:
    """Two servers on one data directory."""
    one = Server(tmp_path_factory.mktemp("one"), up="/health")
    folder = tmp_path_factory.mktemp("other")
    other = Server(folder, "--data-dir", str(one.folder / "data"), up="/health", key=one.key)
    yield one, other
    assert [server.stop() for server in (one, other)] == [0, 0]


@pytest.fixture
def server(pair: tuple[Server, Server]) -> Server:
    return pair[0]


def ask(server: Server, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    reply = server.call(method, path, content, authorization=f"Bearer {key or server.key}")
    assert reply.status == 200, reply.content
    return reply.json


def status(server: Server, key: str, path: str = "/v1/models") -> int:
    return server.call("GET", path, authorization=f"Bearer {key}").status


@contextmanager
def command_line(server: Server) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", COMMANDS],
        cwd=server.folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def command(process: subprocess.Popen[str], *arguments: str) -> str:
    """Call the command line, to its end; what it printed."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps([*arguments, "--data-dir", "data"]) + "\n")
    process.stdin.flush()
    printed: list[str] = []
    for line in process.stdout:
        if line.startswith("done "):
            assert line == "done 0\n", printed
            return "".join(printed)
        printed.append(line)
    raise AssertionError(printed)


def test_what_the_command_line_revokes_opens_nothing_from_the_next_request_on(
    pair: tuple[Server, Server],
) -> None:
    with command_line(pair[0]) as process:
        for number in range(TIMES):
            key = command(process, "keys", "create", f"key {number}").strip()
            # Both have looked it up, and would go on with what they know.
            assert [status(server, key) for server in (*pair, *pair)] == [200] * 4

            command(process, "keys", "revoke", key)

            assert [status(server, key) for server in pair] == [401, 401], number


def test_a_revoked_key_opens_nothing_in_any_process_of_a_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = Server(tmp_path_factory.mktemp("workers"), "--workers", "3", up="/health")
    with command_line(server) as process:
        for number in range(20):
            key = command(process, "keys", "create", f"key {number}").strip()
            # Each has a connection of its own, and so comes to one process or another.
            assert {status(server, key) for _ in range(12)} == {200}

            command(process, "keys", "revoke", key)

            assert {status(server, key) for _ in range(12)} == {401}, number
    assert server.stop() == 0


def test_what_one_server_changes_holds_at_the_other(pair: tuple[Server, Server]) -> None:
    one, other = pair
    made = ask(one, "POST", KEYS, {"name": "a"})
    key, path = made["key"], f"{KEYS}/{made['id']}"
    assert status(other, key) == 200

    ask(one, "PATCH", path, {"scopes": ["usage"]})
    assert (status(other, key), status(other, key, "/v1/usage")) == (403, 200)
    ask(one, "PATCH", path, {"scopes": ["api"]})
    assert status(other, key) == 200
    rotated = ask(one, "POST", f"{path}/rotate")["key"]
    assert (status(other, key), status(other, rotated)) == (401, 200)
    ask(other, "DELETE", path)
    assert (status(one, rotated), status(other, rotated)) == (401, 401)


def test_a_key_ends_at_its_second(server: Server) -> None:
    ends = int(time.time()) + 2
    made = ask(server, "POST", KEYS, {"name": "short", "expires_at": ends})
    while time.time() < ends - 0.5:
        assert status(server, made["key"]) == 200

    time.sleep(max(ends - time.time(), 0))

    reply = server.call("GET", "/v1/models", authorization=f"Bearer {made['key']}")
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
    assert "expired on" in str(reply.error["message"])
    assert ask(server, "GET", f"{KEYS}/{made['id']}")["state"] == "expired"


def test_the_first_key_administers_and_others_do_not(server: Server) -> None:
    made = ask(server, "POST", KEYS, {"name": "client"})

    for path in (KEYS, "/v1/admin/usage", "/v1/admin/usage/entries", "/v1/admin/other"):
        assert status(server, made["key"], path) == 403, path
    assert status(server, server.key, "/v1/admin/usage") == 200


def test_no_secret_is_kept_or_logged(server: Server) -> None:
    made = ask(server, "POST", KEYS, {"name": "secretive", "owner": "Ada"})
    rotated = ask(server, "POST", f"{KEYS}/{made['id']}/rotate", {"grace_seconds": 60})
    printed = readstone(server.folder, "keys", "create", "other", "--data-dir", "data").stdout
    written = [server.key, made["key"], rotated["key"], printed.strip()]
    for key in written:
        assert status(server, key) == 200
        assert status(server, key[:-1] + "!") == 401
    wrong = f"{made['key'][:-40]}{'z' * 40}"
    assert status(server, wrong) == 401
    ask(server, "DELETE", f"{KEYS}/{made['id']}")
    assert status(server, rotated["key"]) == 401
    server.requests(status=401)

    kept = b"".join(
        path.read_bytes() for path in server.folder.rglob("data/**/*") if path.is_file()
    )
    log = (server.folder / "log.jsonl").read_bytes()
    assert made["id"].encode() in kept
    assert made["id"].encode() in log
    for secret in (key[-40:].encode() for key in (*written, wrong)):
        assert secret not in kept
        assert secret not in log
        assert secret[:20] not in kept + log


def test_changes_of_keys_are_in_the_log_with_who_made_them(server: Server) -> None:
    made = ask(server, "POST", KEYS, {"name": "a"})
    path = f"{KEYS}/{made['id']}"
    ask(server, "PATCH", path, {"name": "b"})
    ask(server, "POST", f"{path}/rotate")
    ask(server, "DELETE", path)

    admin = server.key.split("-")[1]
    lines = [line for line in server.log if line.get("key") == made["id"]]
    told = [(line["event"], line["by"]) for line in lines if line["event"] != "request"]
    assert told == [
        (event, admin) for event in ("key made", "key changed", "key rotated", "key revoked")
    ]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server behind a proxy here, which takes tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "readstone.toml").write_text(
        """
[authentication]
wrong_keys_per_minute = 5
trusted_proxies = ["127.0.0.0/8"]

[authentication.jwt]
issuer = "https://login.test"
algorithms = ["HS256"]
secret_env = "LOGIN_SECRET"
owner_claim = "email"
scopes = ["api", "admin:usage"]
scopes_claim = "scope"
limits_claim = "limits"
""",
        encoding="utf-8",
    )
    secret = "a shared secret that nobody can guess, as it is long"
    os.environ["LOGIN_SECRET"] = secret
    try:
        started = Server(folder, up="/health")
    finally:
        del os.environ["LOGIN_SECRET"]
    yield started
    assert started.stop() == 0


def test_wrong_keys_of_an_address_have_to_wait_and_right_ones_have_not(guarded: Server) -> None:
    def tried(key: str, address: str) -> tuple[int, str, str]:
        reply = guarded.call(
            "GET", "/v1/models", authorization=f"Bearer {key}", x_forwarded_for=address
        )
        headers = reply.headers
        return (
            reply.status,
            headers.get("retry-after", ""),
            headers.get("x-should-retry", ""),
        )

    wrong = f"{guarded.key[:-40]}{'z' * 40}"
    for _ in range(5):
        assert tried(wrong, "192.0.2.1") == (401, "", "")
    refused, after, again = tried("rs-nobody-nothing", "192.0.2.1")
    assert (refused, again) == (429, "false")
    assert 1 <= int(after) <= 60
    assert tried(guarded.key, "192.0.2.1")[0] == 200
    assert tried(wrong, "192.0.2.1, 192.0.2.2")[0] == 401
    assert [line["address"] for line in guarded.log if line["event"] == "too many wrong keys"] == [
        "192.0.2.1"
    ]


def test_a_token_is_taken_in_place_of_a_key(guarded: Server) -> None:
    def token(**more: Any) -> str:
        said = {
            "iss": "https://login.test",
            "aud": "readstone",
            "sub": "user-1",
            "exp": int(time.time()) + 600,
            "email": "ada@test",
            "scope": "openid usage admin",
            "limits": {"requests_per_minute": 7},
            **more,
        }
        secret = "a shared secret that nobody can guess, as it is long"
        return jwt.encode(said, secret, "HS256")

    reply = guarded.call("GET", "/v1/usage", authorization=f"Bearer {token()}")
    assert reply.status == 200
    assert reply.headers["x-ratelimit-limit-requests"] == "7"
    assert status(guarded, token()) == 403
    assert status(guarded, token(), KEYS) == 403
    assert status(guarded, token(scope="models")) == 200
    assert status(guarded, token(exp=int(time.time()) - 60)) == 401
    assert guarded.requests(key="jwt:user-1", status=403)
    log = (guarded.folder / "log.jsonl").read_text(encoding="utf-8")
    assert not re.search(r"eyJ[\w-]{20}", log)
