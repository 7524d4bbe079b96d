"""llama.cpp's command line, finding a server to run, and the wheel's server for real."""

import asyncio
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest

from readstone.core.chat import (
    Answer,
    ChatRequest,
    Image,
    ImagePart,
    Message,
    Part,
    TextPart,
    fold,
)
from readstone.core.errors import ConfigurationError, EngineCrashed, EngineFailed
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines import llama_server
from readstone.engines.environment import engine_environment
from readstone.engines.health import is_well
from readstone.engines.http.engine import HTTPEngine, HTTPOptions
from readstone.engines.http.health import HealthOptions
from readstone.engines.http.target import parse_target
from readstone.engines.hub import Hub, HubFile
from readstone.engines.llamacpp import LlamaCpp, LlamaCppOptions, find_llama_server
from readstone.engines.patience import Patience
from readstone.engines.pictures import Untouched, Wanted
from readstone.engines.program import Seat
from readstone.engines.supervised import House, Supervised
from unit.engines.processes import children, until

SEER = Path(__file__).parents[2] / "models" / "seer"
SEAT = Seat(Path("/run/x/engine.sock"), "the-key")
OPTIONS = LlamaCppOptions(
    SEER / "seer.gguf", "seer", mmproj=SEER / "seer-mmproj.gguf", context=1024, slots=2, threads=1
)
FRANCE = TextPart("What is the capital of France?")
WHEEL = (sys.executable, "-I", "-m", "readstone.engines.llama_server")


def _llama(options: LlamaCppOptions, hub: Hub | None = None) -> LlamaCpp:
    return LlamaCpp(options, ("llama-server",), hub or Hub(Path("/models")))


def _program(directory: Path) -> str:
    path = directory / "llama-server"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_options_become_flags() -> None:
    options = replace(OPTIONS, gpu_layers=99, image_tokens=512, flags=("--swa-full",))

    assert _llama(options).command(SEAT).arguments == (
        *("llama-server", "--model", str(SEER / "seer.gguf")),
        *("--mmproj", str(SEER / "seer-mmproj.gguf"), "--alias", "seer"),
        *("--ctx-size", "2048", "--parallel", "2", "--threads", "1", "--threads-batch", "1"),
        *(
            "--gpu-layers",
            "99",
            "--image-max-tokens",
            "512",
            "--cache-ram",
            "0",
            "--threads-http",
            "72",
        ),
        *("--jinja", "--metrics", "--no-slots", "--no-webui", "--swa-full"),
        *("--host", "/run/x/engine.sock"),
    )


def test_the_key_is_in_the_environment_and_nowhere_else() -> None:
    command = _llama(OPTIONS).command(SEAT)

    assert command.variables == {"LLAMA_API_KEY": "the-key"}
    assert not any("the-key" in argument for argument in command.arguments)


def test_a_file_of_the_hub_lies_in_the_data_directory() -> None:
    options = LlamaCppOptions(HubFile("ggml-org/tiny", "a.gguf"), "tiny")

    assert _llama(options).command(SEAT).arguments[1:3] == (
        *("--model", "/models/ggml-org/tiny/a.gguf"),
    )


async def test_the_fingerprint_names_the_weights_and_not_their_place(tmp_path: Path) -> None:
    copy = tmp_path / "copy.gguf"
    copy.write_bytes((SEER / "seer.gguf").read_bytes())
    here = _llama(replace(OPTIONS, mmproj=None))
    there = _llama(replace(OPTIONS, mmproj=None, model=copy))
    other = _llama(replace(OPTIONS, mmproj=None, model=SEER / "seer-mmproj.gguf"))

    for llama in (here, there, other):
        await llama.prepare()

    assert here.fingerprint == there.fingerprint
    assert here.fingerprint != other.fingerprint


