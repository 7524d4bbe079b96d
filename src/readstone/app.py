"""The composition root: a configuration becomes a running application; the only place where parts meet."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from readstone import __version__
from readstone.api.accounted import Accounted
from readstone.api.admin.keys import KeyAdministration
from readstone.api.documentation import Documentation
from readstone.api.extract.route import PATH as IMAGE_EXTRACTION
from readstone.api.extract.route import ExtractLimits, ImageExtraction
from readstone.api.extract.status import Refusals
from readstone.api.http import PUBLIC_PATHS, Door, Paths
from readstone.api.idempotent import Idempotent
from readstone.api.metering import Metering
from readstone.api.openai.codec import ChatCodec
from readstone.api.openai.completions import PATH as CHAT_COMPLETIONS
from readstone.api.openai.completions import ChatCompletions, ChatLimits
from readstone.api.openai.models import Models
from readstone.api.ops import METRICS, Count, Ops, Processes
from readstone.api.tracing import traced
from readstone.api.usage import UsageReports
from readstone.config import READER, Config, read_key
from readstone.core.engine import Engine
from readstone.core.errors import ConfigurationError
from readstone.core.model import Model
from readstone.engines.assembly import build_engines
from readstone.engines.kept import Kept
from readstone.engines.workshop import Built
from readstone.media.attachments import Attachments
from readstone.media.fetch import Fetcher
from readstone.media.inspect import DocumentLimits, ImageLimits
from readstone.media.policy import FetchPolicy
from readstone.serving.admission import Admission, Permits
from readstone.serving.allocator import return_free_pages
from readstone.serving.authentication import build_authentication
from readstone.serving.catalogue import Catalogue, build_catalogue
from readstone.serving.discovery import Discovery, Source
from readstone.serving.exporting import build_exporter
from readstone.serving.extraction import Extractor
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.intake import Intake
from readstone.serving.ledger import Ledger, LedgerTerms
from readstone.serving.limits.counters import Counters
from readstone.serving.limits.limiter import Limiter, Terms
from readstone.serving.limits.memory import MemoryCounters
from readstone.serving.repeats import Repeats, build_repeats
from readstone.serving.vitals import (
    CountedSource,
    count_commits,
    watch_backends,
    watch_intake,
    watch_ledger,
)
from readstone.store import Store
from readstone.telemetry.metrics.families import REPLAYS
from readstone.telemetry.metrics.metrics import Desk, Metrics

_MEGABYTE = 1024 * 1024
_OPERATIONS = {CHAT_COMPLETIONS: "chat", IMAGE_EXTRACTION: "extract"}
"""What OpenTelemetry calls what the routes do that ask models; its conventions have no word for the second."""
_DISCOVERY_SECONDS = 5.0
"""How long a start waits for engines to list their models; later ones join as they do."""


@dataclass(frozen=True, slots=True)
class Running:
    """An application whose engines were started, and what there is to tell about it.

    By engine: `troubles` says why it does not list its models, `logs` where its process writes.
    """

    application: ASGIApp
    catalogue: Catalogue
    engines: Mapping[str, Engine]
    troubles: Mapping[str, str]
    logs: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process stands among the API processes of one server: its `number` from 0, and a `folder` that all of them have.

    `owner` keeps the worker and the engines that run here; `counters` are of all processes together (None: as configured), and
    so are the permits of an engine, of which there are so many. `up` tells how many processes there are just now.
    """

    number: int
    of: int
    folder: Path
    owner: Kept
    counters: Counters | None
    permits: Callable[[str, int], Permits]
    up: Callable[[], int]


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0))


