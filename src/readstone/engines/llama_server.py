"""llama.cpp's own server, from the xllamacpp wheel; the entry point of a child process.

    python -m readstone.engines.llama_server --model FILE --host /path/to.sock [FLAG ...]

It takes the flags of `llama-server` that are listed in FLAGS, so either can be run with the same command line, and
the key from LLAMA_API_KEY. It is the only module that knows xllamacpp.
"""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from readstone.core.errors import ConfigurationError

WHEEL = "xllamacpp"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of `llama-server`: the parameters of the library it sets (dotted), and how its value is read."""

    parameters: tuple[str, ...]
    read: Callable[[str], object] | None = str
    """None where the flag has no value."""
    constant: object = True
    """What a flag without a value sets."""


def _file(name: str) -> str:
    return Path(name).read_text(encoding="utf-8")


def _enumerated(enumeration: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """Reads one of `names` as a member of an enumeration of the library."""

    def read(text: str) -> object:
        if text not in names:
            raise argparse.ArgumentTypeError(f"'{text}' is none of {', '.join(names)}")
        return Member(enumeration, names[text])

    return read


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enumeration of the library, which is not loaded where flags are only checked."""

    enumeration: str
    name: str


_TYPES = {
    name: f"GGML_TYPE_{name.upper()}"
    for name in ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
}
_ATTENTION = {
    name: f"LLAMA_FLASH_ATTN_TYPE_{member}"
    for name, member in (("on", "ENABLED"), ("off", "DISABLED"), ("auto", "AUTO"))
}
_REASONING = {
    name: f"COMMON_REASONING_FORMAT_{name.upper().replace('-', '_')}"
    for name in ("none", "auto", "deepseek", "deepseek-legacy")
}
FLAGS: Mapping[str, Flag] = {
    "--model": Flag(("model.path",)),
    "--mmproj": Flag(("mmproj.path",)),
    "--alias": Flag(("model_alias",), lambda text: set(text.split(","))),
    "--host": Flag(("hostnames",), lambda text: text.split(",")),
    "--ctx-size": Flag(("n_ctx",), int),
    "--parallel": Flag(("n_parallel",), int),
    "--threads": Flag(("cpuparams.n_threads",), int),
    "--threads-batch": Flag(("cpuparams_batch.n_threads",), int),
    "--threads-http": Flag(("n_threads_http",), int),
    "--batch-size": Flag(("n_batch",), int),
    "--ubatch-size": Flag(("n_ubatch",), int),
    "--gpu-layers": Flag(("n_gpu_layers",), int),
    "--main-gpu": Flag(("main_gpu",), int),
    "--flash-attn": Flag(("flash_attn_type",), _enumerated("llama_flash_attn_type", _ATTENTION)),
    "--cache-type-k": Flag(("cache_type_k",), _enumerated("ggml_type", _TYPES)),
    "--cache-type-v": Flag(("cache_type_v",), _enumerated("ggml_type", _TYPES)),
    "--cache-ram": Flag(("cache_ram_mib",), int),
    "--image-min-tokens": Flag(("image_min_tokens",), int),
    "--image-max-tokens": Flag(("image_max_tokens",), int),
    "--reasoning-format": Flag(
        ("reasoning_format",), _enumerated("common_reasoning_format", _REASONING)
    ),
    "--chat-template": Flag(("chat_template",)),
    "--chat-template-file": Flag(("chat_template",), _file),
    "--timeout": Flag(("timeout_read", "timeout_write"), int),
    "--verbosity": Flag(("verbosity",), int),
    "--kv-unified": Flag(("kv_unified",), None),
    "--swa-full": Flag(("swa_full",), None),
    "--jinja": Flag(("use_jinja",), None),
    "--metrics": Flag(("endpoint_metrics",), None),
    "--no-slots": Flag(("endpoint_slots",), None, constant=False),
    "--no-webui": Flag(("ui",), None, constant=False),
    "--no-warmup": Flag(("warmup",), None, constant=False),
    "--no-mmproj-offload": Flag(("mmproj_use_gpu",), None, constant=False),
}


def read_flags(arguments: Sequence[str]) -> list[tuple[Flag, object]]:
    """The flags of a command line with their values; ConfigurationError for one that is not of FLAGS or has no good value."""
    parser = _Parser(prog="llama-server", add_help=False, allow_abbrev=False)
    for name, flag in FLAGS.items():
        if flag.read is None:
            parser.add_argument(name, action="append_const", const=flag.constant, dest=name)
        else:
            parser.add_argument(name, action="append", type=flag.read, dest=name)
    given = cast("dict[str, list[object] | None]", vars(parser.parse_args(arguments)))
    return [(FLAGS[name], values[-1]) for name, values in given.items() if values]


class _Parser(argparse.ArgumentParser):
    """A parser that raises where others exit."""

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(
            f"The wheel's llama-server: {message}. It knows {', '.join(FLAGS)}; a llama-server of your own "
            "takes all of its flags (set 'command')."
        )


def _set(library: Any, parameters: Any, name: str, value: object) -> None:
    *path, last = name.split(".")
    for part in path:
        parameters = getattr(parameters, part)
    if isinstance(value, Member):
        value = getattr(getattr(library, value.enumeration), value.name)
    setattr(parameters, last, value)


def main(arguments: Sequence[str]) -> int:
    """Serve until killed; 1 where the model cannot be loaded, 2 where the flags are wrong."""
    try:
        flags = read_flags(arguments)
        library = importlib.import_module(WHEEL)
    except (ConfigurationError, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    parameters = library.CommonParams()
    for flag, value in flags:
        for name in flag.parameters:
            _set(library, parameters, name, value)
    if key := os.environ.pop("LLAMA_API_KEY", ""):
        parameters.api_keys = [key]
    try:
        _keep(library.Server(parameters))
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _keep(_server: object) -> NoReturn:
    """Hold a server until the process is killed.

    SIGTERM ends it at once, as it ends any program: asked to stop, the library waits half a minute for open streams,
    in which nothing comes any more.
    """
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
