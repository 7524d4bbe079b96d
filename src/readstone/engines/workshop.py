"""Builds the engines that have a server, of their sections of the configuration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, assert_never

from readstone.config import (
    Config,
    HTTPConfig,
    LlamaCppConfig,
    PoolConfig,
    ServerConfig,
    VLLMConfig,
    environment,
    read_key,
)
from readstone.core.engine import Engine
from readstone.core.errors import ConfigurationError
from readstone.engines.environment import engine_environment
from readstone.engines.http.engine import HTTPEngine, HTTPOptions
from readstone.engines.http.health import HealthOptions
from readstone.engines.http.listing import Listing
from readstone.engines.http.target import parse_target
from readstone.engines.hub import Hub, parse_weights
from readstone.engines.kept import Kept, SharedEngine
from readstone.engines.llamacpp import (
    LlamaCpp,
    LlamaCppOptions,
    check_files,
    find_llama_server,
)
from readstone.engines.patience import Patience
from readstone.engines.pictures import Wanted
from readstone.engines.pool.attempts import RetryRules
from readstone.engines.pool.circuit import CircuitRules
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool, PoolRules
from readstone.engines.program import Program
from readstone.engines.supervised import House, Supervised
from readstone.engines.vllm import VLLM, find_vllm
from readstone.engines.worker.pictures import WorkerPictures
from readstone.engines.worker.shared import Pixels
from readstone.telemetry import log_trouble

MODELS: Final = "models"
"""The folder of the data directory that fetched models are kept in."""

_MEGABYTE = 1024 * 1024
_LEAST_CONNECTIONS = 4096

OpenSeat: TypeAlias = Callable[[str, str, str], Engine]
"""Called with the name, the URL and the key of an engine that came up."""


@dataclass(frozen=True, slots=True)
class Built:
    """An engine, not started.

    It takes `concurrency` requests at once, and `queue` more may wait for it. `listing` tells which models it serves
    where that is asked of it, every `listing_seconds`; `log` is the file its process writes to, where it has one. What
    works in processes of this machine `is_local`: there is one of it, however many API processes there are.
    """

    engine: Engine
    concurrency: int
    queue: int
    listing: Listing | None = None
    listing_seconds: float = 0.0
    log: Path | None = None
    is_local: bool = False


def server_options(section: HTTPConfig) -> list[HTTPOptions]:
    """Each of its servers; ConfigurationError for an address that is none, or a key that is not there."""
    key = read_key(section.api_key_env, section.api_key_file)
    return [
        HTTPOptions(
            target=parse_target(address),
            api_key=key,
            headers=tuple(section.headers.items()),
            connect_seconds=section.connect_seconds,
            first_seconds=section.first_seconds,
            silence_seconds=section.silence_seconds,
            connections=max(section.concurrency, _LEAST_CONNECTIONS),
            ca_file=None if section.ca_file is None else section.ca_file.expanduser(),
            refused=frozenset(section.refuses),
        )
        for address in section.urls or (section.url or "",)
    ]


class Workshop:
    """Builds the engines that have a server; what they need of the rest is the worker, which makes their pictures.

    Servers that are children of ours are asked where another process has `kept` them; where we keep them for others,
    `open_seat` is called with the name of each, where it listens and its key. `supervised` are those that were built, by name.
    """

    def __init__(
        self,
        config: Config,
        pixels: Pixels,
        kept: Kept | None = None,
        open_seat: OpenSeat | None = None,
    ) -> None:
        self.supervised: dict[str, Supervised] = {}
        self._config = config
        self.pixels = pixels
        self._kept = kept
        self._open_seat = open_seat

    def build(self, name: str, section: ServerConfig) -> Built:
        """The engine of a section; ConfigurationError names it."""
        try:
            match section:
                case HTTPConfig():
                    return self._http(name, section)
                case LlamaCppConfig():
                    return self._llamacpp(name, section)
                case VLLMConfig():
                    return self._vllm(name, section)
                case _:
                    assert_never(section)
        except ConfigurationError as error:
            raise ConfigurationError(f"engines.{name}: {error}") from error

    def _http(self, name: str, section: HTTPConfig) -> Built:
        options = server_options(section)
        health = HealthOptions(path=section.health_path, interval_seconds=section.health_seconds)
        pictures = self._pictures(section)
        if len(options) == 1:
            one = HTTPEngine(name, options[0], pictures, health)
            built = Built(one, section.concurrency, section.queue)
        else:
            # No name of a section holds a slash, so these are nobody's.
            engines = [
                HTTPEngine(f"{name}/{number}", each, pictures, health)
                for number, each in enumerate(options, 1)
            ]
            members = [Built(engine, section.concurrency, 0) for engine in engines]
            built = build_pool(name, PoolConfig(engines=(), queue=section.queue), members)
        if not section.discover:
            if self._kept is None and not self._asked_as(name):
                log_trouble("engine has no model", engine=name, reason=_no_model(name))
            return built
        return replace(built, listing=Listing(options), listing_seconds=section.discover_seconds)

    def _llamacpp(self, name: str, section: LlamaCppConfig) -> Built:
        given = environment()
        options = LlamaCppOptions(
            model=parse_weights(section.model),
            name=self._upstream_names(name)[0],
            mmproj=None if section.mmproj is None else parse_weights(section.mmproj),
            context=section.context,
            slots=section.concurrency,
            threads=section.threads,
            gpu_layers=section.gpu_layers,
            image_tokens=section.image_tokens,
            cache_megabytes=section.cache_megabytes,
            flags=section.flags,
        )
        server = find_llama_server(section.command, section.flags, given.get("PATH", ""))
        if self._kept is None:
            check_files(options)
        program = LlamaCpp(options, server, self._hub())
        children = engine_environment(given, section.inherit, section.threads or 0, offline=True)
        return self._supervised(name, section, program, children)

    def _vllm(self, name: str, section: VLLMConfig) -> Built:
        given = environment()
        program = VLLM(
            installation=find_vllm(section.python, section.command, given.get("PATH", "")),
            model=section.model,
            names=self._upstream_names(name),
            context=section.context,
            sequences=section.sequences,
            images=section.images,
            flags=section.flags,
        )
        children = engine_environment(given, section.inherit, offline=section.offline)
        return self._supervised(name, section, program, children)

    def _supervised(
        self,
        name: str,
        section: LlamaCppConfig | VLLMConfig,
        program: Program,
        children: Mapping[str, str],
    ) -> Built:
        pictures = self._pictures(section)

        def connect(url: str, key: str) -> Engine:
            options = HTTPOptions(
                target=parse_target(url),
                api_key=key,
                first_seconds=section.first_seconds,
                silence_seconds=section.silence_seconds,
                refused=frozenset(section.refuses),
                is_llamacpp=isinstance(section, LlamaCppConfig),
            )
            return HTTPEngine(name, options, pictures, HealthOptions())

        log = self._config.data_dir / "logs" / f"{name}.log"
        if self._kept is not None:
            shared = SharedEngine(name, connect, self._kept)
            return Built(shared, section.concurrency, section.queue, log=log, is_local=True)
        patience = Patience(
            start=section.start_seconds, stop=section.stop_seconds, restarts=section.restarts
        )
        house = House(self._config.data_dir, children)
        found = connect if self._open_seat is None else partial(self._open_seat, name)
        engine = Supervised(name, program, found, house, patience)
        self.supervised[name] = engine
        return Built(engine, section.concurrency, section.queue, log=log, is_local=True)

    def _pictures(self, section: ServerConfig) -> WorkerPictures:
        return WorkerPictures(self.pixels, Wanted(frozenset(section.formats)))

    def _hub(self) -> Hub:
        hub = self._config.hub
        token = environment().get(hub.token_env) or None
        return Hub(self._config.data_dir / MODELS, hub.endpoint, token)

    def _upstream_names(self, name: str) -> tuple[str, ...]:
        """What the models of an engine are called there; ConfigurationError where it has none."""
        names = self._asked_as(name)
        if not names:
            raise ConfigurationError(_no_model(name))
        return names

    def _asked_as(self, name: str) -> tuple[str, ...]:
        asked = {name} | {
            pool
            for pool, section in self._config.engines.items()
            if isinstance(section, PoolConfig) and name in section.engines
        }
        models = self._config.models.items()
        return tuple(
            {entry.upstream or model: None for model, entry in models if entry.engine in asked}
        )


def _no_model(name: str) -> str:
    return (
        "No model is answered by it: add a section "
        f'[models."NAME"] with kind = "chat" (or "vision", "ocr") and engine = "{name}".'
    )


def build_pool(name: str, section: PoolConfig, members: Sequence[Built]) -> Built:
    """The pool of a section, of its members."""
    rules = PoolRules(
        circuit=CircuitRules(
            failures=section.failures,
            first_rest=section.rest_seconds,
            longest_rest=section.longest_rest_seconds,
        ),
        retry=RetryRules(attempts=section.attempts, seconds=section.attempt_seconds),
        longest_peace=section.longest_rest_seconds,
    )
    pool = Pool(name, [Member(built.engine, built.concurrency) for built in members], rules)
    is_local = any(built.is_local for built in members)
    return Built(pool, pool.concurrency, section.queue, is_local=is_local)
