"""A model at work without a server: what `readstone read` and `readstone extract` have."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from readstone.config import READER, Config
from readstone.core.model import Model
from readstone.engines.assembly import build_engines
from readstone.engines.lifetimes import begin
from readstone.parts import cores
from readstone.serving.admission import Admission
from readstone.serving.catalogue import build_catalogue
from readstone.serving.extraction import Extractor
from readstone.serving.gateway import Backend, Gateway


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
        await begin([engines[each].engine for each in sorted(needed)], stack)
        yield Bench(model, gateway, Extractor(gateway, catalogue.find))
