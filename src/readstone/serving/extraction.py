"""Extraction: pages are read through the gateway, and what a schema asks for is found on them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, get_args

import msgspec

from readstone.core.chat import (
    ChatEvent,
    ChatRequest,
    Finish,
    ImagePart,
    Message,
    TextDelta,
    TextPart,
    fold,
)
from readstone.core.document import Page
from readstone.core.engine import PageRead
from readstone.core.errors import EngineFailed, InvalidRequest, UnsupportedParameter
from readstone.core.extraction import Extraction, Scene, Schema
from readstone.core.model import Model
from readstone.core.usage import Usage
from readstone.engines.reader.assignment import instruction
from readstone.engines.reader.instruction import understand
from readstone.engines.reader.rendering.book import Book
from readstone.engines.reader.tokens import count, cut
from readstone.extraction.checks import run_checks
from readstone.extraction.extract import extract
from readstone.extraction.llm.extract import Papers, extract_with_llm
from readstone.extraction.llm.lines import Room, room_within
from readstone.extraction.schema import parse_schema
from readstone.serving.gateway import Gateway, GatewayEvent, Meter, Served, StandIn

_OURS: Final = frozenset({"response_format", "scene"})
"""Properties of a chat request that extraction honours itself; the reader is not asked to."""
_FREE: Final = frozenset({b"null", b'{"type":"text"}'})
_LONGEST_FORMAT: Final = 256 * 1024
_SAMPLED: Final = frozenset({"max_tokens", "temperature", "top_p"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found on the pages of a request."""

    schema: Schema
    scene: Scene = "general"


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
            raise _no_schema("prompt")
        return Wanted(replace(schema, strict=not lenient), scene)

    async def wanted(self, request: ChatRequest) -> Wanted | None:
        """What a chat request asks to be extracted; None where its engine answers it.

        Of models that the reader answers those of kind `extract` do nothing else: InvalidRequest where there is no schema;
        others extract where `response_format` or the prompt holds one. Their words are looked through in a thread.
        """
        if not self._gateway.reads(request.model.engine):
            return None
        return await asyncio.to_thread(_asked, request)

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
            asked = _Questions(self._gateway, self._find(request.model.language_model), request)
            found = await extract_with_llm(
                Papers(pages, _images(request) if request.model.shows_pages else ()),
                wanted.schema,
                wanted.scene,
                asked.ask,
                room=asked.room,
                others=found.values,
            )
            usage = _sum(usage, asked.usage)
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


class _Questions:
    """Asks the language model of one request, and adds up what it used."""

    def __init__(self, gateway: Gateway, model: Model, request: ChatRequest) -> None:
        self.usage = Usage(0, 0)
        self._gateway = gateway
        self._model = model
        self._request = request

    @property
    def room(self) -> Room:
        """How much page text it is given at once."""
        return room_within(self._model.context_length, self._model.defaults.max_tokens)

    async def ask(self, messages: Sequence[Message], response_format: bytes) -> str:
        """Its whole answer, as likely as it can be had."""
        defaults = self._model.defaults
        request = ChatRequest(
            id=self._request.id,
            key_id=self._request.key_id,
            model=self._model,
            model_name=self._model.id,
            messages=tuple(messages),
            max_tokens=defaults.max_tokens,
            temperature=0.0,
            top_p=defaults.top_p,
            arrived=time.monotonic(),
            extras={"response_format": response_format},
            defaulted=_SAMPLED - {"temperature"},
        )
        async with aclosing(_answer(self._gateway, request)) as events:
            answer = await fold(events)
        self.usage = _sum(self.usage, answer.finish.usage)
        return answer.text


async def _answer(gateway: Gateway, request: ChatRequest) -> AsyncGenerator[ChatEvent]:
    """The gateway's events as an engine's."""
    async with aclosing(gateway.chat(request)) as events:
        async for event in events:
            match event:
                case Served(finish=finish):
                    yield finish
                case StandIn():
                    continue
                case _:
                    yield event


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


def _asked(request: ChatRequest) -> Wanted | None:
    """What a request to a model that is read asks to be extracted, by its words; see `Extractor.wanted`."""
    extras = request.extras
    said = instruction(request.messages)
    form = _response_format(extras)
    schema = parse_schema(said, form)
    if request.model.kind == "extract":
        if schema is None:
            raise _no_schema("messages")
        return Wanted(schema, _scene(extras))
    if schema is None or (form is None and _is_plain(said)):
        return None
    return Wanted(schema, _scene(extras))


def plain_text(pages: Sequence[Page]) -> str:
    """The text of pages as the reader gives it in plain rendering."""
    book = Book("plain")
    pieces: list[str] = []
    for page in pages:
        pieces.append(book.turn(page))
        pieces += map(book.feed, page.lines)
    return "".join([*pieces, book.end()])


def _no_schema(param: str) -> InvalidRequest:
    return InvalidRequest(
        "There is no schema: say in the prompt which fields to extract, e.g. "
        '{"invoice_no": "Invoice number", "items": [{"name": "Item", "total": "Amount"}]}.',
        param=param,
        code="missing_schema",
    )


def _sum(one: Usage, other: Usage) -> Usage:
    return replace(
        one,
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        image_tokens=one.image_tokens + other.image_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        reasoning_tokens=one.reasoning_tokens + other.reasoning_tokens,
    )


def _response_format(extras: Mapping[str, bytes]) -> bytes | None:
    """The property as it was sent, where it asks for anything but free text."""
    raw = extras.get("response_format", b"null")
    if len(raw) > _LONGEST_FORMAT:
        raise InvalidRequest(
            f"'response_format' has {len(raw)} bytes; at most {_LONGEST_FORMAT} are taken.",
            param="response_format",
            code="invalid_value",
        )
    return None if b"".join(raw.split()) in _FREE else raw


def _scene(extras: Mapping[str, bytes]) -> Scene:
    """The scene that a chat request names; contract: extract."""
    raw = extras.get("scene", b"null").strip()
    if raw == b"null":
        return "general"
    for scene in get_args(Scene):
        if raw == b'"%b"' % scene.encode():
            return scene
    raise UnsupportedParameter(f"'scene' is one of {', '.join(get_args(Scene))}.", param="scene")


def _is_plain(said: str) -> bool:
    """Whether an instruction asks for the text of a page and nothing else."""
    try:
        understand(said)
    except InvalidRequest:
        return False
    return True
