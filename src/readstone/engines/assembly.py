"""Makes every engine from its section of the configuration; the only place that knows all of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from readstone.config import READER, Config, PoolConfig
from readstone.engines.kept import Kept
from readstone.engines.reader.engine import ReaderEngine
from readstone.engines.reader.page_cache import page_cache
from readstone.engines.reader.weights import find_weights
from readstone.engines.supervised import Supervised
from readstone.engines.worker.shared import Pixels
from readstone.engines.worker.supervisor import Supervisor, WorkerLimits
from readstone.engines.workshop import Built, OpenSeat, Workshop, build_pool

_MEGABYTE: Final = 1024 * 1024
_BASE_MEGABYTES: Final = 4096
_THREAD_MEGABYTES: Final = 1024
"""An image of 120 megapixels takes as much while it is decoded and turned."""


@dataclass(frozen=True, slots=True)
class Common:
    """What several API processes share, not started: the worker, and the engines that run here.

    `room` tells how many requests of all processes together an engine takes at once, and how many more may wait.
    """

    worker: Supervisor
    engines: Mapping[str, Supervised]
    room: Mapping[str, tuple[int, int]]


def build_engines(
    config: Config, cores: int, pixels: Pixels | None = None, kept: Kept | None = None
) -> Mapping[str, Built]:
    """Every engine that models may name, the reader first; a pool's members are within it.

    They have pages read and pictures made by `pixels`, or a worker of their own, which the reader starts. Those that are processes of this machine are started by us, or asked where another process has `kept` them.
    ConfigurationError where the reader's weights are not there, and, with the engine's name, for what a section
    cannot have as it is.
    """
    return _build_all(config, cores, Workshop(config, pixels or build_worker(config, cores), kept))


def build_common(config: Config, cores: int, open_seat: OpenSeat) -> Common:
    """What one process keeps for others; `open_seat` is told where each engine listens. Raises as `build_engines`."""
    worker = build_worker(config, cores)
    workshop = Workshop(config, worker, open_seat=open_seat)
    built = _build_all(config, cores, workshop)
    room = {name: (each.concurrency, each.queue) for name, each in built.items() if each.is_local}
    return Common(worker, workshop.supervised, room)


def build_worker(config: Config, cores: int) -> Supervisor:
    """What keeps the worker of a configuration, not started."""
    reader = config.reader
    return Supervisor(
        WorkerLimits(
            threads=reader.threads or cores,
            page_seconds=reader.page_seconds,
            start_seconds=reader.start_seconds,
            recycle_pages=reader.recycle_pages,
            recycle_megabytes=reader.recycle_megabytes,
            memory_megabytes=reader.memory_megabytes or _memory(reader.threads or cores),
        )
    )


def _memory(threads: int) -> int:
    """Megabytes that so many threads never need at once, and that the machine has."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MEGABYTE
    return min(_BASE_MEGABYTES + _THREAD_MEGABYTES * threads, machine * 3 // 4)


def _build_all(config: Config, cores: int, workshop: Workshop) -> Mapping[str, Built]:
    reader = config.reader
    threads = reader.threads or cores
    cache = page_cache(reader.cache_megabytes * _MEGABYTE, reader.cache_seconds)
    engine = ReaderEngine(READER, workshop.pixels, cache, find_weights().fingerprint)
    built = {READER: Built(engine, reader.concurrency or 2 * threads, reader.queue, is_local=True)}
    for name, section in config.engines.items():
        if not isinstance(section, PoolConfig):
            built[name] = workshop.build(name, section)
    for name, section in config.engines.items():
        if isinstance(section, PoolConfig):
            built[name] = build_pool(
                name, section, [built.pop(member) for member in section.engines]
            )
    return built
