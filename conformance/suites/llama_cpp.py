# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "aiohttp>=3.9",
#   "filelock>=3.16",
#   "gguf>=0.17",
#   "openai>=2.14",
#   "prometheus-client>=0.20",
#   "pytest>=8.3",
#   "requests>=2.32",
#   "wget>=3.2",
#   "xllamacpp==2026.10.11549",
# ]
# ///
"""Runs llama.cpp's own tests of its server's chat completions: llama_cpp.py FOLDER MODEL PORT RESULT [ADDRESS KEY].

The tests come with the source distribution of the xllamacpp wheel, whose server they start at PORT with what each of
them asks for. MODEL is TinyStories 260K as GGUF; a copy is used that is as the suite expects it (`prepare`). With an ADDRESS they talk to that server instead, which must ask the one at PORT: then the path, the key
and the model are put in from outside. Each outcome is appended to RESULT as a line of JSON.
"""

import hashlib
import inspect
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import gguf
import openai
import pytest

RELEASE = "xllamacpp-2026.10.11549"
SOURCE = (
    "https://files.pythonhosted.org/packages/87/62/"
    "b6dfaaf346d3d4fd0e2a2df755f2693b77673f2735da7ba0592af9d2f09e/xllamacpp-2026.10.11549.tar.gz"
)
DIGEST = "c17ee1163006f70726abb9f72137830818f3d8cb60bfc34cb232d08428eaa22b"
TESTS = "thirdparty/llama.cpp/tools/server/tests"
MODEL = "tinyllama-2"
CHAT = "/chat/completions"


def obtain(folder: Path) -> Path:
    """The suite in the unpacked source distribution, downloaded once and held against its digest."""
    suite = folder / RELEASE / TESTS
    if not suite.exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f"{RELEASE}.tar.gz"
        urllib.request.urlretrieve(SOURCE, archive)
        if hashlib.sha256(archive.read_bytes()).hexdigest() != DIGEST:
            raise SystemExit(f"{archive} is not what it should be")
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    return suite


def prepare(model: Path, prepared: Path) -> None:
    """Write the model as the hub's ggml-org/test-model-stories260K is: without a chat template, and with BOS put first."""
    read = gguf.GGUFReader(model)
    written = gguf.GGUFWriter(prepared, "llama")
    own = {"general.architecture", "tokenizer.chat_template", "tokenizer.ggml.add_bos_token"}
    for name, member in read.fields.items():
        if name in own or name.startswith("GGUF."):
            continue
        if member.types[0] == gguf.GGUFValueType.ARRAY:
            written.add_array(name, member.contents())
        else:
            written.add_key_value(name, member.contents(), member.types[0])
    written.add_add_bos_token(value=True)
    for tensor in read.tensors:
        written.add_tensor(tensor.name, tensor.data)
    written.write_header_to_file()
    written.write_kv_data_to_file()
    written.write_tensors_to_file()
    written.close()


class Guest:
    """A pytest plugin: starts the wheel's server where the suite starts a binary, and notes each outcome."""

    def __init__(self, model: Path, port: int, result: Path, *, guarded: bool) -> None:
        self._guarded = guarded
        self._model = model
        self._port = port
        self._result = result
        self._child: subprocess.Popen[bytes] | None = None
        self.last: dict[str, Any] = {}
        self.name = MODEL

    def start(self, server: Any, *_: object, **__: object) -> None:
        """What the suite's `start` does, with the wheel's server; models we do not have are skipped."""
        if server.model_hf_repo != "ggml-org/test-model-stories260K":
            pytest.skip("needs a model that is downloaded")
        self.stop()
        self.name = server.model_alias or MODEL
        options = {name: getattr(server, name) for name in OPTIONS}
        if self._guarded:
            options["api_key"] = None  # the server in front asks for a key
        command = [sys.executable, __file__, "serve", str(self._model), str(self._port)]
        quiet = subprocess.DEVNULL
        self._child = subprocess.Popen([*command, json.dumps(options)], stdout=quiet, stderr=quiet)
        while not answers(self._port):
            if self._child.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.02)

    def stop(self, *_: object) -> None:
        """End the server."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def pytest_sessionstart(self) -> None:
        """Put our starting in the place of the suite's."""
        import utils  # noqa: PLC0415  (the suite's own, found once its folder is on the path)

        utils.ServerPreset.load_all = staticmethod(lambda: None)
        utils.ServerProcess.start = lambda server, *_, **__: self.start(server)
        utils.ServerProcess.stop = self.stop
        post = utils.requests.post

        def noted(*arguments: Any, **options: Any) -> Any:
            answer = post(*arguments, **options)
            self.last = {"status": answer.status_code}
            if answer.status_code != 200:
                self.last |= error_of(answer)
            return answer

        utils.requests.post = noted

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what is not about chat completions."""
        items[:] = [item for item in items if is_about_chat(item)]

    def pytest_runtest_setup(self) -> None:
        """Forget the last answer."""
        self.last = {}

    def pytest_runtest_teardown(self) -> None:
        """End the server."""
        self.stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Note the outcome."""
        report = yield
        if call.when == "call" or call.excinfo:
            why = "" if call.excinfo is None else f"{call.excinfo.typename}: {call.excinfo.value}"
            line = {"test": item.nodeid, "outcome": report.outcome, "why": why[:300], **self.last}
            with self._result.open("a") as result:
                result.write(json.dumps(line) + "\n")
        return report


