"""`./run conformance`: start a server, run the suites against it, print the table and write it into the docs."""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.server import Server, environment, free_port

from conformance import difference
from conformance.outcome import read_outcomes, read_report
from conformance.table import Row, markdown, schema_row, sdk_rows, write

ROOT = Path(__file__).parent.parent
SUITES = ROOT / "conformance/suites"
PAGE = ROOT / "docs/compatibility.md"
DOWNLOADS = ROOT / ".tools/conformance"
RECEIPT = ROOT / "tests/data/receipt.jpg"
UV = ROOT / ".tools/bin/uv"

MODEL = "readstone-ocr"
ALIASES = ("gpt-6-astra", "model")
"""What openai-python's suite calls its models."""

ENGINE = """
[engines.b11549]
type = "http"
url = "http://127.0.0.1:{port}/v1"

[models.tinyllama-2]
kind = "chat"
engine = "b11549"
aliases = ["llama-test-model"]
defaults = {{ stream = false, temperature = 0.8, top_p = 0.95 }}
"""
"""llama.cpp's server as its suite starts it. It has the server's defaults and, as an engine's name is its
`system_fingerprint`, llama.cpp's build."""


def main() -> int:
    """Run everything; 1 where something that is served fails in any other way than a documented refusal."""
    parser = argparse.ArgumentParser("./run conformance", description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="requests per operation (200)")
    parser.add_argument("--no-write", action="store_true", help="leave docs/compatibility.md alone")
    parser.add_argument(
        "--stories",
        type=Path,
        help="run llama.cpp's suite too, on this GGUF: TinyStories 260K, the hub's ggml-org/test-model-stories260K",
    )
    arguments = parser.parse_args()
    if arguments.stories:
        found = difference.markdown([_llama(arguments.stories.resolve())])
        print(found)
        if not arguments.no_write:
            write(PAGE, found, difference.BEGIN, difference.END)
    with tempfile.TemporaryDirectory(prefix="readstone-conformance-") as name:
        folder = Path(name)
        (folder / "readstone.toml").write_text(
            f"models.{MODEL}.aliases = {list(ALIASES)}\n", encoding="utf-8"
        )
        server = Server(folder)
        try:
            rows = [*_sdk(server, folder), _schema(server, folder, arguments.examples)]
        finally:
            server.stop()
    table = markdown(rows)
    print(table)
    if not arguments.no_write:
        write(PAGE, table)
    return int(any(row.counts["failed"] for row in rows))


def _sdk(server: Server, folder: Path) -> list[Row]:
    """openai-python's tests of its resources."""
    result = folder / "outcomes.jsonl"
    _run(
        folder,
        "openai_python.py",
        *(f"{server.address}/v1", server.key, str(RECEIPT), str(DOWNLOADS), str(result)),
    )
    return sdk_rows(f"openai-python {_openai_version()}", read_outcomes(result))


def _schema(server: Server, folder: Path, examples: int) -> Row:
    """Schemathesis on the server's own description."""
    report = folder / "report.json"
    _run(
        folder,
        "schema.py",
        *(server.address, server.key, MODEL, str(RECEIPT), str(examples), str(report)),
    )
    return schema_row(read_report(report))


def _llama(model: Path) -> difference.Difference:
    """llama.cpp's tests of chat completions, of its server directly and behind ours."""
    with tempfile.TemporaryDirectory(prefix="readstone-conformance-") as name:
        folder = Path(name)
        port = str(free_port())
        settings = (DOWNLOADS, model, port)
        _run(folder, "llama_cpp.py", *map(str, (*settings, folder / "direct.jsonl")))
        (folder / "readstone.toml").write_text(ENGINE.format(port=port), encoding="utf-8")
        server = Server(folder, up="/health")
        try:
            behind = (*settings, folder / "through.jsonl", server.address, server.key)
            _run(folder, "llama_cpp.py", *map(str, behind))
        finally:
            server.stop()
        direct, through = (
            difference.read_results(folder / f"{way}.jsonl") for way in ("direct", "through")
        )
        return difference.compare("llama.cpp b11549, chat completions", direct, through)


def _openai_version() -> str:
    lock = (SUITES / "openai_python.py.lock").read_text(encoding="utf-8")
    return str(re.findall(r'name = "openai"\nversion = "([^"]+)"', lock)[0])


def _run(folder: Path, script: str, *arguments: str) -> None:
    """Run a suite in that folder and its own environment, which is installed first where it is not there."""
    print(f"running {script} …", file=sys.stderr)
    options = ("--quiet", "--no-project", "--frozen", "--python", sys.executable)
    found = subprocess.run(
        [UV, "run", *options, "--script", SUITES / script, *arguments],
        cwd=folder,
        env={**environment(), "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        print(found.stdout[-4000:], found.stderr[-4000:], file=sys.stderr)
        raise SystemExit(f"{script} could not be run")


if __name__ == "__main__":
    sys.exit(main())
