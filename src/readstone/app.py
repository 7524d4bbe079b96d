"""The composition root: a configuration becomes a running application; the only place where parts meet."""

import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from readstone import __version__
from readstone.api.accounted import Accounted
from readstone.api.admin.keys import KeyAdministration
from readstone.api.admin.reload import Reload, Reloads
from readstone.api.documentation import Documentation
from readstone.api.extract.route import PATH as IMAGE_EXTRACTION
from readstone.api.extract.route import ImageExtraction
from readstone.api.extract.status import Refusals
from readstone.api.http import PUBLIC_PATHS, Door, Meter, Paths
from readstone.api.idempotent import Idempotent
from readstone.api.metering import Metering
from readstone.api.openai.codec import ChatCodec
from readstone.api.openai.completions import PATH as CHAT_COMPLETIONS
from readstone.api.openai.completions import ChatCompletions, ChatLimits
from readstone.api.openai.models import Models
from readstone.api.ops import METRICS, Count, Ops, Processes
from readstone.api.tracing import traced
from readstone.api.usage import UsageReports
from readstone.config import Config
from readstone.core.engine import Engine
from readstone.engines.assembly import build_engines, build_worker
from readstone.engines.workshop import Built
from readstone.media.fetch import Fetcher
from readstone.parts import (
    Place,
    attachments,
    cores,
    counters,
    extract_limits,
    guarded,
    ledger_terms,
    policy,
    terms,
    wrong_key_counters,
)
from readstone.renewing import Parts, Renewing, sources_of
from readstone.serving.allocator import return_free_pages
from readstone.serving.authentication import Authentication, build_authentication
from readstone.serving.catalogue import Catalogue, build_catalogue
from readstone.serving.discovery import Discovery
from readstone.serving.exporting import build_exporter
from readstone.serving.extraction import Extractor
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.intake import Intake
from readstone.serving.ledger import Ledger
from readstone.serving.limits.limiter import Limiter
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

if TYPE_CHECKING:
    from readstone.telemetry.otlp import Exporter

_OPERATIONS = {CHAT_COMPLETIONS: "chat", IMAGE_EXTRACTION: "extract"}
"""What OpenTelemetry calls what the routes do that ask models; its conventions have no word for the second."""
_DISCOVERY_SECONDS = 5.0
"""How long a start waits for engines to list their models; later ones join as they do."""


Apply: TypeAlias = Callable[[Config], Coroutine[None, None, None]]
"""Becomes what a configuration says. ConfigurationError, and nothing is changed, where that cannot be."""


@dataclass(frozen=True, slots=True)
class Running:
    """An application whose engines were started, and what there is to tell about it.

    By engine: `troubles` says why it does not list its models, `logs` where its process writes. `apply` has it be as another
    configuration says, as far as `config.renewal` lets it.
    """

    application: ASGIApp
    catalogue: Catalogue
    engines: Mapping[str, Engine]
    troubles: Mapping[str, str]
    logs: Mapping[str, Path]
    apply: Apply


