"""`./run conformance`: start a server, run the suites against it, print the table and write it into the docs."""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.server import Server, environment, free_port, readstone

from conformance import difference
from conformance.outcome import read_outcomes, read_report
from conformance.table import Row, markdown, schema_row, sdk_rows, write

ROOT = Path(__file__).parent.parent
SUITES = ROOT / "conformance/suites"
PAGE = ROOT / "docs/compatibility.md"
DOWNLOADS = ROOT / ".tools/conformance"
RECEIPT = ROOT / "tests/data/receipt.jpg"
SEER = ROOT / "tests/models/seer"
VLLM = ROOT / ".tools/engines/vllm"
UV = ROOT / ".tools/bin/uv"

MODEL = "readstone-ocr"
ALIASES = ("gpt-6-astra", "model")
"""What openai-python's suite calls its models."""

VLLM_NAMES = (
    "HuggingFaceH4/zephyr-7b-beta",
    "zephyr-lora",
    "Qwen/Qwen3-0.6B",
    "Qwen/Qwen2-1.5B-Instruct",
    "Qwen/Qwen2.5-1.5B-Instruct",
)
"""What vLLM's suite calls its models; suites/vllm.py has the same."""


@dataclass(frozen=True, slots=True)
class Twice:
    """A suite of an engine's own that is run of it directly and behind our server.

    `arguments` stand before the engine's port; an engine's name is its `system_fingerprint`. The models have the
    engine's own defaults and, where the suite asks for the same under other names, aliases.
    """

    name: str
    script: str
    engine: str
    arguments: tuple[Path, ...]
    models: Mapping[str, tuple[str, ...]]
    temperature: float
    top_p: float

    def configuration(self, port: str) -> str:
        """The readstone.toml of the server in front of the engine."""
        engine = f'[engines.{self.engine}]\ntype = "http"\nurl = "http://127.0.0.1:{port}/v1"\n'
        defaults = f"{{ stream = false, temperature = {self.temperature}, top_p = {self.top_p} }}"
        models = (
            f'[models."{name}"]\nkind = "chat"\nengine = "{self.engine}"\n'
            f"aliases = {list(aliases)}\ndefaults = {defaults}\n"
            for name, aliases in self.models.items()
        )
        return "\n".join((engine, *models))


def llama_cpp(model: Path) -> Twice:
    """llama.cpp's tests; the engine's name is llama.cpp's build."""
    return Twice(
        name="llama.cpp b11549, chat completions",
        script="llama_cpp.py",
        engine="b11549",
        arguments=(DOWNLOADS, model),
        models={"tinyllama-2": ("llama-test-model",)},
        temperature=0.8,
        top_p=0.95,
    )


def vllm() -> Twice:
    """The tests of vLLM, of the one that `./run engines vllm` installed."""
    return Twice(
        name="vLLM 0.32.0, chat completions",
        script="vllm.py",
        engine="vllm",
        arguments=(DOWNLOADS, VLLM, SEER),
        models=dict.fromkeys(VLLM_NAMES, ()),
        temperature=1.0,
        top_p=1.0,
    )


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
    parser.add_argument(
        "--vllm",
        action="store_true",
        help="run vLLM's suite too, of the vLLM that ./run engines vllm installs",
    )
    arguments = parser.parse_args()
    if arguments.stories:
        _differ(
            llama_cpp(arguments.stories.resolve()), "llama.cpp", write_it=not arguments.no_write
        )
    if arguments.vllm and not VLLM.exists():
        parser.error("vLLM is not installed: ./run engines vllm")
    if arguments.vllm:
        _differ(vllm(), "vLLM", write_it=not arguments.no_write)
    with tempfile.TemporaryDirectory(prefix="readstone-conformance-") as name:
        folder = Path(name)
        # Wrong keys are sent on purpose, from one address.
        (folder / "readstone.toml").write_text(
            f"authentication.wrong_keys_per_minute = 0\nmodels.{MODEL}.aliases = {list(ALIASES)}\n",
            encoding="utf-8",
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
    other = readstone(folder, "keys", "create", "--data-dir", "data", "other").stdout.split("-")[1]
    _run(
        folder,
        "schema.py",
        *(server.address, server.key, other, MODEL, str(RECEIPT), str(examples), str(report)),
    )
    return schema_row(read_report(report))


def _differ(suite: Twice, mark: str, *, write_it: bool) -> None:
    """Run an engine's suite directly and behind our server, and tell what is not alike."""
    found = difference.markdown([_twice(suite)])
    print(found)
    if write_it:
        write(PAGE, found, *difference.marks(mark))


def _twice(suite: Twice) -> difference.Difference:
    with tempfile.TemporaryDirectory(prefix="readstone-conformance-") as name:
        folder = Path(name)
        port = str(free_port())
        settings = (*suite.arguments, port)
        _run(folder, suite.script, *map(str, (*settings, folder / "direct.jsonl")))
        (folder / "readstone.toml").write_text(suite.configuration(port), encoding="utf-8")
        server = Server(folder, up="/health")
        try:
            behind = (*settings, folder / "through.jsonl", server.address, _key(folder, suite))
            _run(folder, suite.script, *map(str, behind))
        finally:
            server.stop()
        direct, through = (
            difference.read_results(folder / f"{way}.jsonl") for way in ("direct", "through")
        )
        return difference.compare(suite.name, direct, through)


def _key(folder: Path, suite: Twice) -> str:
    """A key for the suite's models alone: those are the models that it is shown."""
    models = [word for name in suite.models for word in ("--model", name)]
    made = readstone(folder, "keys", "create", "--data-dir", "data", *models, "suite")
    return re.findall(r"rs-\w+-\w+", made.stdout)[0]


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
