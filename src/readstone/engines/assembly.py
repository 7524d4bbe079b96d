"""Makes every engine from its section of the configuration; the only place that knows all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never

from readstone.config import (
    READER,
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
from readstone.engines.llamacpp import LlamaCpp, LlamaCppOptions, find_llama_server
from readstone.engines.patience import Patience
from readstone.engines.pictures import Wanted
from readstone.engines.pool.attempts import RetryRules
from readstone.engines.pool.circuit import CircuitRules
from readstone.engines.pool.lane import Member
from readstone.engines.pool.pool import Pool, PoolRules
from readstone.engines.program import Program
from readstone.engines.reader.engine import ReaderEngine
from readstone.engines.reader.page_cache import page_cache
from readstone.engines.reader.weights import find_weights
from readstone.engines.supervised import House, Supervised
from readstone.engines.vllm import VLLM, find_vllm
from readstone.engines.worker.pictures import WorkerPictures
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits

MODELS: Final = "models"
"""The folder of the data directory that fetched models are kept in."""

_MEGABYTE = 1024 * 1024
_LEAST_CONNECTIONS = 4096


@dataclass(frozen=True, slots=True)
class Built:
    """An engine, not started.

    It takes `concurrency` requests at once, and `queue` more may wait for it. `listing` tells which models it serves
    where that is asked of it, every `listing_seconds`; `log` is the file its process writes to, where it has one.
    """

    engine: Engine
    concurrency: int
    queue: int
    listing: Listing | None = None
    listing_seconds: float = 0.0
    log: Path | None = None


def build_engines(config: Config, cores: int) -> Mapping[str, Built]:
    """Every engine that models may name, the reader first; a pool's members are within it.

    ConfigurationError where the reader's weights are not there, and, with the engine's name, for what a section
    cannot have as it is.
    """
    reader = config.reader
    threads = reader.threads or cores
    supervisor = Supervisor(
        WorkerLimits(
            threads=threads,
            page_seconds=reader.page_seconds,
            start_seconds=reader.start_seconds,
            recycle_pages=reader.recycle_pages,
            recycle_megabytes=reader.recycle_megabytes,
        )
    )
    cache = page_cache(reader.cache_megabytes * _MEGABYTE, reader.cache_seconds)
    engine = ReaderEngine(READER, supervisor, cache, find_weights().fingerprint)
    built = {READER: Built(engine, reader.concurrency or 2 * threads, reader.queue)}
    workshop = Workshop(config, supervisor)
    for name, section in config.engines.items():
        if not isinstance(section, PoolConfig):
            built[name] = workshop.build(name, section)
    for name, section in config.engines.items():
        if isinstance(section, PoolConfig):
            built[name] = _pool(name, section, [built.pop(member) for member in section.engines])
    return built


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
    """Builds the engines that have a server; what they need of the rest is the worker, which makes their pictures."""

    def __init__(self, config: Config, supervisor: Supervisor) -> None:
        self._config = config
        self._supervisor = supervisor

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
            built = _pool(name, PoolConfig(engines=(), queue=section.queue), members)
        if not section.discover:
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
            )
            return HTTPEngine(name, options, pictures, HealthOptions())

        patience = Patience(
            start=section.start_seconds, stop=section.stop_seconds, restarts=section.restarts
        )
        house = House(self._config.data_dir, children)
        engine = Supervised(name, program, connect, house, patience)
        log = house.directory / "logs" / f"{name}.log"
        return Built(engine, section.concurrency, section.queue, log=log)

    def _pictures(self, section: ServerConfig) -> WorkerPictures:
        return WorkerPictures(self._supervisor, Wanted(frozenset(section.formats)))

    def _hub(self) -> Hub:
        hub = self._config.hub
        token = environment().get(hub.token_env) or None
        return Hub(self._config.data_dir / MODELS, hub.endpoint, token)

    def _upstream_names(self, name: str) -> tuple[str, ...]:
        """What the models of an engine are called there; ConfigurationError where it has none."""
        asked = {name} | {
            pool
            for pool, section in self._config.engines.items()
            if isinstance(section, PoolConfig) and name in section.engines
        }
        models = self._config.models.items()
        names = {entry.upstream or model: None for model, entry in models if entry.engine in asked}
        if not names:
            raise ConfigurationError(
                "No model is answered by it: add a section "
                f'[models."NAME"] with kind = "chat" (or "vision", "ocr") and engine = "{name}".'
            )
        return tuple(names)


def _pool(name: str, section: PoolConfig, members: Sequence[Built]) -> Built:
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
    return Built(pool, pool.concurrency, section.queue)
