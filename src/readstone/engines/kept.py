"""Engines that another process of this machine keeps: their servers were started there, once, and are asked from here."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

import msgspec

from readstone.core.chat import ChatEvent, ChatRequest
from readstone.core.engine import Engine, EngineState
from readstone.core.errors import EngineCrashed, EngineFailed, EngineUnavailable
from readstone.engines.health import is_gone
from readstone.engines.program import socket_of
from readstone.engines.supervised import Connect
from readstone.engines.worker.shared import Pixels

_HEARD_SECONDS = 1.0
"""How often signs of life are passed on."""


class Seen(msgspec.Struct, frozen=True):
    """What is known of a kept engine: where its server listens while it is up, and with which key."""

    state: EngineState = "starting"
    url: str = ""
    key: str = ""
    fingerprint: str = ""
    retry_after: float = 1.0

    def __repr__(self) -> str:
        return f"Seen({self.state})"  # a key is in no log


class Kept(Protocol):
    """What another process keeps for this one: the worker, and engines by name."""

    @property
    def worker(self) -> Pixels:
        """The worker, to be asked through it."""
        ...

    def look(self, name: str) -> Seen:
        """What is known of an engine."""
        ...

    def hear(self, name: str) -> None:
        """An engine has given a sign of life; its keeper is told."""
        ...


class SharedEngine:
    """Answers through a server that another process keeps; while there is none, requests are refused."""

    def __init__(self, name: str, connect: Connect, kept: Kept) -> None:
        self._name = name
        self._connect = connect
        self._kept = kept
        self._seat = ("", "")
        self._engine: Engine | None = None
        self._heard = 0.0
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    @property
    def state(self) -> EngineState:
        """Its server's."""
        return self._kept.look(self._name).state

    @property
    def fingerprint(self) -> str:
        """Its program's."""
        return self._kept.look(self._name).fingerprint

    async def start(self) -> None:
        """Nothing is begun here."""

    async def stop(self) -> None:
        """End the answers that run; the server lives on."""
        self._leave()
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """What the server answers. EngineUnavailable while it is not up, EngineCrashed where it dies over it."""
        seen = self._kept.look(self._name)
        if not seen.url:
            raise EngineUnavailable(retry_after=seen.retry_after)
        engine = await self._at(seen)
        clock = asyncio.get_running_loop().time
        try:
            async with aclosing(engine.chat(request)) as events:
                async for event in events:
                    if clock() - self._heard > _HEARD_SECONDS:
                        self._heard = clock()
                        self._kept.hear(self._name)
                    yield event
        except EngineUnavailable as error:
            if await self._is_gone(seen):
                again = self._kept.look(self._name).retry_after
                raise EngineUnavailable(retry_after=again) from error
            raise
        except EngineFailed as error:
            if await self._is_gone(seen):
                raise EngineCrashed from error
            raise

    async def _at(self, seen: Seen) -> Engine:
        """The engine that talks to the server where it is now."""
        engine = self._engine
        if engine is None or self._seat != (seen.url, seen.key):
            self._leave()
            engine = self._connect(seen.url, seen.key)
            self._seat, self._engine = (seen.url, seen.key), engine
            await engine.start()
        return engine

    def _leave(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            task = asyncio.create_task(engine.stop())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _is_gone(self, seen: Seen) -> bool:
        """Whether that server is gone, after an answer of its has broken off."""
        return await is_gone(
            socket_of(seen.url), lambda: self._kept.look(self._name).url != seen.url
        )