def answers(port: int) -> bool:
    """Whether a server at the port is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def is_about_chat(item: pytest.Item) -> bool:
    """Whether a test asks for a chat completion."""
    source = inspect.getsource(item.function)  # type: ignore[attr-defined]
    module = inspect.getsource(item.module)  # type: ignore[attr-defined]
    called = [name for name in ("do_test_", "client.chat", CHAT) if name in source]
    return bool(called) and CHAT in module


def error_of(answer: Any) -> dict[str, Any]:
    """What an answer says of its error."""
    try:
        error = answer.json().get("error", {})
    except ValueError:
        return {}
    return {name: error.get(name) for name in ("code", "param", "message")}


def redirect(guest: Guest, address: str, key: str) -> None:
    """Send what goes to the engine to another server, with its path, its key and a model's name."""
    import utils  # noqa: PLC0415  (the suite's own)

    def url(server: Any, path: str, host: str | None = None) -> str:
        del host
        if not path.startswith(CHAT):
            return f"http://127.0.0.1:{server.server_port}{path}"
        return f"{address}/v1{path}"

    post = utils.requests.post

    def posted(target: str, *, headers: Any = None, json: Any = None, **options: Any) -> Any:
        if target.startswith(address):
            headers = {**(headers or {}), "Authorization": f"Bearer {key}"}
            json = {**json, "model": guest.name}
        return post(target, headers=headers, json=json, **options)

    utils.ServerProcess.make_url = url
    utils.requests.post = posted
    redirect_library(guest, address, key)


def redirect_library(guest: Guest, address: str, key: str) -> None:
    """The same for what the suite asks with the openai package."""
    begin = openai.OpenAI.__init__
    build = openai.OpenAI._build_request  # noqa: SLF001  (the one place where every request passes)

    def made(self: Any, **options: Any) -> None:
        begin(self, **{**options, "base_url": f"{address}/v1", "api_key": key})

    def named(self: Any, options: Any, **rest: Any) -> Any:
        if isinstance(options.json_data, dict):
            options.json_data = {**options.json_data, "model": guest.name}
        return build(self, options, **rest)

    openai.OpenAI.__init__ = made
    openai.OpenAI._build_request = named  # noqa: SLF001


OPTIONS = {
    "model_alias": "model_alias",
    "temperature": "sampling.temp",
    "seed": "sampling.seed",
    "n_ctx": "n_ctx",
    "n_batch": "n_batch",
    "n_ubatch": "n_ubatch",
    "n_slots": "n_parallel",
    "n_predict": "n_predict",
    "jinja": "use_jinja",
    "chat_template": "chat_template",
    "chat_template_file": "chat_template",
    "debug": "verbosity",
    "api_key": "api_keys",
    "server_slots": "endpoint_slots",
    "server_metrics": "endpoint_metrics",
    "enable_ctx_shift": "ctx_shift",
    "kv_unified": "kv_unified",
    "cache_ram": "cache_ram_mib",
    "reasoning_format": "reasoning_format",
    "sleep_idle_seconds": "sleep_idle_seconds",
}
"""What the suite's tests set, and which parameter of the wheel's server that is."""


def serve(model: str, port: str, options: str) -> None:
    """Be the server that a test asks for."""
    import xllamacpp  # noqa: PLC0415  (only where it serves)

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.port = int(port)
    parameters.hostnames = ["127.0.0.1"]
    parameters.ui = parameters.warmup = False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    for name, value in json.loads(options).items():
        if value is not None:
            set_option(parameters, xllamacpp, name, value)
    server = xllamacpp.Server(parameters)
    signal.pause()
    del server


def set_option(parameters: Any, library: Any, name: str, value: Any) -> None:
    """Set what the suite calls `name`."""
    match name:
        case "model_alias":
            value = {value}
        case "api_key":
            value = [value]
        case "debug":
            value = 99 if value else 3
        case "chat_template_file":
            value = Path(value).read_text(encoding="utf-8")
        case "reasoning_format":
            kinds = library.common_reasoning_format
            value = getattr(kinds, f"COMMON_REASONING_FORMAT_{value.upper()}")
        case _:
            pass
    *path, last = OPTIONS[name].split(".")
    for part in path:
        parameters = getattr(parameters, part)
    setattr(parameters, last, value)


def main() -> int:
    """Run the suite; 0 however many of its tests fail."""
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
        return 0
    folder, model, port, result, *through = sys.argv[1:]
    os.chdir(obtain(Path(folder)))
    os.environ["PORT"] = port
    sys.path.insert(0, str(Path.cwd()))
    prepared = Path(f"{result}.gguf")
    prepare(Path(model), prepared)
    guest = Guest(prepared, int(port), Path(result), guarded=bool(through))
    options = ["-q", "--tb=no", "--no-header", "-p", "no:cacheprovider", "-m", "not slow"]
    if through:
        address, key = through
        redirect(guest, address, key)
    code = pytest.main([*options, "unit"], plugins=[guest])
    return 0 if code in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} else int(code)


if __name__ == "__main__":
    sys.exit(main())
