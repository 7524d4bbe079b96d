"""An API process's view of the process that owns the server: what it keeps, grants and decides."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeAlias, TypeVar, assert_never

from readstone.config.renewal import Changes
from readstone.core.errors import ConfigurationError, Overloaded, RateLimited
from readstone.engines.kept import Seen
from readstone.engines.worker.shared import SharedWorker
from readstone.server.messages import (
    Alive,
    Ask,
    Begin,
    Change,
    Changed,
    Channel,
    Denied,
    Drain,
    FromProcess,
    Granted,
    News,
    Outcome,
    Reload,
    Return,
    ToProcess,
)

T = TypeVar("T")

WORKER = "reader"
"""What the worker is called in the news."""

Apply: TypeAlias = Callable[[dict[str, Any]], Coroutine[None, None, None]]
"""Becomes what settings say; ConfigurationError where that cannot be."""

_NOBODY = "The process that keeps the engines is gone. Try again in a moment."


class Owner:
    """Keeps what the owner told last, and asks it; once it is gone, every question is answered with a refusal.

    `end` is set when this process is to end, `at_once` when that is urgent.
    """

    def __init__(self, channel: Channel[FromProcess, ToProcess], pixels: socket.socket) -> None:
        self.end = asyncio.Event()
        self.at_once = asyncio.Event()
        self.up = 1
        self.apply: Apply | None = None
        self._channel = channel
        self._worker = SharedWorker(pixels, lambda: self.look(WORKER).state)
        self._engines: dict[str, Seen] = {}
        self._numbers = itertools.count(1)
        self._permits: dict[int, asyncio.Future[None]] = {}
        self._outcomes: dict[int, asyncio.Future[Outcome]] = {}
        self._changes: set[asyncio.Task[None]] = set()

    @property
    def worker(self) -> SharedWorker:
        """The worker, to be asked through it."""
        return self._worker

    def look(self, name: str) -> Seen:
        """What is known of an engine."""
        return self._engines.get(name) or Seen()

    def hear(self, name: str) -> None:
        """Pass on that an engine lives."""
        self._channel.send(Alive(name))

    async def take(self, engine: str, key_id: str) -> int:
        """Wait for a permit; Overloaded or RateLimited where there is none to be had."""
        number = next(self._numbers)
        if self.end.is_set() and not self._engines:
            raise Overloaded(_NOBODY)
        granted = self._permits[number] = asyncio.get_running_loop().create_future()
        self._channel.send(Ask(number, engine, key_id))
        try:
            await granted
        except asyncio.CancelledError:
            self._channel.send(Return(number))
            raise
        finally:
            del self._permits[number]
        return number

    def give_back(self, permit: int) -> None:
        """The permit is needed no more."""
        self._channel.send(Return(permit))

    async def reload(self) -> Changes:
        """Have all processes be as the configuration says now; ConfigurationError where it is wrong."""
        number = next(self._numbers)
        outcome = self._outcomes[number] = asyncio.get_running_loop().create_future()
        self._channel.send(Reload(number))
        try:
            told = await outcome
        finally:
            del self._outcomes[number]
        if told.error is not None:
            raise ConfigurationError(told.error)
        return Changes(tuple(told.applied), tuple(told.restart))

    async def begin(self) -> Begin:
        """The first thing the owner says."""
        async with aclosing(self._channel.messages()) as messages:
            async for message in messages:
                if isinstance(message, Begin):
                    return message
        raise ConnectionError("the owner is gone")

    async def listen(self) -> None:
        """Take note of what the owner says until it is gone; then this process is to end, too."""
        async with aclosing(self._channel.messages()) as messages:
            async for message in messages:
                self._note(message)
        self._engines = {}
        self.end.set()
        for waiting in self._permits.values():
            if not waiting.done():
                waiting.set_exception(Overloaded(_NOBODY))
        for outcome in self._outcomes.values():
            if not outcome.done():
                outcome.set_result(Outcome(0, error=_NOBODY))

    def _note(self, message: ToProcess) -> None:
        match message:
            case News(engines=engines, up=up):
                self._engines, self.up = engines, up
            case Granted(id=number):
                _settle(self._permits.get(number), None)
            case Denied():
                self._deny(message)
            case Outcome(id=number):
                _settle(self._outcomes.get(number), message)
            case Drain() | Change() | Begin():
                self._obey(message)
            case _:
                assert_never(message)

    def _obey(self, message: Drain | Change | Begin) -> None:
        match message:
            case Drain(at_once=at_once):
                self.end.set()
                if at_once:
                    self.at_once.set()
            case Change():
                task = asyncio.create_task(self._change(message))
                self._changes.add(task)
                task.add_done_callback(self._changes.discard)
            case Begin():
                pass  # it was the first, and comes once
            case _:
                assert_never(message)

    def _deny(self, denied: Denied) -> None:
        waiting = self._permits.get(denied.id)
        if waiting is None or waiting.done():
            return
        retry = denied.retry_after
        if denied.fault == "overloaded":
            waiting.set_exception(Overloaded(denied.message, retry_after=retry or 1.0))
        else:
            waiting.set_exception(RateLimited(denied.message, retry_after=retry, limit="queue"))

    async def _change(self, change: Change) -> None:
        error = "This process has not started yet."
        if self.apply is not None:
            try:
                await self.apply(change.settings)
            except ConfigurationError as trouble:
                error = str(trouble)
            else:
                error = None
        self._channel.send(Changed(change.id, error))


def _settle(waiting: "asyncio.Future[T] | None", value: T) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(value)
