"""Who answers: the engines by name, built here and nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from readstone.config import (
    READER,
    Config,
    HTTPConfig,
    PoolConfig,
    ReaderConfig,
    ServerConfig,
    read_key,
)
from readstone.core.engine import Engine
from readstone.core.errors import ConfigurationError

if TYPE_CHECKING:
    from readstone.engines.worker.supervisor import Supervisor

__all__ = ["READER", "Built", "build_engines"]

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Built:
    """An engine, not started, with how many requests it takes at once and how many more may wait for it."""

    engine: Engine
    concurrency: int
    queue: int


def build_engines(config: Config, cores: int) -> Mapping[str, Built]:
    """Every engine that models may name, the reader first; a pool's members are within it.

    An engine's modules are imported only here and only where it is wanted. ConfigurationError where the reader's
    weights are not there, and, with the engine's name, for what a section cannot have as it is.
    """
    from readstone.engines.worker.supervisor import Supervisor, WorkerLimits  # noqa: PLC0415  (see above)

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
    built = {
        READER: Built(_reader(reader, supervisor), reader.concurrency or 2 * threads, reader.queue)
    }
    for name, section in config.engines.items():
        if not isinstance(section, PoolConfig):
            built[name] = _named(name, section, supervisor)
    for name, section in config.engines.items():
        if isinstance(section, PoolConfig):
            built[name] = _pool(name, section, [built.pop(member) for member in section.engines])
    return built


def _reader(reader: ReaderConfig, supervisor: "Supervisor") -> Engine:
    from readstone.engines.reader.engine import ReaderEngine  # noqa: PLC0415  (see above)
    from readstone.engines.reader.page_cache import page_cache  # noqa: PLC0415
    from readstone.engines.reader.weights import find_weights  # noqa: PLC0415

    cache = page_cache(reader.cache_megabytes * _MEGABYTE, reader.cache_seconds)
    return ReaderEngine(READER, supervisor, cache, find_weights().fingerprint)


def _named(name: str, section: ServerConfig, supervisor: "Supervisor") -> Built:
    """The engine of a section; errors name it."""
    try:
        match section:
            case HTTPConfig():
                return _http(name, section, supervisor)
            case _:
                assert_never(section)
    except ConfigurationError as error:
        raise ConfigurationError(f"engines.{name}: {error}") from error


def _http(name: str, section: HTTPConfig, supervisor: "Supervisor") -> Built:
    from readstone.engines.http.engine import HTTPEngine, HTTPOptions  # noqa: PLC0415  (see above)
    from readstone.engines.http.health import HealthOptions  # noqa: PLC0415
    from readstone.engines.http.target import parse_target  # noqa: PLC0415
    from readstone.engines.pictures import Wanted  # noqa: PLC0415
    from readstone.engines.worker.pictures import WorkerPictures  # noqa: PLC0415

    key = read_key(section.api_key_env, section.api_key_file)
    health = HealthOptions(path=section.health_path, interval_seconds=section.health_seconds)
    pictures = WorkerPictures(supervisor, Wanted(frozenset(section.formats)))
    addresses = section.urls or (section.url or "",)

    def engine(name: str, address: str) -> Engine:
        options = HTTPOptions(
            target=parse_target(address),
            api_key=key,
            headers=tuple(section.headers.items()),
            connect_seconds=section.connect_seconds,
            first_seconds=section.first_seconds,
            silence_seconds=section.silence_seconds,
            ca_file=section.ca_file,
        )
        return HTTPEngine(name, options, pictures, health)

    if len(addresses) == 1:
        return Built(engine(name, addresses[0]), section.concurrency, section.queue)
    # No name of a section holds a slash, so these are nobody's.
    members = [
        Built(engine(f"{name}/{number}", address), section.concurrency, 0)
        for number, address in enumerate(addresses, 1)
    ]
    return _pool(name, PoolConfig(engines=(), queue=section.queue), members)


def _pool(name: str, section: PoolConfig, members: Sequence[Built]) -> Built:
    from readstone.engines.pool.attempts import RetryRules  # noqa: PLC0415  (see above)
    from readstone.engines.pool.circuit import CircuitRules  # noqa: PLC0415
    from readstone.engines.pool.lane import Member  # noqa: PLC0415
    from readstone.engines.pool.pool import Pool, PoolRules  # noqa: PLC0415

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
