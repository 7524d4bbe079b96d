"""Looks at what an engine depends on without starting it: servers, programs, files, memory."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

from readstone.config import (
    Config,
    HTTPConfig,
    LlamaCppConfig,
    PoolConfig,
    VLLMConfig,
    environment,
)
from readstone.core.errors import ConfigurationError, EngineFailed
from readstone.engines.gguf import check_model, check_projector
from readstone.engines.http.listing import Listed, Listing
from readstone.engines.hub import Hub, parse_weights
from readstone.engines.llamacpp import find_llama_server
from readstone.engines.vllm import find_vllm
from readstone.engines.workshop import MODELS, server_options

_SHOWN = 5
"""Names of models that are told of a server that lists more."""


async def examine_engine(name: str, config: Config) -> str:
    """What was seen of an engine; ConfigurationError with what is wrong, and what to do about it."""
    section = config.engines[name]
    path = environment().get("PATH", "")
    match section:
        case HTTPConfig():
            return await _server(name, section, config)
        case LlamaCppConfig():
            server = find_llama_server(section.command, section.flags, path)
            weights = await asyncio.to_thread(_weights, section, config)
            return f"{weights}, run by {' '.join(server)}"
        case VLLMConfig():
            found = await asyncio.to_thread(find_vllm, section.python, section.command, path)
            return f"{section.model}, run by {' '.join(found.arguments)}"
        case PoolConfig():
            return f"spreads requests over {', '.join(section.engines)}"
        case _:
            assert_never(section)


async def _server(name: str, section: HTTPConfig, config: Config) -> str:
    wanted = {
        entry.upstream or model: model
        for model, entry in config.models.items()
        if entry.engine in {name, *_pools(name, config)}
    }
    seen: list[str] = []
    for options in server_options(section):
        try:
            listed = await Listing([options]).look()
        except EngineFailed as error:
            raise ConfigurationError(
                f"{options.target}: {error.message} Start it, or correct engines.{name}.url."
            ) from error
        for upstream in sorted(wanted.keys() - set(listed.names)):
            raise ConfigurationError(
                f"{options.target} has no model '{upstream}', which models.{wanted[upstream]} asks for: set its "
                f"'upstream' to what the server calls it. It lists: {_shown(listed.names)}."
            )
        seen.append(f"{options.target} is {_described(listed)}")
    if not wanted and not section.discover:
        seen.append(
            "no model is answered by it: set 'discover' to have all served that it lists, or add a section "
            f'[models."NAME"] with engine = "{name}"'
        )
    return "; ".join(seen)


def _pools(name: str, config: Config) -> Iterable[str]:
    """The pool that an engine is a member of, where it is."""
    for pool, section in config.engines.items():
        if isinstance(section, PoolConfig) and name in section.engines:
            yield pool


def _described(listed: Listed) -> str:
    server = listed.server or "an OpenAI-compatible server"
    return f"{server} and lists {_shown(listed.names)}"


def _shown(names: tuple[str, ...]) -> str:
    if not names:
        return "no model"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _weights(section: LlamaCppConfig, config: Config) -> str:
    """The files of a model, each there or to be fetched, held against the memory that is free."""
    hub = Hub(config.data_dir / MODELS, config.hub.endpoint)
    here = 0
    told: list[str] = []
    for file, check in ((section.model, check_model), (section.mmproj, check_projector)):
        if file is None:
            continue
        weights = parse_weights(file)
        path = hub.path(weights)
        if path.exists():
            check(path)
            here += path.stat().st_size
            told.append(f"{path} ({path.stat().st_size / 1e9:.2f} GB)")
        else:
            told.append(f"{weights} (to be fetched from {config.hub.endpoint} at the start)")
    free = _free_memory()
    if not section.gpu_layers and here > free:
        raise ConfigurationError(
            f"the weights have {here / 1e9:.1f} GB and {free / 1e9:.1f} GB of memory are free: take a smaller model or "
            "a stronger quantisation, or set 'gpu_layers'."
        )
    return " and ".join(told)


def _free_memory() -> int:
    """Bytes that could be taken without swapping; without bound where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else 1 << 62
