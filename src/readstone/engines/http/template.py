"""What a model on llama.cpp can do with tools, asked and arranged: what it has no place for, llama.cpp passes over in silence."""

import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from readstone.core.chat import ChatRequest
from readstone.core.errors import UnsupportedParameter
from readstone.core.record import record
from readstone.engines.http.client import Client
from readstone.engines.http.response import Failure
from readstone.engines.neutral import asks_for_nothing

_PATH: Final = "/props?model="
"""Of a server of several models, which one; that of one model does not look at it."""
_SECONDS: Final = 5.0
_MOST_BYTES: Final = 8 * 1024 * 1024
_TOOLS: Final = "tools"
_CHOICE: Final = "tool_choice"
_CALLS: Final = "tool_calls"
_LATER: Final = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
)


class _Capabilities(msgspec.Struct):
    supports_tools: bool = True
    supports_tool_calls: bool = True


class _Props(msgspec.Struct):
    """The part of llama.cpp's properties that is looked at; an older one does not tell what a template can do."""

    default_generation_settings: msgspec.Raw | UnsetType = UNSET
    chat_template_caps: _Capabilities = msgspec.field(default_factory=_Capabilities)


@record
class _Told:
    """What a server told of a model: whether it is llama.cpp, and has a place for tools and for calls of them."""

    is_llamacpp: bool
    takes_tools: bool = True
    takes_calls: bool = True


class _Function(msgspec.Struct):
    name: str


class _Tool(msgspec.Struct):
    function: _Function | None = None

    @property
    def name(self) -> str | None:
        return self.function and self.function.name


class _Allowed(msgspec.Struct):
    mode: str = "auto"
    tools: list[_Tool] = []


class _Choice(_Tool):
    """A choice that is no word: of one function, or of those that may be called."""

    allowed_tools: _Allowed | None = None


_PROPS: Final = msgspec.json.Decoder(_Props)
_ONE: Final = msgspec.json.Decoder(_Tool)
_EACH: Final = msgspec.json.Decoder(list[msgspec.Raw])
_CHOSEN: Final = msgspec.json.Decoder(_Choice)


class Template:
    """Asks a server once for each model, when the first request has tools or calls of them.

    `is_known` where it is certain that the server is llama.cpp; any other is told by its answer, and one that has no such
    properties is left alone. A server that is not to be had just then is asked again with the next such request.
    """

    def __init__(self, client: Client, *, is_known: bool) -> None:
        self._client = client
        self._is_known = is_known
        self._told: dict[str, _Told] = {}

    def forget(self) -> None:
        """The server was away: what comes back may be another."""
        self._told.clear()

    async def fitted(self, request: ChatRequest) -> ChatRequest:
        """The request as llama.cpp takes it. UnsupportedParameter where it has tools that the model would never see.

        llama.cpp knows choices of a tool that are words only: a function that is chosen is the only tool, and required.
        """
        calls = [message for message in request.messages if _CALLS in message.extras]
        if not calls and _TOOLS not in request.extras:
            return request
        raw = request.extras.get(_TOOLS, b"null")
        choice = request.extras.get(_CHOICE, b"null").strip()
        has_tools = choice != b'"none"' and not asks_for_nothing(_TOOLS, raw)
        has_calls = not all(asks_for_nothing(_TOOLS, each.extras[_CALLS]) for each in calls)
        if not (has_tools or has_calls):
            return request
        told = await self._of(request.model.name_at_engine)
        if not told.is_llamacpp:
            return request
        if has_tools and not told.takes_tools:
            raise UnsupportedParameter(
                f"'{request.model.id}' knows no tools: its chat template has no place for them. Leave 'tools' out.",
                param=_TOOLS,
            )
        if has_calls and not told.takes_calls:
            raise UnsupportedParameter(
                f"'{request.model.id}' knows no tools: its chat template has no place for calls of them. Leave the "
                "'tool_calls' of messages out.",
                param="messages",
            )
        return _narrowed(request, raw, choice) if has_tools and choice.startswith(b"{") else request

    async def _of(self, model: str) -> _Told:
        told = self._told.get(model) or await self._ask(model)
        if told is None:
            return _Told(self._is_known)
        self._told[model] = told
        return told

    async def _ask(self, model: str) -> _Told | None:
        """What the server tells; None where it is to be asked again."""
        path = self._client.target.base.removesuffix("/v1") + _PATH + quote(model, safe="")
        try:
            async with asyncio.timeout(_SECONDS), self._client.send("GET", path) as response:
                content = await response.read(_MOST_BYTES)
        except (Failure, TimeoutError) as failure:
            is_asked_again = self._is_known or isinstance(failure, Failure)
            return None if is_asked_again else _Told(is_llamacpp=False)
        if response.status in _LATER:
            return None
        try:
            props = _PROPS.decode(content if response.status == HTTPStatus.OK else b"{}")
        except msgspec.DecodeError:
            props = _Props()
        able = props.chat_template_caps
        is_llamacpp = self._is_known or props.default_generation_settings is not UNSET
        return _Told(is_llamacpp, able.supports_tools, able.supports_tool_calls)


def _narrowed(request: ChatRequest, raw: bytes, choice: bytes) -> ChatRequest:
    """The request with the tools that are chosen and no others."""
    try:
        chosen = _CHOSEN.decode(choice)
        allowed = chosen.allowed_tools or _Allowed("required", [chosen])
        names = {tool.name for tool in allowed.tools} - {None}
        tools = [tool for tool in _EACH.decode(raw) if _ONE.decode(tool).name in names]
    except msgspec.DecodeError:
        tools, allowed = [], _Allowed()
    if not tools:
        raise UnsupportedParameter(
            f"The engine of '{request.model.id}' cannot choose a tool like that.", param=_CHOICE
        )
    mode = msgspec.json.encode(allowed.mode)
    extras = {**request.extras, _TOOLS: msgspec.json.encode(tools), _CHOICE: mode}
    return replace(request, extras=extras)
