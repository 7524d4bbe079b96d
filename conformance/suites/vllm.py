# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "pytest>=8.3",
#   "pytest-asyncio>=1.4",
#   "pytest-timeout>=2.3",
# ]
# ///
"""Runs vLLM's own tests of its server's chat completions: vllm.py FOLDER ENGINE MODEL PORT RESULT [ADDRESS KEY].

The tests come with vLLM's source distribution; their server is one vLLM of the environment ENGINE, started at PORT with
MODEL under every name they ask for. With an ADDRESS they talk to that server instead, which must ask the one at PORT:
then the key is put in from outside. Each outcome is appended to RESULT as a line of JSON.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

RELEASE = "vllm-0.32.0"
SOURCE = (
    "https://files.pythonhosted.org/packages/d5/df/"
    "5471312c76e335eaa2b8333e87ea39f0d37bfe24f10a582620e34ff12e33/vllm-0.32.0.tar.gz"
)
DIGEST = "d2c957d5eee3d0985012151315ddc62cbe0cd368fc96a5fc3510438d9dddf2ad"
OPENAI = "tests/entrypoints/openai"
TESTS = (
    f"{OPENAI}/chat_completion/test_chat.py",
    f"{OPENAI}/chat_completion/test_chat_completion.py",
    f"{OPENAI}/chat_completion/test_chat_echo.py",
    f"{OPENAI}/chat_completion/test_chat_logit_bias_validation.py",
    f"{OPENAI}/chat_completion/test_completion_with_function_calling.py",
    f"{OPENAI}/chat_completion/test_enable_force_include_usage.py",
    f"{OPENAI}/chat_completion/test_logprob_token_ids.py",
    f"{OPENAI}/chat_completion/test_non_object_body_validation.py",
)
NAMES = (
    "HuggingFaceH4/zephyr-7b-beta",
    "zephyr-lora",
    "Qwen/Qwen3-0.6B",
    "Qwen/Qwen2-1.5B-Instruct",
    "Qwen/Qwen2.5-1.5B-Instruct",
)
"""What the tests call their models; conformance/__main__.py has the same."""
OPTIONS = (
    "--host=127.0.0.1",
    "--enforce-eager",
    "--dtype=float32",
    "--max-model-len=2048",
    "--enable-auto-tool-choice",
    "--tool-call-parser=hermes",
    # A small model would put white space into its JSON for ever.
    '--structured-outputs-config={"backend":"xgrammar","disable_any_whitespace":true}',
)
VARIABLES = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
START_SECONDS = 600
TEST_SECONDS = 60
SHIM = Path(__file__).parents[2] / "tests/engines/shim"


def obtain(folder: Path) -> Path:
    """The source distribution's tests, downloaded once and held against its digest."""
    release = folder / RELEASE
    if not release.exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f"{RELEASE}.tar.gz"
        urllib.request.urlretrieve(SOURCE, archive)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != DIGEST:
            raise SystemExit(f"{archive} is not what it should be")
        with tarfile.open(archive) as opened:
            tests = [each for each in opened if each.name.startswith(f"{RELEASE}/tests/")]
            opened.extractall(folder, tests, filter="data")
    return release


