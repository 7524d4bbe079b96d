"""vLLM's command line, and finding a vLLM to run."""

import os
import sys
from pathlib import Path

import pytest

from readstone.core.errors import ConfigurationError
from readstone.engines.program import Seat
from readstone.engines.vllm import VLLM, Installation, find_vllm

SEAT = Seat(Path("/run/x/engine.sock"), "the-key")
INSTALLED = Installation(("/opt/vllm/bin/vllm", "serve"), "/opt/vllm/bin:/usr/bin")


def _program(directory: Path, name: str, script: str = "") -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_what_is_not_set_is_left_to_vllm() -> None:
    command = VLLM(INSTALLED, "Qwen/Qwen3-VL-8B-Instruct").command(SEAT)

    assert command.arguments == (
        *("/opt/vllm/bin/vllm", "serve", "Qwen/Qwen3-VL-8B-Instruct"),
        *("--generation-config", "vllm", "--enable-prompt-tokens-details"),
        *("--uds", "/run/x/engine.sock"),
    )


def test_every_option_becomes_its_flag_and_flags_come_after_them() -> None:
    vllm = VLLM(
        INSTALLED,
        "tencent/HunyuanOCR",
        names=("ocr", "hunyuan"),
        context=16384,
        sequences=32,
        images=4,
        flags=("--no-enable-prefix-caching", "--mm-processor-cache-gb", "0"),
    )

    assert vllm.command(SEAT).arguments == (
        *("/opt/vllm/bin/vllm", "serve", "tencent/HunyuanOCR"),
        *("--served-model-name", "ocr", "hunyuan"),
        *("--max-model-len", "16384", "--max-num-seqs", "32"),
        *("--limit-mm-per-prompt", '{"image": 4}'),
        *("--generation-config", "vllm", "--enable-prompt-tokens-details"),
        *("--no-enable-prefix-caching", "--mm-processor-cache-gb", "0"),
        *("--uds", "/run/x/engine.sock"),
    )


def test_the_key_is_in_the_environment_and_nowhere_else() -> None:
    command = VLLM(INSTALLED, "m").command(SEAT)

    assert command.variables["VLLM_API_KEY"] == "the-key"
    assert not any("the-key" in argument for argument in command.arguments)
    assert "the-key" not in repr(SEAT) + repr(command)


def test_the_fingerprint_changes_with_what_is_run_and_not_with_where() -> None:
    here, there = (VLLM(at, "m") for at in (INSTALLED, Installation(("vllm", "serve"), "")))

    assert here.fingerprint == there.fingerprint
    assert here.fingerprint != VLLM(INSTALLED, "m", context=1024).fingerprint


async def test_vllm_needs_nothing_before_it_starts() -> None:
    await VLLM(INSTALLED, "m").prepare()


def test_a_command_of_your_own_is_run_as_it_is(tmp_path: Path) -> None:
    own = str(_program(tmp_path, "my-vllm"))

    assert find_vllm(None, [own, "serve"], "/bin") == Installation((own, "serve"), "/bin")


def test_a_python_is_asked_for_its_module_and_its_tools_are_in_path(tmp_path: Path) -> None:
    python = str(_program(tmp_path, "python", "exit 0"))

    found = find_vllm(python, [], "/bin")

    assert found.arguments == (python, "-m", "vllm.entrypoints.openai.api_server", "--model")
    assert found.path == os.pathsep.join([str(tmp_path), "/bin"])


def test_the_vllm_of_path_is_found(tmp_path: Path) -> None:
    program = str(_program(tmp_path, "vllm"))

    assert find_vllm(None, [], f"/nowhere:{tmp_path}").arguments == (program, "serve")


@pytest.mark.parametrize(
    ("python", "command", "said"),
    [
        (None, [], "no 'vllm' in PATH"),
        (sys.executable, [], "has no vLLM"),
        ("/nowhere/python", [], "is not a Python that can be run"),
        (None, ["/nowhere/vllm", "serve"], "no program '/nowhere/vllm'"),
    ],
)
def test_where_there_is_none_the_error_says_how_to_get_one(
    python: str | None, command: list[str], said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_vllm(python, command, "/nowhere")

    assert said in str(caught.value)
    assert "pip install vllm" in str(caught.value)
