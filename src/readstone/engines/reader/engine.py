"""The reader as an engine: a chat request about images and documents becomes their text."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from readstone import __version__
from readstone.core.chat import (
    ChatEvent,
    ChatRequest,
    Document,
    Finish,
    FinishReason,
    Message,
    Source,
    TextDelta,
)
from readstone.core.document import Line, Page
from readstone.core.engine import EngineState, PageRead
from readstone.core.model import Profile
from readstone.core.usage import Usage
from readstone.engines.instruction.rendering import Rendering
from readstone.engines.reader.assignment import assignment
from readstone.engines.reader.instruction import understand
from readstone.engines.reader.page_cache import PageCache
from readstone.engines.reader.parameters import refuse_unsupported
from readstone.engines.reader.rendering.book import Book
from readstone.engines.reader.tokens import count, cut, image_tokens
from readstone.engines.worker.frames import Found
from readstone.engines.worker.link import PageEvent
from readstone.engines.worker.shared import Pixels


@dataclass(frozen=True, slots=True)
class Job:
    """What a request asks of the reader; `image_tokens` are those of the images, a document's pages count as they come."""

    images: tuple[Source, ...]
    rendering: Rendering
    text_tokens: int
    image_tokens: int


class ReaderEngine:
    """Answers chat requests by reading: plain text streams line by line, other renderings page by page."""

    def __init__(self, name: str, pixels: Pixels, cache: PageCache, weights: str) -> None:
        self._name = name
        self._pixels = pixels
        self._cache = cache
        self._fingerprint = f"readstone-{__version__}-{weights}"

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    @property
    def state(self) -> EngineState:
        """Whether a page would be read now."""
        return self._pixels.state

    @property
    def fingerprint(self) -> str:
        """Names this version and the digests of its weights."""
        return self._fingerprint

    async def start(self) -> None:
        """Begin to start the worker."""
        await self._pixels.start()

    async def stop(self) -> None:
        """End the worker; pages in the middle fail."""
        await self._pixels.stop()

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """The text of the images and documents; ends with `length` where it is worth more than `max_tokens`.

        Raises InvalidRequest for an instruction or a request without images, UnsupportedParameter,
        InvalidImage, and what the supervisor raises.
        """
        refuse_unsupported(request.extras)
        job = plan(request.messages, request.model.profile)
        left = request.max_tokens
        seen = job.image_tokens
        pages = sum(not isinstance(source, Document) for source in job.images)
        reason: FinishReason = "stop"
        async with aclosing(self._pieces(job, request.key_id)) as pieces:
            async for text in pieces:
                if isinstance(text, Found):
                    seen += image_tokens(text.width, text.height)
                    pages += 1
                    continue
                kept = cut(text, left)
                tokens = count(kept)
                left -= tokens
                if kept:
                    yield TextDelta(kept, tokens)
                if kept != text:
                    reason = "length"
                    break
        yield Finish(
            reason,
            Usage(
                prompt_tokens=job.text_tokens + seen,
                completion_tokens=request.max_tokens - left,
                image_tokens=seen,
                pages=pages,
            ),
            profile=request.model.profile,
        )

    async def read(self, request: ChatRequest) -> AsyncGenerator[PageRead | Finish]:
        """Each page with its lines once it is read whole, whatever the request's words ask for.

        Raises what `chat` raises but for an instruction.
        """
        refuse_unsupported(request.extras)
        asked = assignment(request.messages)
        seen = pages_read = 0
        sources = _in_profile(asked.sources, request.model.profile)
        async with aclosing(self._pages(sources, request.key_id)) as pages:
            async for page in pages:
                tokens = image_tokens(page.width, page.height)
                seen += tokens
                pages_read += 1
                yield PageRead(page, tokens)
        usage = Usage(asked.text_tokens + seen, 0, image_tokens=seen, pages=pages_read)
        yield Finish("stop", usage, profile=request.model.profile)

    async def _pages(self, sources: tuple[Source, ...], key_id: str) -> AsyncGenerator[Page]:
        found: Found | None = None
        lines: list[Line] = []
        async with aclosing(self._events(sources, key_id)) as events:
            async for _, event in events:
                if isinstance(event, Line):
                    lines.append(event)
                    continue
                if found is not None:
                    yield _page(found, lines)
                found, lines = event, []
        if found is not None:
            yield _page(found, lines)

    async def _pieces(self, job: Job, key_id: str) -> AsyncGenerator[str | Found]:
        """The text in pieces that begin with the white space before them, so that tokens add up.

        Each page of a document is told before its text.
        """
        book = Book(job.rendering)
        async with aclosing(self._events(job.images, key_id)) as events:
            async for source, event in events:
                match event:
                    case Found():
                        text = await asyncio.to_thread(book.turn, _page(event, []))
                        if isinstance(source, Document):
                            yield event
                    case Line():
                        text = book.feed(event)
                if text:
                    yield text
        if text := await asyncio.to_thread(book.end):
            yield text

    async def _events(
        self, sources: tuple[Source, ...], key_id: str
    ) -> AsyncGenerator[tuple[Source, PageEvent]]:
        """What is found in each image and document, in their order."""
        for source in sources:
            pages = self._cache.get(key_id, source, self._pixels.read)
            async with aclosing(pages) as events:
                async for event in events:
                    yield source, event


def _page(found: Found, lines: list[Line]) -> Page:
    return Page(found.width, found.height, tuple(lines), found.turned, found.rules)


def _in_profile(sources: tuple[Source, ...], profile: Profile) -> tuple[Source, ...]:
    return tuple(replace(source, profile=profile) for source in sources)


def plan(messages: tuple[Message, ...], profile: Profile = "balanced") -> Job:
    """What to read and how: as the words of the last user message and of system messages say.

    Raises what `assignment` raises, and InvalidRequest for what a reader cannot do.
    """
    asked = assignment(messages)
    return Job(
        images=_in_profile(asked.sources, profile),
        rendering=understand(asked.instruction),
        text_tokens=asked.text_tokens,
        image_tokens=asked.image_tokens,
    )
