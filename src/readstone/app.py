"""The composition root: a configuration becomes a running application; the only place where parts meet."""

import os
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from readstone.api.documentation import Documentation
from readstone.api.http import Door
from readstone.api.openai.codec import ChatCodec
from readstone.api.openai.completions import ChatCompletions
from readstone.api.openai.models import Models
from readstone.api.ops import Ops
from readstone.config import Config
from readstone.engines import build_engines
from readstone.media.inspect import DocumentLimits, ImageLimits
from readstone.serving.admission import Admission
from readstone.serving.catalogue import build_catalogue
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.keys import Authenticator
from readstone.store import Store
from readstone.store.sqlite import SQLiteStore


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0))


async def open_store(config: Config) -> SQLiteStore:
    """The store of the data directory, made where there is none."""
    store = SQLiteStore(config.data_dir / "readstone.db")
    await store.open()
    return store


@asynccontextmanager
async def running(config: Config, store: Store) -> AsyncGenerator[ASGIApp]:
    """The application with its engines started; they are stopped when the block is left."""
    reader = config.reader
    threads = reader.threads or cores()
    engines = build_engines(reader, threads)
    catalogue = build_catalogue(config.models, engines)
    gateway = Gateway(
        {
            name: Backend(engine, Admission(reader.concurrency or 2 * threads, reader.queue))
            for name, engine in engines.items()
        }
    )
    codec = ChatCodec(
        catalogue,
        ImageLimits(bytes=config.limits.image_bytes, pixels=config.limits.image_pixels),
        DocumentLimits(bytes=config.limits.document_bytes, pages=config.limits.document_pages),
    )
    routes: list[BaseRoute] = [
        Route("/v1/chat/completions", ChatCompletions(codec, gateway, config.limits.body_bytes)),
        *Models(catalogue, gateway, int(time.time())).routes(),
        *Ops(gateway).routes(),
        *Documentation().routes(),
    ]
    async with AsyncExitStack() as stack:
        for engine in engines.values():
            stack.push_async_callback(engine.stop)
            await engine.start()
        yield Door(Router(routes, redirect_slashes=False), Authenticator(store))
