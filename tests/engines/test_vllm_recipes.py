"""The flags of every recipe are flags of the vLLM that is installed beside us."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from engines.real import INSTALLED
from readstone.config import VLLMConfig, load_config
from readstone.engines.program import Seat
from readstone.engines.vllm import VLLM, Installation

ROOT = Path(__file__).parents[2]
PYTHON = INSTALLED / "vllm/bin/python"
SEAT = Seat(Path("/run/readstone/vllm.sock"), "key")

PARSE = """
import contextlib
import io
import json
import sys

from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm.utils.argparse_utils import FlexibleArgumentParser


def complaint(arguments):
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed = make_arg_parser(FlexibleArgumentParser()).parse_args(arguments)
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1]
    validate_parsed_serve_args(parsed)
    # The parser takes any name of these; the server does not.
    if (name := parsed.tool_call_parser) and name not in ToolParserManager.list_registered():
        return f"no tool call parser {name}"
    name = parsed.structured_outputs_config.reasoning_parser or parsed.reasoning_parser
    if name and name not in ReasoningParserManager.list_registered():
        return f"no reasoning parser {name}"
    return None


print()
print(json.dumps({name: complaint(line) for name, line in json.load(sys.stdin).items()}))
"""
"""Run by vLLM's own Python: takes {name: [argument, …]}, says {name: complaint or null} in its last line."""

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),  # vLLM alone takes a minute to be imported on a busy machine
    pytest.mark.skipif(not PYTHON.exists(), reason="vLLM is not installed: ./run engines vllm"),
]


def _command_lines() -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for path in sorted((ROOT / "deploy/recipes").glob("*.toml")):
        for name, section in load_config(path, {}).engines.items():
            if isinstance(section, VLLMConfig):
                program = VLLM(
                    Installation(("serve",), ""),
                    section.model,
                    (),
                    section.context,
                    section.sequences,
                    section.images,
                    section.flags,
                )
                lines[f"{path.stem}: {name}"] = list(program.command(SEAT).arguments[1:])
    return lines


def _complaints(lines: dict[str, list[str]]) -> dict[str, str | None]:
    run = subprocess.run(
        [PYTHON, "-c", PARSE],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent / "shim")},
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_vllm_takes_the_command_line_of_every_recipe_and_no_other() -> None:
    lines = _command_lines()
    wrong = {
        "a flag that was dropped": ["model", "--guided-decoding-backend", "xgrammar"],
        "a value of another kind": ["model", "--max-model-len", "long"],
        "no such tool parser": ["model", "--enable-auto-tool-choice", "--tool-call-parser", "no"],
        "no such reasoning parser": ["model", "--reasoning-parser", "no"],
    }

    complaints = _complaints(lines | wrong)

    assert len(lines) == 7
    assert {name: complaints[name] for name in lines} == dict.fromkeys(lines)
    assert all(complaints[name] for name in wrong)
