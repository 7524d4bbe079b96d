"""What was used, as clients, admins and the command line see it."""

import csv
import io
import json
import sqlite3
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from e2e.server import Reply, Server, readstone, wait_until
from upstream import VLLM, Upstream

BODY = {"model": "m", "messages": [{"role": "user", "content": "a secret question"}]}


@pytest.fixture
def priced(tmp_path: Path) -> Generator[Server]:
    """A server with a priced model."""
    upstream = Upstream(VLLM, {"m": {}})
    thread = threading.Thread(target=upstream.serve_forever, daemon=True)
    thread.start()
    (tmp_path / "readstone.toml").write_text(
        '[models.m]\nkind = "chat"\nengine = "up"\nprices.prompt = 1000.0\n'
        f'[engines.up]\ntype = "http"\nurl = "{upstream.url}"\ndiscover = false\n',
        encoding="utf-8",
    )
    server = Server(tmp_path, up="/health")
    yield server
    server.stop()
    upstream.shutdown()
    upstream.server_close()
    thread.join()


def _get(server: Server, path: str, key: str = "") -> Reply:
    return server.call("GET", path, authorization=f"Bearer {key or server.key}")


def test_usage_is_told_to_clients_to_admins_and_at_the_command_line(priced: Server) -> None:
    client = readstone(
        priced.folder, "keys", "create", "client", "--data-dir", "data"
    ).stdout.strip()
    asked = json.dumps(BODY).encode()
    for key in (priced.key, client, client):
        answer = priced.call("POST", "/v1/chat/completions", asked, authorization=f"Bearer {key}")
        assert answer.status == 200

    (own,) = _get(priced, "/v1/usage?by=model", client).json["data"]
    everyone = _get(priced, "/v1/admin/usage?by=key").json["data"]
    entries = _get(priced, "/v1/admin/usage/entries?limit=2").json
    rest = _get(priced, f"/v1/admin/usage/entries?limit=2&after={entries['after']}").json
    table = readstone(priced.folder, "usage", "--csv", "--by", "key", "--data-dir", "data").stdout

    assert (own["model"], own["requests"]) == ("m", 2)
    assert own["cost"] == pytest.approx(own["prompt_tokens"] * 1000 / 1e6)
    assert sorted(total["requests"] for total in everyone) == [1, 2]
    assert (len(entries["data"]), entries["has_more"]) == (2, True)
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    rows = list(csv.DictReader(io.StringIO(table)))
    assert sorted(int(row["requests"]) for row in rows) == [1, 2]
    assert _get(priced, "/v1/admin/usage", client).status == 403
    assert _get(priced, "/v1/usage?key=x", client).status == 400
    assert _get(priced, "/v1/usage?since=yesterday", client).error["param"] == "since"
    assert b"secret question" not in (priced.folder / "data" / "readstone.db").read_bytes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--key", "NOPE"), "there is no key NOPE; 'readstone keys list' shows them."),
        (("--key", "rs-"), "--key rs- names no key."),
        (
            ("--since", "2026-11-02", "--until", "2026-11-01"),
            "--until 2026-11-01 is before --since, which is 2026-11-02.",
        ),
    ],
)
def test_usage_of_no_key_or_no_days_is_an_error(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    found = readstone(tmp_path, "usage", *options, "--data-dir", "data")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"readstone: {told}\n"


def test_usage_of_a_key_that_was_not_used_is_an_empty_table(tmp_path: Path) -> None:
    readstone(tmp_path, "keys", "create", "idle", "--data-dir", "data")
    found = readstone(tmp_path, "keys", "list", "--json", "--data-dir", "data")
    (key,) = json.loads(found.stdout)
    told = readstone(tmp_path, "usage", "--key", key["id"], "--csv", "--data-dir", "data")
    assert (told.returncode, len(told.stdout.splitlines())) == (0, 1)


def test_a_ledger_that_cannot_be_written_refuses_requests_until_it_can(priced: Server) -> None:
    # A stream has its status before it is entered, a whole answer afterwards.
    asked = json.dumps(BODY | {"stream": False}).encode()
    answers = 0

    def is_answered() -> bool:
        nonlocal answers
        status = priced.chat(asked).status
        answers += status == 200
        return status == 200

    assert is_answered()
    database = sqlite3.connect(priced.folder / "data" / "readstone.db", isolation_level=None)

    # What cannot be written looks alike for every reason: here a table that is not there.
    database.execute("alter table ledger rename to elsewhere")
    wait_until(lambda: not is_answered(), "it has tried to commit")
    refused = priced.chat(asked)
    again = priced.chat(json.dumps(BODY).encode())
    database.execute("alter table elsewhere rename to ledger")
    database.close()

    assert (refused.status, refused.error["code"]) == (503, "store_unavailable")
    assert (again.status, again.error["code"]) == (503, "store_unavailable")
    assert again.headers["retry-after"] == "1"
    wait_until(is_answered, "answers again")
    total = _get(priced, "/v1/usage?by=").json["data"][0]
    assert total["requests"] - total["failed"] - total["refused"] == answers
