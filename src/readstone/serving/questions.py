"""Questions to a language model on a document: asked through the gateway, their usage added up."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from readstone.core.chat import ChatEvent, ChatRequest, Message, fold
from readstone.core.model import Model
from readstone.core.usage import Usage
from readstone.extraction.llm.lines import Room, room_within
from readstone.serving.gateway import Gateway, Served, StandIn

_DEFAULTED: Final = frozenset({"max_tokens", "top_p"})


class Questions:
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
            defaulted=_DEFAULTED,
        )
        async with aclosing(_answer(self._gateway, request)) as events:
            answer = await fold(events)
        self.usage = add(self.usage, answer.finish.usage)
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


def add(one: Usage, other: Usage) -> Usage:
    """What both used together; of the pages and what else the first has, its own."""
    return replace(
        one,
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        image_tokens=one.image_tokens + other.image_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        reasoning_tokens=one.reasoning_tokens + other.reasoning_tokens,
    )
