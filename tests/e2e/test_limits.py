"""Limits over a socket: exact in one server and in two, and what happens when they cannot be counted."""

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from e2e.server import Reply, Server
from redis_server import RedisServer, started_redis
from upstream import VLLM, Upstream, upstream

pytestmark = pytest.mark.e2e

BODY = {"model": "small", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20}


@pytest.fixture
def engine() -> Generator[Upstream]:
    with upstream(VLLM, {"small": {}}) as server:
        yield server


@pytest.fixture
def redis() -> Generator[RedisServer]:
    with started_redis() as server:
        yield server


def started(folder: Path, engine: Upstream, *lines: str, key: str = "", data: str = "") -> Server:
    folder.mkdir(exist_ok=True)
    (folder / "readstone.toml").write_text("\n".join(lines), encoding="utf-8")
    arguments = ["--upstream", engine.url, *(["--data-dir", data] if data else [])]
    return Server(folder, *arguments, up="/health", key=key)


def ask(server: Server, *, stream: bool = False, key: str = "") -> Reply:
    body = json.dumps({**BODY, "stream": stream}).encode()
    return server.call(
        "POST", "/v1/chat/completions", body, authorization=f"Bearer {key or server.key}"
    )


def ask_all(servers: Sequence[Server], times: int) -> list[Reply]:
    """So many requests, from 16 threads at once, to each server in turn."""
    turns = itertools.islice(itertools.cycle(servers), times)
    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(ask, turns))


def test_of_many_requests_at_once_exactly_as_many_pass_as_may(
    tmp_path: Path, engine: Upstream
) -> None:
    server = started(tmp_path / "one", engine, "[limits.key]", "requests_per_minute = 100")
    try:
        replies = ask_all([server], 250)
    finally:
        server.stop()

    assert Counter(reply.status for reply in replies) == {200: 100, 429: 150}
    assert len(engine.asked) == 100
    refused = next(reply for reply in replies if reply.status == 429)
    assert refused.error["code"] == "rate_limit_exceeded"
    assert 0 < int(refused.headers["retry-after-ms"]) <= 61_000
    assert refused.headers["retry-after"] == str(-(-int(refused.headers["retry-after-ms"]) // 1000))
    assert "x-should-retry" not in refused.headers


def test_two_servers_on_one_redis_let_exactly_as_many_pass(
    tmp_path: Path, engine: Upstream, redis: RedisServer
) -> None:
    lines = (f'limits.redis = "{redis.url}"', "limits.key.requests_per_minute = 100")
    one = started(tmp_path / "one", engine, *lines)
    try:
        data = str(tmp_path / "one" / "data")
        two = started(tmp_path / "two", engine, *lines, key=one.key, data=data)
        try:
            replies = ask_all([one, two], 250)
        finally:
            two.stop()
    finally:
        one.stop()

    assert Counter(reply.status for reply in replies) == {200: 100, 429: 150}
    assert len(engine.asked) == 100
    assert {reply.status for reply in replies[::2]} == {200, 429}
    assert {reply.status for reply in replies[1::2]} == {200, 429}


def test_two_servers_on_one_redis_count_wrong_keys_together(
    tmp_path: Path, engine: Upstream, redis: RedisServer
) -> None:
    lines = (f'limits.redis = "{redis.url}"', "authentication.wrong_keys_per_minute = 5")
    one = started(tmp_path / "one", engine, *lines)
    try:
        two = started(tmp_path / "two", engine, *lines)
        try:
            replies = [
                server.call("GET", "/v1/models", authorization="Bearer rs-no-key")
                for server in (one, two) * 4
            ]
        finally:
            two.stop()
    finally:
        one.stop()

    assert [reply.status for reply in replies] == [401] * 5 + [429] * 3


@pytest.mark.parametrize("fail_open", [False, True])
def test_without_redis_requests_are_refused_unless_it_is_configured(
    tmp_path: Path, engine: Upstream, redis: RedisServer, *, fail_open: bool
) -> None:
    lines = (
        f'limits.redis = "{redis.url}"',
        f"limits.fail_open = {str(fail_open).lower()}",
        "limits.key.requests_per_minute = 100",
    )
    server = started(tmp_path / "one", engine, *lines)
    try:
        before = ask(server)
        redis.stop()
        during = ask(server)
        listed = server.call("GET", "/v1/models", authorization=f"Bearer {server.key}")
        redis.start()
        after = ask(server)
    finally:
        server.stop()

    assert before.status == after.status == listed.status == 200
    assert after.headers["x-ratelimit-remaining-requests"] == "99"
    assert "x-ratelimit-remaining-requests" not in during.headers
    if fail_open:
        assert during.status == 200
    else:
        assert (during.status, during.error["code"]) == (503, "limits_unavailable")
        assert during.headers["retry-after"] == "1"
        assert str(redis.folder) not in during.content.decode()
    events = [line["event"] for line in server.log]
    assert events.count("limits are not counted") == 1
    assert events.count("limits are counted again") == 1


def test_every_answer_tells_what_is_left(tmp_path: Path, engine: Upstream) -> None:
    server = started(
        tmp_path / "one",
        engine,
        "[limits.key]",
        "requests_per_minute = 3",
        "tokens_per_minute = 1000",
    )
    try:
        whole = ask(server)
        stream = ask(server, stream=True)
        listed = server.call("GET", "/v1/models", authorization=f"Bearer {server.key}")
        wrong = server.chat(b'{"model": "small"}')
        client = openai.OpenAI(base_url=f"{server.address}/v1", api_key=server.key, max_retries=0)
        with client:
            client.chat.completions.create(
                model="small", messages=[{"role": "user", "content": "Hi"}], max_tokens=20
            )
            with pytest.raises(openai.RateLimitError) as caught:
                client.chat.completions.create(
                    model="small", messages=[{"role": "user", "content": "Hi"}], max_tokens=20
                )
    finally:
        server.stop()

    assert [
        (reply.status, reply.headers["x-ratelimit-remaining-requests"])
        for reply in (whole, stream, listed, wrong)
    ] == [(200, "2"), (200, "1"), (200, "1"), (400, "1")]
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert whole.headers["x-ratelimit-limit-requests"] == whole.headers["x-ratelimit-limit"] == "3"
    assert re.fullmatch(r"1m\d\.?\d*s|60\.\d+s|1m0s", whole.headers["x-ratelimit-reset-requests"])
    assert 0 < int(whole.headers["x-ratelimit-reset"]) / 1000 - time.time() < 61
    assert whole.headers["x-ratelimit-limit-tokens"] == "1000"
    assert int(whole.headers["x-ratelimit-remaining-tokens"]) == 1000 - 20 - 1