@asynccontextmanager
async def running(
    config: Config, store: Store, place: Place | None = None
) -> AsyncGenerator[Running]:
    """The application with its engines started; they are stopped when the block is left.

    Without a place it is the only process of its server.
    """
    metrics = Metrics(__version__, place and Desk(place.folder, str(place.number)))
    engines = build_engines(config, cores(), place and place.owner)
    catalogue = build_catalogue(config.models, engines)
    backends = {
        name: Backend(built.engine, _admission(name, built, place))
        for name, built in engines.items()
    }
    authentication = build_authentication(config.authentication, store)
    limiter = Limiter(_counters(config, place), authentication.records, _terms(config))
    gateway = Gateway(backends, catalogue.find, limiter)
    fetcher = Fetcher(_policy(config))
    discovery = Discovery(catalogue, _sources(engines))
    intake = Intake(config.limits.intake_bytes, config.limits.intake_seconds, return_free_pages)
    extractor = Extractor(gateway, catalogue.find)
    completions = ChatCompletions(
        ChatCodec(catalogue, _attachments(config, CountedSource(fetcher, metrics.board))),
        gateway,
        intake,
        ChatLimits(config.limits.body_bytes, config.limits.request_seconds),
        extractor,
    )
    extraction = ImageExtraction(catalogue, extractor, intake, _extract_limits(config))
    ledger = Ledger(store, _ledger_terms(config, place))
    repeats = build_repeats(config, store)
    asked = {CHAT_COMPLETIONS: completions, IMAGE_EXTRACTION: extraction}
    counted = {path: Accounted(Idempotent(route, repeats), ledger) for path, route in asked.items()}
    routes: list[BaseRoute] = [
        *(Route(path, route) for path, route in counted.items()),
        *Models(catalogue, gateway, int(time.time())).routes(),
        *Ops(gateway, metrics, _count(place)).routes(),
        *UsageReports(store, config.ledger.currency).routes(),
        *KeyAdministration(store, catalogue.find, intake).routes(),
        *Documentation().routes(),
    ]
    _watch(metrics, backends, intake, ledger, repeats)
    exporter = build_exporter(config.otel, metrics, __version__)
    async with AsyncExitStack() as stack:
        for part in (metrics, ledger, repeats, *(() if exporter is None else (exporter,))):
            stack.push_async_callback(part.stop)
            await part.start()
        for part in (limiter, authentication, fetcher):
            stack.push_async_callback(part.stop)
        await fetcher.start()
        await _begin([built.engine for built in engines.values()], stack)
        stack.push_async_callback(discovery.stop)
        await discovery.start(_DISCOVERY_SECONDS)
        yield Running(
            Door(
                Router(routes, redirect_slashes=False),
                authentication.authenticator,
                Paths(
                    counted,
                    {IMAGE_EXTRACTION: Refusals(config.extract.always_200)},
                    PUBLIC_PATHS | {METRICS} if config.metrics.public else PUBLIC_PATHS,
                ),
                limiter=limiter,
                meter=traced(
                    Metering(metrics.board, _paths(routes), _OPERATIONS),
                    exporter.add if exporter else None,
                    _OPERATIONS,
                    config.otel.sample_ratio,
                ),
            ),
            catalogue,
            {name: built.engine for name, built in engines.items()},
            discovery.troubles,
            {name: built.log for name, built in engines.items() if built.log is not None},
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """A model at work without a server: requests go through the gateway, as a server's do."""

    model: Model
    gateway: Gateway
    extractor: Extractor

    @property
    def fingerprint(self) -> str:
        """Names what answers."""
        return self.gateway.engine(self.model.engine).fingerprint


@asynccontextmanager
async def reading(config: Config, name: str) -> AsyncGenerator[Bench]:
    """A model of the configuration with the engines started that it needs; they are stopped when the block is left.

    ModelNotFound where there is none of that name.
    """
    engines = build_engines(config, cores())
    catalogue = build_catalogue(config.models, engines)
    model = catalogue.find(name)
    asked = [model.language_model, *model.fallback]
    others = [catalogue.find(each) for each in asked if each is not None]
    # The reader, too: its worker makes the pictures of every other engine.
    needed = {READER, *(each.engine for each in (model, *others))}
    backends = {
        each: Backend(built.engine, Admission(built.concurrency, built.queue))
        for each, built in engines.items()
    }
    gateway = Gateway(backends, catalogue.find)
    async with AsyncExitStack() as stack:
        await _begin([engines[each].engine for each in sorted(needed)], stack)
        yield Bench(model, gateway, Extractor(gateway, catalogue.find))


async def _begin(engines: Sequence[Engine], stack: AsyncExitStack) -> None:
    """Start all; those that were started are stopped when the stack ends."""
    started: list[Engine] = []
    stack.push_async_callback(_stop, started)
    for engine in engines:
        started.append(engine)
        await engine.start()


async def _stop(engines: Sequence[Engine]) -> None:
    """Stop all at once, so that several slow ones take as long as one; raises the first error when all have tried."""
    stops = (engine.stop() for engine in engines)
    for outcome in await asyncio.gather(*stops, return_exceptions=True):
        if outcome is not None:
            raise outcome


def _watch(
    metrics: Metrics,
    backends: Mapping[str, Backend],
    intake: Intake,
    ledger: Ledger,
    repeats: Repeats,
) -> None:
    """Have the metrics look at the parts of a server."""
    metrics.watch(lambda board: watch_backends(board, backends))
    metrics.watch(lambda board: watch_intake(board, intake))
    metrics.watch(lambda board: watch_ledger(board, ledger))
    count_commits(metrics.board, ledger)
    repeats.counted = lambda outcome: metrics.board.add(REPLAYS, (outcome,))


def _admission(name: str, built: Built, place: Place | None) -> Permits:
    if place is None or not built.is_local:
        return Admission(built.concurrency, built.queue)
    return place.permits(name, built.concurrency)


def _count(place: Place | None) -> Count | None:
    return None if place is None else lambda: Processes(place.up(), place.of)


def _ledger_terms(config: Config, place: Place | None) -> LedgerTerms:
    """One of several processes forgets old entries for all."""
    is_first = place is None or place.number == 0
    return LedgerTerms(config.ledger.required, config.ledger.keep_days if is_first else 0)


def _paths(routes: Sequence[BaseRoute]) -> list[str]:
    """The paths there are, as they are written."""
    return [route.path for route in routes if isinstance(route, Route)]


def _sources(engines: Mapping[str, Built]) -> dict[str, Source]:
    """The engines that tell which models they serve."""
    return {
        name: Source(built.listing, built.listing_seconds)
        for name, built in engines.items()
        if built.listing is not None
    }


def _attachments(config: Config, fetcher: CountedSource) -> Attachments:
    limits = config.limits
    return Attachments(
        ImageLimits(bytes=limits.image_bytes, pixels=limits.image_pixels),
        DocumentLimits(bytes=limits.document_bytes, pages=limits.document_pages),
        fetcher,
        config.fetch.images_per_request if config.fetch.enabled else 0,
    )


def _extract_limits(config: Config) -> ExtractLimits:
    image = ImageLimits(bytes=config.extract.image_bytes, pixels=config.limits.image_pixels)
    return ExtractLimits(image, config.limits.request_seconds)


def _counters(config: Config, place: Place | None) -> Counters:
    """Where what keys ask for is counted."""
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


def _terms(config: Config) -> Terms:
    limits = config.limits
    return Terms(limits.key.limits, ceil(limits.request_seconds), limits.fail_open)


def _policy(config: Config) -> FetchPolicy:
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