async def test_a_file_that_is_not_there_or_no_model_is_told(tmp_path: Path) -> None:
    text = tmp_path / "readme.gguf"
    text.write_text("not a model")

    with pytest.raises(EngineFailed, match=r"missing\.gguf cannot be read: No such file"):
        await _llama(replace(OPTIONS, model=tmp_path / "missing.gguf")).prepare()
    with pytest.raises(EngineFailed, match=r"readme\.gguf is not a GGUF file"):
        await _llama(replace(OPTIONS, model=text)).prepare()


def test_a_command_of_your_own_is_run_as_it_is(tmp_path: Path) -> None:
    own = _program(tmp_path)

    assert find_llama_server([own, "--no-mmap"], ["--any"], "/bin") == (own, "--no-mmap")


def test_the_wheel_comes_before_the_llama_server_of_path(tmp_path: Path) -> None:
    _program(tmp_path)

    assert find_llama_server([], [], str(tmp_path)) == WHEEL


def test_without_the_wheel_the_llama_server_of_path_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _program(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", _nothing)

    assert find_llama_server([], ["--any"], f"/nowhere:{tmp_path}") == (program,)


def _nothing(_name: str) -> None:
    """No module is installed."""


def test_where_there_is_none_the_error_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", _nothing)

    with pytest.raises(ConfigurationError, match=r"pip install 'readstone\[llm\]'"):
        find_llama_server([], [], "/nowhere")
    with pytest.raises(ConfigurationError, match="no program '/nowhere/llama-server'"):
        find_llama_server(["/nowhere/llama-server"], [], "/nowhere")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--agent"], "unrecognized arguments: --agent"),
        (["--flash-attn", "maybe"], "'maybe' is none of on, off, auto"),
        (["--ubatch-size", "many"], "invalid int value"),
        (["--swa"], "unrecognized arguments: --swa"),
    ],
)
def test_a_flag_the_wheel_does_not_know_is_refused_before_anything_starts(
    flags: list[str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        find_llama_server([], flags, "/nowhere")

    assert "set 'command'" in str(caught.value)


def test_the_last_of_a_repeated_flag_wins() -> None:
    (read,) = llama_server.read_flags(["--parallel", "2", "--parallel", "8"])

    assert read == (llama_server.FLAGS["--parallel"], 8)


def test_every_flag_is_a_parameter_of_the_wheel(tmp_path: Path) -> None:
    """In a process of its own: nothing but the child loads the library."""
    template = tmp_path / "template.jinja"
    template.write_text("{{ messages }}")
    values = {
        "--flash-attn": "on",
        "--cache-type-k": "q8_0",
        "--cache-type-v": "q8_0",
        "--reasoning-format": "deepseek-legacy",
        "--chat-template-file": str(template),
        "--alias": "a,b",
        "--host": "/run/x.sock",
    }
    program = (
        "import json, sys, xllamacpp\n"
        "from readstone.engines.llama_server import FLAGS, _set, read_flags\n"
        "values = json.loads(sys.argv[1])\n"
        "for name, flag in FLAGS.items():\n"
        "    value = [] if flag.read is None else [values.get(name, '7')]\n"
        "    parameters = xllamacpp.CommonParams()\n"
        "    ((_, read),) = read_flags([name, *value])\n"
        "    for parameter in flag.parameters:\n"
        "        _set(xllamacpp, parameters, parameter, read)\n"
        "print(parameters.mmproj_use_gpu)\n"
    )

    found = subprocess.run(
        [sys.executable, "-c", program, json.dumps(values)],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (found.returncode, found.stdout, found.stderr) == (0, "False\n", "")


def test_a_server_with_wrong_flags_or_no_model_ends_and_says_why(tmp_path: Path) -> None:
    def run(*flags: str) -> tuple[int, str]:
        found = subprocess.run([*WHEEL, *flags], check=False, capture_output=True, text=True)
        return found.returncode, found.stderr

    code, said = run("--agent")
    assert (code, "unrecognized arguments: --agent" in said) == (2, True)

    code, said = run("--model", str(tmp_path / "no.gguf"), "--host", str(tmp_path / "x.sock"))
    assert (code, "Failed to init server" in said) == (1, True)


def _connect(url: str, api_key: str) -> HTTPEngine:
    options = HTTPOptions(parse_target(url), api_key)
    return HTTPEngine("seer", options, Untouched(Wanted(frozenset({"png"}))), HealthOptions())


@pytest.fixture
async def seer(tmp_path: Path) -> AsyncIterator[Supervised]:
    """The wheel's server with the tiny model that sees, ready."""
    server = find_llama_server([], OPTIONS.flags, "/nowhere")
    engine = Supervised(
        "seer",
        LlamaCpp(OPTIONS, server, Hub(tmp_path / "models")),
        _connect,
        House(tmp_path, engine_environment(os.environ)),
        Patience(first_delay=0.01),
    )
    await engine.start()
    await until(lambda: engine.state == "ready")
    yield engine
    await engine.stop()
    assert not list((tmp_path / "run").iterdir())


def _request(*parts: Part, **extras: bytes) -> ChatRequest:
    model = Model("seer", "vision", "seer", KIND_DEFAULTS["vision"], 3)
    return ChatRequest(
        "id", "key", model, "seer", (Message("user", parts),), 900, 0, 1, 0, extras=extras
    )


async def _ask(engine: Supervised, *parts: Part) -> Answer:
    async with aclosing(engine.chat(_request(*parts))) as events:
        return await fold(events)


def _flat(colour: str) -> ImagePart:
    file = BytesIO()
    PIL.Image.new("RGB", (56, 56), colour).save(file, "PNG")
    return ImagePart(Image(file.getvalue(), "png", 56, 56, "messages[0].content[0]", plain=True))


async def test_a_real_model_sees_through_the_wheels_server(seer: Supervised) -> None:
    question = TextPart("What colors are the images?")

    answer = await _ask(seer, _flat("blue"), _flat("red"), question)

    assert re.search(r"blue.*red", answer.text)
    assert answer.finish.usage.prompt_tokens > answer.finish.usage.completion_tokens > 0
    assert seer.fingerprint.startswith("llamacpp-")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_real_server_killed_over_an_answer_says_so_and_comes_back(
    seer: Supervised, tmp_path: Path, number: signal.Signals
) -> None:
    """Asked to end by somebody else, llama.cpp by itself would hold the answer for half a minute."""
    (record,) = (tmp_path / "run").iterdir()
    launcher = json.loads(record.read_text("utf-8"))["launcher"]["pid"]
    endless = _request(FRANCE, ignore_eos=b"true")

    async with aclosing(seer.chat(endless)) as events:
        await anext(events)
        os.kill(children(launcher)[0], number)
        async with asyncio.timeout(Patience().stop):
            with pytest.raises(EngineCrashed):
                await fold(events)

    await until(lambda: seer.state == "ready")
    assert "paris" in (await _ask(seer, FRANCE)).text.lower()


async def test_a_real_server_with_more_requests_than_slots_still_tells_its_health(
    seer: Supervised, tmp_path: Path
) -> None:
    (record,) = (tmp_path / "run").iterdir()
    directory = Path(json.loads(record.read_text("utf-8"))["directory"])
    async with AsyncExitStack() as stack:
        answers = [seer.chat(_request(FRANCE, ignore_eos=b"true")) for _ in range(32)]
        first = [asyncio.ensure_future(anext(answer)) for answer in answers]
        for answer in answers:
            stack.push_async_callback(answer.aclose)
        stack.push_async_callback(asyncio.wait, first)
        for task in first:
            stack.callback(task.cancel)
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)

        assert await is_well(directory / "engine.sock", 5)


async def test_stopping_does_not_wait_for_a_real_servers_open_streams(seer: Supervised) -> None:
    """By itself llama.cpp waits for them for half a minute."""
    async with aclosing(seer.chat(_request(FRANCE, ignore_eos=b"true"))) as events:
        await anext(events)
        async with asyncio.timeout(Patience().stop):
            await seer.stop()

        with pytest.raises(EngineCrashed):
            await fold(events)
