"""The command line, run as its users run it."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from e2e.pages import document, truth, word_f1
from e2e.server import Server, environment, readstone

pytestmark = pytest.mark.e2e

KEY = re.compile(r"rs-(\w{12})-(\w{40})")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server started with --demo, its first page read."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "page.jpg").write_bytes(document("receipt.jpg"))
    started = Server(folder, "--demo")
    started.printed(r"stop it with Ctrl-C\.\n")
    yield started
    assert started.stop() == 0


def test_no_command_at_all_shows_what_there_is(tmp_path: Path) -> None:
    done = readstone(tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert "readstone serve --upstream http://127.0.0.1:11434/v1" in done.stdout


def test_a_new_key_is_all_that_is_printed(tmp_path: Path) -> None:
    done = readstone(tmp_path, "keys", "create", "invoices", "--data-dir", "data")
    assert (done.returncode, done.stderr) == (0, "")
    assert KEY.fullmatch(done.stdout.removesuffix("\n"))


def test_a_key_may_be_for_some_models(tmp_path: Path) -> None:
    wrong = readstone(
        tmp_path, "keys", "create", "scans", "--model", "readston-ocr", "--data-dir", "data"
    )
    assert wrong.returncode == 1
    assert "Did you mean 'readstone-ocr'?" in wrong.stderr
    made = readstone(
        tmp_path, "keys", "create", "scans", "--model", "readstone-ocr", "--data-dir", "data"
    )
    assert made.returncode == 0
    listed = readstone(tmp_path, "keys", "list", "--data-dir", "data").stdout.splitlines()
    assert [row for row in listed if "scans" in row and "readstone-ocr" in row] == listed[1:]


def test_the_list_of_keys_shows_no_secret(tmp_path: Path) -> None:
    made = readstone(tmp_path, "keys", "create", "boss", "--admin", "--data-dir", "data")
    match = KEY.match(made.stdout)
    assert match
    public_id, secret = match.groups()
    done = readstone(tmp_path, "keys", "list", "--data-dir", "data")
    head, row = done.stdout.splitlines()
    assert head.split() == [
        *("ID", "NAME", "OWNER", "SCOPES", "MODELS", "LIMITS", "CREATED", "EXPIRES", "STATE")
    ]
    assert re.split(" {2,}", row)[:4] == [public_id, "boss", "-", "api, admin"]
    assert row.endswith("active")
    assert secret not in done.stdout
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert public_id.encode() in kept
    assert secret.encode() not in kept


def test_a_key_is_made_shown_changed_and_rotated(tmp_path: Path) -> None:
    def keys(*arguments: str) -> Any:
        done = readstone(tmp_path, "keys", *arguments, "--json", "--data-dir", "data")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    made = keys(
        *("create", "bills", "--owner", "Ada", "--scope", "chat", "--rpm", "9"),
        *("--expires", "2100-01-01", "--model", "Qwen/*"),
    )
    match = KEY.fullmatch(made.pop("key"))
    assert match
    assert (made["id"], made["state"], made["expires_at"]) == (match[1], "active", 4_102_444_800)
    assert (made["owner"], made["scopes"], made["models"]) == ("Ada", ["chat"], ["Qwen/*"])
    assert keys("show", match[1]) == made

    changed = keys("edit", match[0], "--owner", "Bo", "--rpm", "default", "--model", "*")
    assert changed == made | {
        "owner": "Bo",
        "models": [],
        "limits": made["limits"] | {"requests_per_minute": None},
    }
    assert keys("list", "--owner", "ada") == []
    assert keys("list", "--owner", "bo", "--name", "BILL", "--state", "active") == [changed]

    rotated = keys("rotate", match[1], "--grace", "1h")
    again = KEY.fullmatch(rotated.pop("key"))
    assert again
    assert rotated == changed
    assert (again[1], again[2] == match[2]) == (match[1], False)
    shown = readstone(tmp_path, "keys", "show", match[1], "--data-dir", "data").stdout
    assert re.search(
        r"^STATE +active; the secret before the last rotation until ", shown, re.MULTILINE
    )
    assert again[2] not in shown


@pytest.mark.parametrize("action", ["show", "edit", "rotate", "revoke"])
def test_a_key_that_is_not_there_is_told(tmp_path: Path, action: str) -> None:
    done = readstone(tmp_path, "keys", action, "nobody", "--data-dir", "data")
    assert (done.returncode, done.stdout) == (1, "")
    assert "'readstone keys list' shows them" in done.stderr


@pytest.mark.parametrize("command", [["--help"], ["keys", "list"], ["keys", "create", "--help"]])
def test_what_needs_no_reader_loads_none(tmp_path: Path, command: list[str]) -> None:
    script = (
        "import sys; from readstone.cli import run\n"
        "try: run(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'starlette', 'uvloop', 'httpcore2', 'onnxruntime', 'cv2'}\n"
        "sys.exit(str(heavy & {*sys.modules}) if heavy & {*sys.modules} else 0)"
    )
    run_in(tmp_path, sys.executable, "-c", script, *command)


@pytest.mark.parametrize("form", ["{id}", "rs-{id}", "{key}"])
def test_a_key_is_revoked_once(tmp_path: Path, form: str) -> None:
    made = readstone(tmp_path, "keys", "create", "guest", "--data-dir", "data")
    match = KEY.match(made.stdout)
    assert match
    named = form.format(id=match[1], key=match[0])
    done = readstone(tmp_path, "keys", "revoke", named, "--data-dir", "data")
    assert (done.returncode, done.stdout.partition(";")[0]) == (0, f"Revoked {match[1]}")
    again = readstone(tmp_path, "keys", "revoke", named, "--data-dir", "data")
    assert (again.returncode, again.stdout) == (1, "")
    assert "readstone keys list" in again.stderr
    assert match[2] not in done.stdout + again.stderr
    assert "revoked" in readstone(tmp_path, "keys", "list", "--data-dir", "data").stdout


def test_the_models_are_listed_with_their_aliases(tmp_path: Path) -> None:
    settings = '[models.readstone-ocr]\naliases = ["Some/OCR-1B"]\n'
    (tmp_path / "readstone.toml").write_text(settings, encoding="utf-8")
    done = readstone(tmp_path, "models")
    head, *rows = done.stdout.splitlines()
    columns = ["MODEL", "KIND", "ENGINE", "UPSTREAM", "CONTEXT", "FALLBACK", "ALIASES"]
    assert (done.returncode, head.split()) == (0, columns)
    assert rows[0].split() == ["readstone-ocr", "ocr", "reader", "-", "-", "-", "Some/OCR-1B"]


def test_the_doctor_says_what_it_saw(tmp_path: Path) -> None:
    (tmp_path / "readstone.toml").write_text("port = 0\n", encoding="utf-8")
    done = readstone(tmp_path, "doctor", "--data-dir", "data")
    assert done.returncode == 0
    assert "Everything is in order." in done.stdout
    for check in ("machine", "libraries", "models", "data directory", "port", "reader"):
        assert f"ok      {check}: " in done.stdout
    words = re.search(r"read (\d+) words of the sample page", done.stdout)
    assert words
    assert int(words[1]) > 200


def test_the_doctor_says_what_is_wrong_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way", encoding="utf-8")
    done = readstone(tmp_path, "doctor", "--data-dir", "data")
    assert done.returncode == 1
    assert re.search(r"^FAILED  data directory: .*--data-dir", done.stdout, re.MULTILINE)
    assert "ok      reader: " in done.stdout
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = readstone(tmp_path, "serve", "--port", port, "--data-dir", "data")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"readstone: Cannot listen on 127.0.0.1:{port} (")
    assert "--port" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("prot = 1", "Unknown setting 'prot'; did you mean 'port'?"),
        ("[reader]\nthread = 1", "Unknown setting 'reader.thread'; did you mean 'threads'?"),
        ("[models.x]\nkinds = 'ocr'", "Unknown setting 'models.x.kinds'; did you mean 'kind'?"),
        ("port = 'many'", "'port'"),
        ("port = ", "readstone.toml is not valid TOML"),
        ("[models.new]\nkind = 'ocr'", "models.new.engine is missing"),
        (
            "[engines.x]\ntype = 'vlm'",
            "Did you mean 'vllm'? The types are: http, llamacpp, vllm, pool.",
        ),
        (
            "[engines.x]\ntype = 'http'\nurl = 'a'\napi_key = 's'",
            "'engines.x.api_key' is not taken",
        ),
        (
            "[models.x]\nkind = 'chat'\nengine = 'gpu'",
            "models.x.engine is 'gpu', which is not an engine here",
        ),
        ("[models.readstone-ocr]\nfallback = ['x']", "models.readstone-ocr.fallback names 'x'"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, settings: str, complaint: str) -> None:
    (tmp_path / "readstone.toml").write_text(settings, encoding="utf-8")
    done = readstone(tmp_path, "models")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("readstone: ")
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_call_is_told_with_the_usage(tmp_path: Path) -> None:
    done = readstone(tmp_path, "serv")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: readstone")


def test_the_demo_reads_its_sample(demo: Server) -> None:
    expected = files("readstone").joinpath("assets/sample.txt").read_text(encoding="utf-8")
    _, head, rest = demo.output.partition("sample.jpg ---\n")
    text, _, foot = rest.partition("\n--- ")
    assert head
    assert word_f1(text, expected) >= 0.85
    assert re.match(r"\d+ tokens in \d+\.\d\d s ---\n", foot)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_demos_curl_example_works(demo: Server) -> None:
    match = re.search(r"^  printf .*?-d @-$", demo.output, re.MULTILINE | re.DOTALL)
    assert match
    done = run_in(demo.folder, "sh", "-c", match[0])
    assert '"object":"chat.completion"' in done.stdout
    assert "LANTERN" in done.stdout


def test_the_demos_python_example_works(demo: Server) -> None:
    match = re.search(r"^  import base64, openai\n(?:  .*\n)+", demo.output, re.MULTILINE)
    assert match
    script = re.sub(r"^  ", "", match[0], flags=re.MULTILINE)
    done = run_in(demo.folder, sys.executable, "-c", script)
    assert word_f1(done.stdout, truth("receipt.jpg")) >= 0.7


def run_in(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
