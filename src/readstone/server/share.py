"""The share of an API process in what one server has: what each of several may hold, so that together they hold no more."""

from dataclasses import replace

from readstone.config import Config, EngineConfig, HTTPConfig
from readstone.core.errors import ConfigurationError


def check_shares(config: Config) -> None:
    """ConfigurationError where there is less of something than there are processes to share it."""
    for name, section in config.engines.items():
        if isinstance(section, HTTPConfig) and section.concurrency < config.workers:
            raise ConfigurationError(
                f"engines.{name}.concurrency is {section.concurrency}, and {config.workers} API processes share it: "
                "let fewer of them run (workers), or more requests at once."
            )


def share_of(config: Config, number: int) -> Config:
    """What the process of that number, from 0, is configured as.

    Engines that run on this machine and the reader are not parted: their permits are given by the owner (permits.py).
    """
    of = config.workers
    limits, fetch, reader = config.limits, config.fetch, config.reader
    return replace(
        config,
        limits=replace(limits, intake_bytes=_part(limits.intake_bytes, number, of)),
        fetch=replace(
            fetch,
            concurrency=max(_part(fetch.concurrency, number, of), 1),
            cache_megabytes=_part(fetch.cache_megabytes, number, of),
        ),
        reader=replace(reader, cache_megabytes=_part(reader.cache_megabytes, number, of)),
        engines={name: _engine(section, number, of) for name, section in config.engines.items()},
    )


def _engine(section: EngineConfig, number: int, of: int) -> EngineConfig:
    if not isinstance(section, HTTPConfig):
        return section
    return replace(
        section,
        concurrency=_part(section.concurrency, number, of),
        queue=_part(section.queue, number, of),
    )


def _part(whole: int, number: int, of: int) -> int:
    """One of `of` nearly equal parts that make the whole."""
    return whole // of + (number < whole % of)
