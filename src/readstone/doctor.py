"""`readstone doctor`: looks at everything a start depends on, and says what to do where something is wrong."""

import os
import platform
import shutil
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from importlib.resources import files

from readstone.config import READER, Config
from readstone.core.chat import ChatRequest, ImagePart, Message, fold
from readstone.core.errors import ConfigurationError, RequestError
from readstone.engines.assembly import build_engines
from readstone.engines.examination import examine_engine
from readstone.media.inspect import ImageLimits, inspect
from readstone.parts import cores
from readstone.server import bind
from readstone.serving.catalogue import EMBEDDED, build_catalogue
from readstone.store.opening import open_store

_LIBRARIES = ("onnxruntime", "numpy", "opencv-python-headless", "pillow", "rapidocr", "uvloop")
_LEAST_MEMORY = 1_500_000_000
_LEAST_DISK = 500_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at; `look` gives what it saw, or raises an error that says what to do."""

    name: str
    look: Callable[[], Awaitable[str]]


async def examine(config: Config) -> int:
    """Run every check and print one line each; returns 0 where all passed, else 1."""
    failed = 0
    for check in _checks(config):
        try:
            print(f"ok      {check.name}: {await check.look()}", flush=True)
        except (ConfigurationError, RequestError) as error:
            failed += 1
            print(f"FAILED  {check.name}: {error}", flush=True)
    print("Everything is in order." if not failed else f"{failed} of the checks failed.")
    return 1 if failed else 0


def _checks(config: Config) -> tuple[Check, ...]:
    async def catalogue() -> str:
        models = build_catalogue(config.models, [READER, *config.engines])
        return ", ".join(name for name, _ in models.names())

    async def data() -> str:
        store = await open_store(config)
        keys = await store.list_keys()
        await store.close()
        active = sum(key.state(time.time()) == "active" for key in keys)
        free = shutil.disk_usage(config.data_dir).free
        if free < _LEAST_DISK:
            raise ConfigurationError(
                f"{config.data_dir} has {free / 1e9:.1f} GB left on its disk: free some, or choose another with --data-dir."
            )
        return f"{config.data_dir} is writable, holds {active} active keys and has {free / 1e9:.0f} GB left"

    async def port() -> str:
        bind(config.host, config.port).close()
        return f"{config.host}:{config.port} is free"

    async def reading() -> str:
        return await _read_sample(config)

    return (
        Check("machine", _machine),
        Check("libraries", _libraries),
        Check("models", catalogue),
        Check("data directory", data),
        Check("port", port),
        Check("reader", reading),
        *(
            Check(f"engine {name}", partial(examine_engine, name, config))
            for name in config.engines
        ),
    )


async def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if memory < _LEAST_MEMORY:
        raise ConfigurationError(
            f"there are {memory / 1e9:.1f} GB of memory; the reader wants {_LEAST_MEMORY / 1e9:.1f}."
        )
    return f"{platform.platform()}, {cores()} cores, {memory / 1e9:.0f} GB of memory"


async def _libraries() -> str:
    found = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {found}"


async def _read_sample(config: Config) -> str:
    """Start the reader as the server would, alone, and read the sample page with it."""
    engine = build_engines(replace(config, engines={}), cores())[READER].engine
    sample = files("readstone").joinpath("assets/sample.jpg").read_bytes()
    image = inspect(sample, ImageLimits(), frozenset({"jpeg"}), "sample.jpg")
    request = ChatRequest(
        id="doctor",
        key_id="doctor",
        model=EMBEDDED,
        model_name=EMBEDDED.id,
        messages=(Message("user", (ImagePart(image),)),),
        max_tokens=EMBEDDED.defaults.max_tokens,
        temperature=0.0,
        top_p=1.0,
        arrived=time.monotonic(),
    )
    await engine.start()
    try:
        async with aclosing(engine.chat(request)) as events:
            answer = await fold(events)
    finally:
        await engine.stop()
    seconds = time.monotonic() - request.arrived
    words = len(answer.text.split())
    return f"read {words} words of the sample page in {seconds:.1f} s, start included"
