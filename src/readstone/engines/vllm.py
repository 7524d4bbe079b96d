"""vLLM as a program: our options as its command line. It lives in an environment of its own, never in ours."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from readstone.core.errors import ConfigurationError
from readstone.engines.program import Command, Seat

_HOW = (
    "Install it in an environment of its own (python3 -m venv /opt/vllm && /opt/vllm/bin/pip install vllm) and "
    'set \'python = "/opt/vllm/bin/python"\', or run it elsewhere and use an engine of type "http".'
)
_MODULE = "vllm.entrypoints.openai.api_server"
_LOOK = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
_LOOK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Installation:
    """A vLLM that can be run: what comes before the model on its command line, and the PATH it needs."""

    arguments: tuple[str, ...]
    path: str


def find_vllm(python: str | None, command: Sequence[str], path: str) -> Installation:
    """The vLLM to run: `command` as it is, else that of the interpreter `python`, else the `vllm` of PATH.

    ConfigurationError, with how to get one, where there is none. May start `python` to look.
    """
    if command:
        if shutil.which(command[0], path=path) is None:
            raise ConfigurationError(f"There is no program {command[0]!r} to run vLLM with. {_HOW}")
        return Installation(tuple(command), path)
    if python is not None:
        # Its tools (ninja, for kernels compiled at first use) lie beside it and are looked up in PATH.
        return Installation((python, "-m", _MODULE, "--model"), _beside(_checked(python), path))
    if (found := shutil.which("vllm", path=path)) is None:
        raise ConfigurationError(f"There is no vLLM: no 'vllm' in PATH. {_HOW}")
    return Installation((found, "serve"), _beside(found, path))


def _checked(python: str) -> str:
    try:
        found = subprocess.run([python, "-c", _LOOK], check=False, timeout=_LOOK_SECONDS)  # noqa: S603  (configured)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"{python!r} is not a Python that can be run. {_HOW}") from error
    if found.returncode:
        raise ConfigurationError(f"The Python {python!r} has no vLLM. {_HOW}")
    return python


def _beside(program: str, path: str) -> str:
    return os.pathsep.join([str(Path(program).parent), path])


@dataclass(frozen=True, slots=True)
class VLLM:
    """How a model is run on vLLM; what is None or empty is left to vLLM.

    `model` is a hub id or a directory, `names` what requests call it; `context` in tokens, `sequences` answered at
    once, `images` the most of one request; `flags` come after all of these as they are, so they win.
    """

    installation: Installation
    model: str
    names: tuple[str, ...] = ()
    context: int | None = None
    sequences: int | None = None
    images: int | None = None
    flags: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Names the model and everything it is run with."""
        return f"vllm-{hashlib.sha256(json.dumps(self._arguments()).encode()).hexdigest()[:12]}"

    async def prepare(self) -> None:
        """Nothing: vLLM fetches its models itself."""

    def command(self, seat: Seat) -> Command:
        """`vllm serve MODEL …` on the seat's socket; the key goes by the environment."""
        program, *rest = self.installation.arguments
        arguments = (program, *rest, *self._arguments(), "--uds", str(seat.socket))
        return Command(
            arguments,
            {
                "PATH": self.installation.path,
                "VLLM_API_KEY": seat.api_key,
                # We fetch and check images and pass bytes; should a URL ever get through, it leads nowhere else.
                "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
            },
        )

    def _arguments(self) -> tuple[str, ...]:
        numbers = {"--max-model-len": self.context, "--max-num-seqs": self.sequences}
        limits = {"--limit-mm-per-prompt": json.dumps({"image": self.images})}
        return (
            self.model,
            *(("--served-model-name", *self.names) if self.names else ()),
            *(part for flag, value in numbers.items() if value for part in (flag, str(value))),
            *(part for pair in limits.items() if self.images is not None for part in pair),
            # Sampling defaults are ours, by kind; those of the model's repository would be mixed into them.
            *("--generation-config", "vllm"),
            "--enable-prompt-tokens-details",
            *self.flags,
        )
