"""Extraction: pages are read through the gateway, and what a schema asks for is found on them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from readstone.core.chat import ChatRequest, Finish, ImagePart, TextDelta, TextPart
from readstone.core.document import Page
from readstone.core.engine import PageRead
from readstone.core.errors import EngineFailed, InvalidRequest
from readstone.core.extraction import Extraction, Scene
from readstone.core.model import Model
from readstone.engines.reader.rendering.book import Book
from readstone.engines.reader.tokens import count, cut
from readstone.extraction.checks import run_checks
from readstone.extraction.extract import extract
from readstone.extraction.llm.extract import Papers, extract_with_llm
from readstone.extraction.schema import parse_schema
from readstone.serving.gateway import Gateway, GatewayEvent, Meter, Served
from readstone.serving.questions import Questions, add
from readstone.serving.wanted import Wanted, asked, no_schema

_OURS: Final = frozenset({"response_format", "scene"})
"""Properties of a chat request that extraction honours itself; the reader is not asked to."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was found on `pages`; `content` is its JSON, compact, and `served` what it took."""

    content: str
    extraction: Extraction
    pages: tuple[Page, ...]
    served: Served


class Extractor:
    """Answers requests that hold a schema, by the reader's lines and what they mean.

    Where the model names a language model, `find` gives it, and it is asked too.
    """

    def __init__(self, gateway: Gateway, find: Callable[[str], Model]) -> None:
        self._gateway = gateway
        self._find = find

    def takes(self, model: Model) -> Model:
        """The model, where it can extract: InvalidRequest where its engine does not tell the lines of pages."""
        if self._gateway.reads(model.engine):
            return model
        raise InvalidRequest(
            f"'{model.id}' is a model of kind '{model.kind}' whose engine tells no lines to extract from; name a "
            "model of kind 'extract' (GET /v1/models lists them).",
            param="model",
            code="extraction_unsupported",
        )

    def parse(self, prompt: str, scene: Scene, *, lenient: bool = False) -> Wanted:
        """What a prompt asks for; InvalidRequest where there is no schema in it.

        `lenient`: what a language model says and no words do is kept, and marked as ungrounded.
        """
        schema = parse_schema(prompt, None)
        if schema is None:
            raise no_schema("prompt")
        return Wanted(replace(schema, strict=not lenient), scene)

    async def wanted(self, request: ChatRequest) -> Wanted | None:
        """What a chat request asks to be extracted; None where its engine answers it. Raises what `wanted.asked` raises.

        Words to models that the reader answers are looked through in a thread.
        """
        if not self._gateway.reads(request.model.engine):
            return None
        return await asyncio.to_thread(asked, request)

    async def chat(self, request: ChatRequest, wanted: Wanted) -> AsyncGenerator[GatewayEvent]:
        """The answer to a chat request: the JSON at once, cut at `max_tokens`, then what it took."""
        found = await self.extract(request, wanted)
        text = cut(found.content, request.max_tokens)
        served = found.served
        if text != found.content:
            usage = replace(served.finish.usage, completion_tokens=count(text))
            served = replace(served, finish=replace(served.finish, reason="length", usage=usage))
        yield TextDelta(text, served.finish.usage.completion_tokens)
        yield served

    async def extract(self, request: ChatRequest, wanted: Wanted) -> Extracted:
        """Read the request's images and documents and find what is wanted; its words are not looked at again.

        Raises what `Gateway.read` raises, and what the language model's engine raises where there is one.
        """
        meter = Meter(request.arrived, request.model.engine)
        pages, finish, found = await self._read(request, wanted, meter)
        usage = finish.usage
        if request.model.language_model is not None:
            questions = Questions(self._gateway, self._find(request.model.language_model), request)
            found = await extract_with_llm(
                Papers(pages, _images(request) if request.model.shows_pages else ()),
                wanted.schema,
                wanted.scene,
                questions.ask,
                room=questions.room,
                others=found.values,
            )
            usage = add(usage, questions.usage)
        content = _encoded(found)
        tokens = usage.completion_tokens + count(content)
        finish = replace(finish, usage=replace(usage, completion_tokens=tokens))
        return Extracted(content, found, tuple(pages), Served(finish, meter.end(finish)))

    async def _read(
        self, request: ChatRequest, wanted: Wanted, meter: Meter
    ) -> tuple[Sequence[Page], Finish, Extraction]:
        """The pages, and what is found on them without a language model."""
        others = {name: raw for name, raw in request.extras.items() if name not in _OURS}
        reading = replace(request, extras=others)
        pages: list[Page] = []
        engine = request.model.engine
        async with aclosing(self._gateway.read(reading, engine, meter)) as events:
            async for event in events:
                match event:
                    case PageRead(page=page):
                        pages.append(page)
                    case Finish():
                        # Within the permit, which so bounds this work too.
                        return pages, event, await asyncio.to_thread(_found, pages, wanted)
        raise EngineFailed("The reader ended without saying why.")


def _encoded(found: Extraction) -> str:
    try:
        return msgspec.json.encode(found.content).decode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            "The schema has a key that is not valid Unicode.", param="schema", code="invalid_value"
        ) from error


def _found(pages: Sequence[Page], wanted: Wanted) -> Extraction:
    """What is found on the pages without a language model, and what holds of it."""
    found = extract(pages, wanted.schema, wanted.scene)
    checks = run_checks(wanted.scene, wanted.schema, found.values, pages)
    return replace(found, checks=(*found.checks, *checks))


def _images(request: ChatRequest) -> Sequence[ImagePart]:
    """The images of the pages, in their order; none where a PDF is among them, whose pages are no images yet."""
    sent = [
        parts
        for message in request.messages
        if (parts := [part for part in message.parts if not isinstance(part, TextPart)])
    ]
    images = [part for part in (sent[-1] if sent else ()) if isinstance(part, ImagePart)]
    return images if sent and len(images) == len(sent[-1]) else ()


def plain_text(pages: Sequence[Page]) -> str:
    """The text of pages as the reader gives it in plain rendering."""
    book = Book("plain")
    pieces: list[str] = []
    for page in pages:
        pieces.append(book.turn(page))
        pieces += map(book.feed, page.lines)
    return "".join([*pieces, book.end()])
