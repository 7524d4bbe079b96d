"""llama.cpp's server as a program: our options as its command line, for the wheel's server or one of your own."""

import asyncio
import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from readstone.core.errors import ConfigurationError, EngineFailed
from readstone.engines import llama_server
from readstone.engines.gguf import MAGIC, check_model, check_projector
from readstone.engines.hub import Hub, HubFile
from readstone.engines.program import Command, Seat

_SPARE = 8
"""Threads for questions about its health, beside one for each request."""
_SAMPLE = 1024 * 1024
_BINARY = "llama-server"
_WHEEL = (sys.executable, "-I", "-m", llama_server.__name__)


def find_llama_server(command: Sequence[str], flags: Sequence[str], path: str) -> tuple[str, ...]:
    """The server to run: `command` as it is, else the wheel's, else the `llama-server` of PATH.

    ConfigurationError, with how to get one, where there is none, and where the wheel's does not know one of `flags`.
    """
    if command:
        if shutil.which(command[0], path=path) is None:
            raise ConfigurationError(f"There is no program {command[0]!r} to run llama.cpp with.")
        return tuple(command)
    if importlib.util.find_spec(llama_server.WHEEL) is not None:
        llama_server.read_flags(flags)
        return _WHEEL
    if (found := shutil.which(_BINARY, path=path)) is not None:
        return (found,)
    raise ConfigurationError(
        "There is no llama.cpp server. Install one: pip install 'readstone[llm]' (in a clone of Readstone, "
        f"./run serve --llm … does), or put llama.cpp's own '{_BINARY}' into PATH."
    )


@dataclass(frozen=True, slots=True)
class LlamaCppOptions:
    """How a model is run on llama.cpp.

    `model` and `mmproj` (which lets it see) are GGUF files, here or on the hub; `name` is what requests call the
    model. `context` is in tokens, for each of `slots` answers at once; `threads`, `gpu_layers` and `image_tokens`
    (the most one image may take) are llama.cpp's own choice where None. `cache_megabytes` is memory for prompts seen
    before. `requests` is the most it is sent at once, where that is more than its slots: each holds a thread of its
    HTTP server to its end, and with none left it would not even tell its health. `flags` come after all of these as
    they are, so they win.
    """

    model: Path | HubFile
    name: str
    mmproj: Path | HubFile | None = None
    context: int = 8192
    slots: int = 2
    threads: int | None = None
    gpu_layers: int | None = None
    image_tokens: int | None = None
    cache_megabytes: int = 0
    requests: int = 64
    flags: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path | HubFile, ...]:
        """The files it is made of."""
        return (self.model,) if self.mmproj is None else (self.model, self.mmproj)

    def arguments(self) -> tuple[str, ...]:
        """What is the same wherever the files lie."""
        numbers = {
            "--ctx-size": self.context * self.slots,
            "--parallel": self.slots,
            "--threads": self.threads,
            "--threads-batch": self.threads,
            "--gpu-layers": self.gpu_layers,
            "--image-max-tokens": self.image_tokens,
            "--cache-ram": self.cache_megabytes,
            "--threads-http": max(self.requests, self.slots) + _SPARE,
        }
        given = ((name, str(value)) for name, value in numbers.items() if value is not None)
        switches = ("--jinja", "--metrics", "--no-slots", "--no-webui")
        return (
            "--alias",
            self.name,
            *(part for pair in given for part in pair),
            *switches,
            *self.flags,
        )


def check_files(options: LlamaCppOptions) -> None:
    """ConfigurationError where a file that is here cannot be what it is named for; those of the hub are not looked at."""
    if isinstance(options.model, Path):
        check_model(options.model)
    if isinstance(options.mmproj, Path):
        check_projector(options.mmproj)


class LlamaCpp:
    """A model on the server that `find_llama_server` found."""

    def __init__(self, options: LlamaCppOptions, server: tuple[str, ...], hub: Hub) -> None:
        self._options = options
        self._server = server
        self._hub = hub
        self._weights = b""

    @property
    def fingerprint(self) -> str:
        """Names the weights, by their size, beginning and end, and what they are run with; final after `prepare`."""
        arguments = "\0".join(self._options.arguments()).encode()
        return f"llamacpp-{hashlib.sha256(self._weights + arguments).hexdigest()[:12]}"

    async def prepare(self) -> None:
        """See that the files are there, fetched where they are on the hub; EngineFailed where one cannot be had."""
        weights = b""
        for file in self._options.files:
            path = await self._hub.fetch(file) if isinstance(file, HubFile) else file
            weights += await asyncio.to_thread(_sample, path)
        self._weights = weights

    def command(self, seat: Seat) -> Command:
        """`llama-server` on the seat's socket; the key goes by the environment."""
        model, *rest = (str(self._hub.path(file)) for file in self._options.files)
        files = ("--model", model, *(part for path in rest for part in ("--mmproj", path)))
        listening = ("--host", str(seat.socket))
        arguments = (*self._server, *files, *self._options.arguments(), *listening)
        return Command(arguments, {"LLAMA_API_KEY": seat.api_key})


def _sample(path: Path) -> bytes:
    """A digest of a file's size, beginning and end: tells weights apart without reading gigabytes."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            first = file.read(_SAMPLE)
            file.seek(max(0, size - _SAMPLE))
            last = file.read(_SAMPLE)
    except OSError as error:
        raise EngineFailed(f"{path} cannot be read: {error.strerror}.") from error
    if not first.startswith(MAGIC):
        raise EngineFailed(f"{path} is not a GGUF file.")
    return hashlib.sha256(b"%d" % size + first + last).digest()
