"""What answers a request: the engine, and the state it is in."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from readstone.core.chat import ChatEvent, ChatRequest, Finish
from readstone.core.document import Page

EngineState: TypeAlias = Literal["starting", "ready", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page that was read: its lines in reading order; `tokens` is what it is worth as an image."""

    page: Page
    tokens: int


class Engine(Protocol):
    """Something that answers chat requests, with a lifetime."""

    @property
    def name(self) -> str:
        """The engine's name in the configuration, e.g. `reader`."""
        ...

    @property
    def state(self) -> EngineState:
        """Whether a request would be answered now."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names the weights and code that answer: the same fingerprint and request give the same answer."""
        ...

    async def start(self) -> None:
        """Begin to load; returns at once, `state` tells when it is ready."""
        ...

    async def stop(self) -> None:
        """Stop and free everything; running requests fail."""
        ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """Answer with events that end in exactly one Finish; closing the generator aborts the work.

        Errors are of the `core.errors` tree. What is refused is refused before the first event.
        """
        ...


@runtime_checkable
class Reads(Protocol):
    """An engine that tells the lines of pages and where they stand, not only their text."""

    def read(self, request: ChatRequest) -> AsyncGenerator[PageRead | Finish]:
        """Each page of the request's images and documents as it is read, then the Finish; as `Engine.chat` besides.

        The usage counts the pages as image tokens and nothing as completion.
        """
        ...
