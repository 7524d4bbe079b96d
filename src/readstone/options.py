"""Options that add engines and models for one run (`--upstream`, `--llm`), and those that limit a key."""

import argparse
import re
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import PurePath
from typing import Any, Final, TypeAlias

from readstone.core.errors import ConfigurationError
from readstone.core.limit import Limits

Settings: TypeAlias = dict[str, Any]

UPSTREAM: Final = "upstream"
"""The engine of the first `--upstream`; the next ones are `upstream-2` and so on."""
LLM: Final = "llm"
"""The engine of `--llm`."""

_MICROS: Final = 1_000_000
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
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


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take how much a key may ask for."""
    group = parser.add_argument_group(
        "limits", "In place of those of [limits.key]; 0 lifts one. Those of models hold besides."
    )
    for flag, kind, what in (
        ("--rpm", int, "requests of any minute"),
        ("--tpm", int, "tokens of any minute, prompt and answer"),
        ("--pages-per-day", int, "images and pages of a day (UTC)"),
        ("--concurrency", int, "requests that run or wait at once"),
        ("--budget", float, "cost of a month (UTC), in the prices' currency"),
    ):
        group.add_argument(flag, type=kind, metavar="N", help=what)


def key_limits(options: argparse.Namespace) -> Limits:
    """The limits that the options set. ConfigurationError where one is below 0."""
    budget: float | None = options.budget
    limits = Limits(
        options.rpm,
        options.tpm,
        options.pages_per_day,
        options.concurrency,
        None if budget is None else round(budget * _MICROS),
    )
    if any(most is not None and most < 0 for most in astuple(limits)):
        raise ConfigurationError("A limit is 0, which lifts it, or more.")
    return limits


def engine_settings(options: argparse.Namespace) -> Settings:
    """What the options set. ConfigurationError where they do not go together."""
    engines = _upstreams(options.upstream, options.upstream_key_env)
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
            engine["api_key_env"] = variables[index]
        engines[name] = engine
    return engines


def _with_path(url: str) -> str:
    """The address with `/v1` where it names a server only, which is what nearly all of them mean."""
    if not _NO_PATH.fullmatch(url):
        return url
    return f"{url}:/v1" if url.startswith("unix:") else f"{url.rstrip('/')}/v1"


def _name(file: str) -> str:
    """What a model is called after its file: the name without its ending and the number of its first shard."""
    name = PurePath(file.rpartition(":")[2]).name
    return _SHARD.sub("", name.removesuffix(".gguf")) or name