@contextmanager
def engine(python: Path, model: str, port: str, log: Path) -> Iterator[None]:
    """A vLLM for the length of a block."""
    command = [python, "-m", "vllm.entrypoints.openai.api_server", f"--model={model}"]
    names = ["--served-model-name", *NAMES]
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, f"--port={port}", *OPTIONS, *names],
            env={**os.environ, **VARIABLES, "PYTHONPATH": str(SHIM)},
            stdout=written,
            stderr=written,
            start_new_session=True,  # its engine outlives its API server, unless both are killed
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"vLLM did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.1)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(port: str) -> bool:
    """Whether a server at the port is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Remote:
    """What the suite's tests have of a server: here one that runs already, whatever they would start it with."""

    address = key = ""

    def __init__(self, *_: object, **__: object) -> None:
        self.DUMMY_API_KEY = self.key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    @property
    def url_root(self) -> str:
        """Where it is."""
        return self.address

    def url_for(self, *parts: str) -> str:
        """Where something of it is."""
        return "/".join((self.address, *parts))

    def get_client(self, **options: Any) -> Any:
        """A client of it."""
        import openai  # noqa: PLC0415  (the engine's, found in its environment alone)

        return openai.OpenAI(**self._settings(options))

    def get_async_client(self, **options: Any) -> Any:
        """A client of it."""
        import openai  # noqa: PLC0415

        return openai.AsyncOpenAI(**self._settings(options))

    def _settings(self, options: Any) -> Any:
        own = {"base_url": self.url_for("v1"), "api_key": self.key, "max_retries": 0}
        return {**own, **options}


class Guest:
    """A pytest plugin: gives the suite a running server, and notes each outcome."""

    def __init__(self, model: str, result: Path) -> None:
        self._model = model
        self._result = result

    def pytest_configure(self) -> None:
        """Put the running server in the place of those that the suite starts, and our model in that of the hub's."""
        import requests  # noqa: PLC0415  (the engine's)
        import tests.utils  # noqa: PLC0415  (the suite's own)
        import vllm.config  # noqa: PLC0415
        from vllm.transformers_utils import repo_utils  # noqa: PLC0415

        tests.utils.RemoteOpenAIServer = Remote
        post, configured = requests.post, vllm.config.ModelConfig

        def keyed(*arguments: Any, headers: Any = None, **options: Any) -> Any:
            headers = {"Authorization": f"Bearer {Remote.key}", **(headers or {})}
            return post(*arguments, headers=headers, **options)

        def ours(**options: Any) -> Any:
            return configured(**{**options, "model": self._model, "dtype": "float32"})

        hub = SimpleNamespace(snapshot_download=lambda **_: self._model)
        repo_utils.hf_api = lambda: hub
        requests.post = keyed
        vllm.config.ModelConfig = ours

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what asks no server."""
        items[:] = [item for item in items if "server" in getattr(item, "fixturenames", ())]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Note the outcome."""
        report = yield
        if call.when == "call" or call.excinfo:
            why = "" if call.excinfo is None else f"{call.excinfo.typename}: {call.excinfo.value}"
            line = {"test": item.nodeid, "outcome": report.outcome, "why": why[:300]}
            with self._result.open("a") as result:
                result.write(json.dumps(line) + "\n")
        return report


def test(model: str, result: str, address: str, key: str) -> int:
    """Run the tests, in the engine's environment and the suite's folder."""
    Remote.address, Remote.key = address, key
    sys.path[0] = str(
        Path.cwd()
    )  # instead of this script's folder, where this script is called vllm
    plugins = ["tests.entrypoints.conftest", "no:cacheprovider"]
    options = ["-q", "--tb=no", "--no-header", "--noconftest", f"--timeout={TEST_SECONDS}"]
    options += [f"--config-file={os.devnull}", f"--rootdir={Path.cwd()}"]
    options += [word for plugin in plugins for word in ("-p", plugin)]
    code = pytest.main([*options, *TESTS], plugins=[Guest(model, Path(result))])
    return 0 if code in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} else int(code)


def main() -> int:
    """Run the suite; 0 however many of its tests fail."""
    if sys.argv[1] == "test":
        return test(*sys.argv[2:])
    folder, environment, model, port, result, *through = sys.argv[1:]
    suite = obtain(Path(folder))
    python = Path(environment) / "bin/python"
    address, key = through or (f"http://127.0.0.1:{port}", "none")
    with engine(python, model, port, Path(f"{result}.log")):
        paths = os.pathsep.join((str(SHIM), sysconfig.get_path("purelib")))
        return subprocess.run(
            [python, Path(__file__).resolve(), "test", model, result, address, key],
            cwd=suite,
            env={**os.environ, **VARIABLES, "PYTHONPATH": paths},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
