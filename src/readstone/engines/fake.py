"""An engine that follows a script: for tests of everything around an engine, held to the same contract as the others."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import TypeAlias

from readstone.core.chat import ChatEvent, ChatRequest, Finish, TextDelta
from readstone.core.engine import EngineState
from readstone.core.errors import EngineFailed, UnsupportedParameter
from readstone.core.usage import Usage

Step: TypeAlias = ChatEvent | Exception | asyncio.Event
"""An event is yielded, an exception raised, an `asyncio.Event` waited for."""

HELLO: tuple[Step, ...] = (
    TextDelta("Hello,", 2),
    TextDelta(" reader", 2),
    Finish("stop", Usage(prompt_tokens=7, completion_tokens=4, image_tokens=5)),
)
"""A short answer in two pieces."""


class FakeEngine:
    """Answers every request with the same steps and records what happens to it.

    It honours every property of a request but those named in `refused`; `scripts` changes the next answers.
    """

    def __init__(
        self, *steps: Step, name: str = "fake", refused: frozenset[str] = frozenset()
    ) -> None:
        self.requests: list[ChatRequest] = []
        """Every request that was begun."""
        self.running = 0
        """Requests that are being answered now."""
        self.scripts = deque[tuple[Step, ...]]()
        """Steps for the next requests, one each; those that come after follow the engine's own."""
        self.begun = asyncio.Event()
        """Set when an answer was begun."""
        self.closed = asyncio.Event()
        """Set when an answer has ended, to its Finish or before."""
        self._steps = steps or HELLO
        self._name = name
        self._refused = refused
        self._state: EngineState = "starting"
        self._stopped = asyncio.Event()

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    @property
    def state(self) -> EngineState:
        """Starting, then ready, then stopped."""
        return self._state

    @property
    def fingerprint(self) -> str:
        """Names the fake."""
        return f"{self._name}-fingerprint"

    async def start(self) -> None:
        """Be ready."""
        self._state = "ready"

    async def stop(self) -> None:
        """Be stopped; answers that wait in the middle fail."""
        self._state = "stopped"
        self._stopped.set()

    def become(self, state: EngineState) -> None:
        """Be in a state, e.g. failed."""
        self._state = state

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """Follow the steps. UnsupportedParameter for a refused property, EngineFailed where it was stopped."""
        for name in sorted(self._refused & set(request.extras)):
            raise UnsupportedParameter(f"The fake does not honour '{name}'.", param=name)
        self.requests.append(request)
        self.running += 1
        self.begun.set()
        try:
            for step in self.scripts.popleft() if self.scripts else self._steps:
                if isinstance(step, asyncio.Event):
                    await self._wait(step)
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield step
        finally:
            self.running -= 1
            self.closed.set()

    async def _wait(self, event: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(each.wait()) for each in (event, self._stopped)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._stopped.is_set():
            raise EngineFailed("The fake was stopped.")
