"""What a configuration, and a process's place among others, make of the parts of an application."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from readstone.api.extract.route import ExtractLimits
from readstone.config import Config, read_key
from readstone.core.errors import ConfigurationError
from readstone.engines.kept import Kept
from readstone.engines.workshop import Built
from readstone.media.attachments import Attachments
from readstone.media.inspect import DocumentLimits, ImageLimits
from readstone.media.policy import FetchPolicy
from readstone.serving.admission import Admission, Permits
from readstone.serving.gateway import Backend
from readstone.serving.ledger import LedgerTerms
from readstone.serving.limits.counters import Counters
from readstone.serving.limits.limiter import Terms
from readstone.serving.limits.memory import MemoryCounters
from readstone.serving.vitals import CountedSource

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process stands among the API processes of one server: its `number` from 0, and a `folder` that all of them have.

    `owner` keeps the worker and the engines that run here; `counters` are of all processes together (None: as configured), so
    are those of wrong keys, and so are the permits of an engine, of which there are so many. `up` tells how many processes there are just now.
    """

    number: int
    of: int
    folder: Path
    owner: Kept
    counters: Counters | None
    wrong_keys: Counters | None
    permits: Callable[[str, int], Permits]
    up: Callable[[], int]


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0))


def guarded(name: str, built: Built, place: Place | None) -> Backend:
    """An engine behind its admission: its own, or that of all processes."""
    if place is None or not built.is_local:
        return Backend(built.engine, Admission(built.concurrency, built.queue))
    return Backend(built.engine, place.permits(name, built.concurrency))


def ledger_terms(config: Config, place: Place | None) -> LedgerTerms:
    """What the ledger goes by; one of several processes forgets old entries for all."""
    is_first = place is None or place.number == 0
    return LedgerTerms(config.ledger.required, config.ledger.keep_days if is_first else 0)


def attachments(config: Config, fetcher: CountedSource) -> Attachments:
    """What loads images and documents of requests."""
    limits = config.limits
    return Attachments(
        ImageLimits(bytes=limits.image_bytes, pixels=limits.image_pixels),
        DocumentLimits(bytes=limits.document_bytes, pages=limits.document_pages),
        fetcher,
        config.fetch.images_per_request if config.fetch.enabled else 0,
    )


def extract_limits(config: Config) -> ExtractLimits:
    """What one request of image extraction may weigh."""
    image = ImageLimits(bytes=config.extract.image_bytes, pixels=config.limits.image_pixels)
    return ExtractLimits(image, config.limits.request_seconds)


def counters(config: Config, place: Place | None) -> Counters:
    """Where what keys ask for is counted. ConfigurationError where the client of Redis is missing."""
    limits = config.limits
    if limits.redis is None:
        return (place and place.counters) or MemoryCounters()
    try:
        from readstone.serving.limits.redis import RedisCounters  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigurationError(
            "limits.redis needs the client of Redis: pip install 'readstone[scale]'."
        ) from error
    return RedisCounters(limits.redis, read_key(limits.redis_password_env, None))


def wrong_key_counters(config: Config, place: Place | None, counting: Counters) -> Counters | None:
    """Where wrong keys are counted with others, who `counting` is with or not; None where this process is alone."""
    return (place and place.wrong_keys) if config.limits.redis is None else counting


def terms(config: Config) -> Terms:
    """The limits of keys that have none of their own, and what else the limiter goes by."""
    limits = config.limits
    return Terms(limits.key.limits, ceil(limits.request_seconds), limits.fail_open)


def policy(config: Config) -> FetchPolicy:
    """How images are fetched."""
    fetch = config.fetch
    return FetchPolicy(
        bytes=config.limits.image_bytes,
        document_bytes=config.limits.document_bytes,
        total_seconds=fetch.total_seconds,
        connect_seconds=fetch.connect_seconds,
        concurrency=fetch.concurrency,
        allowed_hosts=fetch.allowed_hosts,
        allowed_networks=fetch.allowed_networks,
        proxy=fetch.proxy,
        cache_bytes=fetch.cache_megabytes * _MEGABYTE,
        cache_seconds=fetch.cache_seconds,
    )
