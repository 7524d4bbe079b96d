"""Options that add engines and models for one run: `--upstream`, `--llm`."""

import argparse
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final, TypeAlias

from readstone.core.errors import ConfigurationError

Settings: TypeAlias = dict[str, Any]

UPSTREAM: Final = "upstream"
"""The engine of the first `--upstream`; the next ones are `upstream-2` and so on."""
LLM: Final = "llm"
"""The engine of `--llm`."""

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_PATH = re.compile(r"https?://[^/]*/?|unix:/[^:]*")


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take the options."""
    group = parser.add_argument_group(
        "engines", "Beside the reader and the engines of the configuration file:"
    )
    group.add_argument(
        "--upstream",
        action="append",
        default=[],
        metavar="URL",
        help="serve what an OpenAI-compatible server lists (Ollama, vLLM, llama-server, SGLang, a hosted API): "
        "http://HOST:PORT/v1, https://… or unix:/SOCKET:/v1; repeat for several",
    )
    group.add_argument(
        "--upstream-key-env",
        action="append",
        default=[],
        metavar="NAME",
        help="the environment variable that holds the upstream's key; repeat in the order of --upstream",
    )
    group.add_argument(
        "--llm",
        metavar="GGUF",
        help="run a model here on llama.cpp: a GGUF file, or OWNER/REPOSITORY:FILE.gguf of the hub, which is fetched "
        "once (needs the extra: pip install 'readstone[llm]')",
    )
    group.add_argument(
        "--mmproj", metavar="GGUF", help="the file that lets the model of --llm see images"
    )
    group.add_argument(
        "--llm-name", metavar="NAME", help="what clients call it (default: its file's name)"
    )


def engine_settings(options: argparse.Namespace) -> Settings:
    """What the options set. ConfigurationError where they do not go together."""
    engines = _upstreams(options.upstream, options.upstream_key_env)
    if options.llm == "":
        raise ConfigurationError("--llm is empty: name a GGUF file.")
    if options.llm is None:
        if options.mmproj is not None or options.llm_name is not None:
            raise ConfigurationError("--mmproj and --llm-name go with --llm, which is not there.")
        return {"engines": engines} if engines else {}
    model: Settings = {"type": "llamacpp", "model": options.llm}
    if options.mmproj is not None:
        model["mmproj"] = options.mmproj
    kind = "chat" if options.mmproj is None else "vision"
    name = options.llm_name or _name(options.llm)
    return {"engines": {**engines, LLM: model}, "models": {name: {"kind": kind, "engine": LLM}}}


def _upstreams(urls: list[str], variables: list[str]) -> Settings:
    if len(variables) > len(urls):
        raise ConfigurationError(
            f"There are {len(variables)} --upstream-key-env and {len(urls)} --upstream: each key is of one upstream."
        )
    engines: dict[str, Mapping[str, Any]] = {}
    for index, url in enumerate(urls):
        name = UPSTREAM if index == 0 else f"{UPSTREAM}-{index + 1}"
        engine: Settings = {"type": "http", "url": _with_path(url), "discover": True}
        if index < len(variables) and variables[index]:
            _check_variable(variables[index])
            engine["api_key_env"] = variables[index]
        engines[name] = engine
    return engines


def _check_variable(name: str) -> None:
    """ConfigurationError where a name can be no variable's; it may be a key, so it is not repeated."""
    if not _VARIABLE.fullmatch(name):
        raise ConfigurationError(
            "--upstream-key-env takes the name of an environment variable, not the key itself: "
            "GPU_KEY=… readstone serve --upstream URL --upstream-key-env GPU_KEY."
        )


def _with_path(url: str) -> str:
    """The address with `/v1` where it names a server only, which is what nearly all of them mean."""
    if not _NO_PATH.fullmatch(url):
        return url
    return f"{url}:/v1" if url.startswith("unix:") else f"{url.rstrip('/')}/v1"


def _name(file: str) -> str:
    """What a model is called after its file: the name without its ending and the number of its first shard."""
    name = PurePath(file.rpartition(":")[2]).name
    return _SHARD.sub("", name.removesuffix(".gguf")) or name
