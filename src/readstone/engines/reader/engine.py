"""The reader as an engine: a chat request about images and documents becomes their text."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from readstone import __version__
from readstone.core.chat import (
    ChatEvent,
    ChatRequest,
    Document,
    DocumentPart,
    Finish,
    FinishReason,
    Image,
    ImagePart,
    Message,
    Source,
    TextDelta,
    TextPart,
)
from readstone.core.document import Line
from readstone.core.engine import EngineState
from readstone.core.errors import ContextTooLong, InvalidRequest
from readstone.core.usage import Usage
from readstone.engines.instruction.rendering import Rendering
from readstone.engines.reader.instruction import understand
from readstone.engines.reader.page_cache import PageCache
from readstone.engines.reader.parameters import refuse_unsupported
from readstone.engines.reader.rendering import Book
from readstone.engines.reader.tokens import count, cut, image_tokens
from readstone.engines.worker.frames import Found
from readstone.engines.worker.link import PageEvent
from readstone.engines.worker.supervisor import Supervisor

INSTRUCTION_TOKENS = 8192
"""More words than that are not an instruction about a page; they are refused, never cut."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a request asks of the reader; `image_tokens` are those of the images, a document's pages count as they come."""

    images: tuple[Source, ...]
    rendering: Rendering
    text_tokens: int
    image_tokens: int


class ReaderEngine:
    """Answers chat requests by reading: plain text streams line by line, other renderings page by page."""

    def __init__(self, name: str, supervisor: Supervisor, cache: PageCache, weights: str) -> None:
        self._name = name
        self._supervisor = supervisor
        self._cache = cache
        self._fingerprint = f"readstone-{__version__}-{weights}"

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._name

    @property
    def state(self) -> EngineState:
        """Whether a page would be read now."""
        return self._supervisor.state

    @property
    def fingerprint(self) -> str:
        """Names this version and the digests of its weights."""
        return self._fingerprint

    async def start(self) -> None:
        """Begin to start the worker."""
        await self._supervisor.start()

    async def stop(self) -> None:
        """End the worker; pages in the middle fail."""
        await self._supervisor.stop()

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
        """The text of the images and documents; ends with `length` where it is worth more than `max_tokens`.

        Raises InvalidRequest for an instruction or a request without images, UnsupportedParameter,
        InvalidImage, and what the supervisor raises.
        """
        refuse_unsupported(request.extras)
        job = plan(request.messages)
        left = request.max_tokens
        seen = job.image_tokens
        reason: FinishReason = "stop"
        async with aclosing(self._pieces(job, request.key_id)) as pieces:
            async for text in pieces:
                if isinstance(text, Found):
                    seen += image_tokens(text.width, text.height)
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
            ),
        )

    async def _pieces(self, job: Job, key_id: str) -> AsyncGenerator[str | Found]:
        """The text in pieces that begin with the white space before them, so that tokens add up.

        Each page of a document is told before its text.
        """
        book = Book(job.rendering)
        async with aclosing(self._events(job, key_id)) as events:
            async for source, event in events:
                match event:
                    case Found():
                        text = book.turn(event.width, event.height)
                        if isinstance(source, Document):
                            yield event
                    case Line():
                        text = book.feed(event)
                if text:
                    yield text
        if text := book.end():
            yield text

    async def _events(self, job: Job, key_id: str) -> AsyncGenerator[tuple[Source, PageEvent]]:
        """What is found in each image and document, in their order."""
        for source in job.images:
            pages = self._cache.get(key_id, source, self._supervisor.read)
            async with aclosing(pages) as events:
                async for event in events:
                    yield source, event


def plan(messages: tuple[Message, ...]) -> Job:
    """What to read and how; InvalidRequest where there is no image.

    The images and documents of the last message that has any are read, as the words of the last user message and of
    system messages say: so a client that goes on to ask for another rendering gets the same page, and
    pages of earlier turns are not read again.
    """
    seen = [images for message in messages if (images := _images(message))]
    if not seen:
        raise InvalidRequest(
            "This model reads documents: send at least one image, as a part "
            '{"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}} of a user message, '
            "or a PDF as a file part.",
            param="messages",
            code="no_image",
        )
    users = [message for message in messages if message.role == "user"]
    heard = [message for message in messages if message.role in {"system", "developer"}]
    instruction = "\n".join(_text(message) for message in [*heard, *users[-1:]])
    tokens = count(instruction)
    if tokens > INSTRUCTION_TOKENS:
        raise ContextTooLong(
            f"The instruction is {tokens} tokens long; this model takes at most "
            f"{INSTRUCTION_TOKENS}. Images do not count.",
            param="messages",
        )
    return Job(
        images=seen[-1],
        rendering=understand(instruction),
        text_tokens=tokens,
        image_tokens=sum(
            image_tokens(image.width, image.height)
            for image in seen[-1]
            if isinstance(image, Image)
        ),
    )


def _images(message: Message) -> tuple[Source, ...]:
    return tuple(_source(part) for part in message.parts if not isinstance(part, TextPart))


def _source(part: ImagePart | DocumentPart) -> Source:
    return part.image if isinstance(part, ImagePart) else part.document


def _text(message: Message) -> str:
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart))