@asynccontextmanager
async def running(
    config: Config, store: Store, reload: Reload | None = None, place: Place | None = None
) -> AsyncGenerator[Running]:
    """The application with its engines started; they are stopped when the block is left.

    `reload` has the configuration read again, which ends in `Running.apply`. Without a place it is the only process of its
    server.
    """
    metrics = Metrics(__version__, place and Desk(place.folder, str(place.number)))
    pixels = build_worker(config, cores()) if place is None else place.owner.worker

    def build(wanted: Config) -> Mapping[str, Built]:
        return build_engines(wanted, cores(), pixels, place and place.owner)

    built = build(config)
    catalogue = build_catalogue(config.models, built)
    backends = {name: guarded(name, each, place) for name, each in built.items()}
    authentication, limiter = _limited(config, store, place)
    gateway = Gateway(backends, catalogue.find, limiter)
    fetcher = Fetcher(policy(config))
    discovery = Discovery(catalogue, sources_of(built))
    intake = Intake(config.limits.intake_bytes, config.limits.intake_seconds, return_free_pages)
    asked = _asked(config, catalogue, gateway, CountedSource(fetcher, metrics.board), intake)
    ledger = Ledger(store, ledger_terms(config, place))
    repeats = build_repeats(config, store)
    counted = {path: Accounted(Idempotent(route, repeats), ledger) for path, route in asked.items()}
    routes: list[BaseRoute] = [
        *(Route(path, route) for path, route in counted.items()),
        *Models(catalogue, gateway, int(time.time())).routes(),
        *Ops(gateway, metrics, _count(place)).routes(),
        *UsageReports(store, config.ledger.currency).routes(),
        *KeyAdministration(store, catalogue.find, intake).routes(),
        *Reloads(reload).routes(),
        *Documentation().routes(),
    ]
    _watch(metrics, backends, intake, ledger, repeats)
    exporter = build_exporter(config.otel, metrics, __version__)
    application = Door(
        Router(routes, redirect_slashes=False),
        authentication.authenticator,
        _special(config, counted),
        limiter=limiter,
        meter=_meter(config, metrics, routes, exporter),
    )
    parts = Parts(catalogue, backends, _engines(built), limiter, discovery)
    renewing = Renewing(config, parts, build, lambda name, each: guarded(name, each, place))
    async with AsyncExitStack() as stack:
        await _begin(stack, metrics, ledger, repeats, *(() if exporter is None else (exporter,)))
        for part in (limiter, authentication):
            stack.push_async_callback(part.stop)
        await _begin(stack, fetcher, renewing)
        stack.push_async_callback(discovery.stop)
        await discovery.start(_DISCOVERY_SECONDS)
        yield Running(
            application,
            catalogue,
            parts.engines,
            discovery.troubles,
            {name: each.log for name, each in built.items() if each.log is not None},
            renewing.apply,
        )


class _Lasting(Protocol):
    """A part with a lifetime."""

    async def start(self) -> None:
        """Begin."""
        ...

    async def stop(self) -> None:
        """End."""
        ...


async def _begin(stack: AsyncExitStack, *parts: _Lasting) -> None:
    """Start one after the other; what was begun is stopped when the stack ends."""
    for part in parts:
        stack.push_async_callback(part.stop)
        await part.start()


def _limited(config: Config, store: Store, place: Place | None) -> tuple[Authentication, Limiter]:
    """Who may come in, and how much each may ask for."""
    counting = counters(config, place)
    wrong_keys = wrong_key_counters(config, place, counting)
    authentication = build_authentication(config.authentication, store, wrong_keys)
    return authentication, Limiter(counting, authentication.records, terms(config))


def _engines(built: Mapping[str, Built]) -> dict[str, Engine]:
    return {name: each.engine for name, each in built.items()}


def _asked(
    config: Config, catalogue: Catalogue, gateway: Gateway, source: CountedSource, intake: Intake
) -> Mapping[str, ASGIApp]:
    """The routes that ask models, by path."""
    extractor = Extractor(gateway, catalogue.find)
    codec = ChatCodec(catalogue, attachments(config, source))
    limits = ChatLimits(config.limits.body_bytes, config.limits.request_seconds)
    return {
        CHAT_COMPLETIONS: ChatCompletions(codec, gateway, intake, limits, extractor),
        IMAGE_EXTRACTION: ImageExtraction(catalogue, extractor, intake, extract_limits(config)),
    }


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


def _count(place: Place | None) -> Count | None:
    return None if place is None else lambda: Processes(place.up(), place.of)


def _special(config: Config, counted: Mapping[str, ASGIApp]) -> Paths:
    """The paths that are not as the others."""
    public = PUBLIC_PATHS | {METRICS} if config.metrics.public else PUBLIC_PATHS
    return Paths(counted, {IMAGE_EXTRACTION: Refusals(config.extract.always_200)}, public)


def _meter(
    config: Config, metrics: Metrics, routes: Sequence[BaseRoute], exporter: "Exporter | None"
) -> Meter:
    """What every request is counted by, and traced."""
    return traced(
        Metering(metrics.board, _paths(routes), _OPERATIONS),
        exporter.add if exporter else None,
        _OPERATIONS,
        config.otel.sample_ratio,
    )


def _paths(routes: Sequence[BaseRoute]) -> list[str]:
    """The paths there are, as they are written."""
    return [route.path for route in routes if isinstance(route, Route)]
