"""What a model on llama.cpp can do with tools, asked and arranged: what it has no place for, llama.cpp passes over in silence."""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

import msgspec

from readstone.core.chat import ChatRequest
from readstone.core.errors import UnsupportedParameter
from readstone.engines.http.client import Client
from readstone.engines.http.response import Failure
from readstone.engines.neutral import asks_for_nothing

_PATH: Final = "/props"
_MOST_BYTES: Final = 8 * 1024 * 1024
_TOOLS: Final = "tools"
_CHOICE: Final = "tool_choice"


class _Capabilities(msgspec.Struct):
    supports_tools: bool = True


class _Props(msgspec.Struct):
    """The part of llama.cpp's properties that is looked at; an older one does not tell."""

    chat_template_caps: _Capabilities = msgspec.field(default_factory=_Capabilities)


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
    """Asks a server once, when the first request has tools; as long as it does not tell, they are passed on."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._takes_tools: bool | None = None

    async def fitted(self, request: ChatRequest) -> ChatRequest:
        """The request as llama.cpp takes it. UnsupportedParameter where it has tools that the model would never see.

        llama.cpp knows choices of a tool that are words only: a function that is chosen is the only tool, and required.
        """
        raw = request.extras.get(_TOOLS, b"null")
        choice = request.extras.get(_CHOICE, b"null").strip()
        if choice == b'"none"' or asks_for_nothing(_TOOLS, raw):
            return request
        if self._takes_tools is None:
            self._takes_tools = await self._ask()
        if self._takes_tools is False:
            raise UnsupportedParameter(
                f"'{request.model.id}' knows no tools: its chat template has no place for them. Leave 'tools' out.",
                param=_TOOLS,
            )
        return _narrowed(request, raw, choice) if choice.startswith(b"{") else request

    async def _ask(self) -> bool | None:
        """Whether tools have a place; None where the server does not say."""
        path = self._client.target.base.removesuffix("/v1") + _PATH
        try:
            async with self._client.send("GET", path) as response:
                content = await response.read(_MOST_BYTES)
            if response.status != HTTPStatus.OK:
                return None
            return _PROPS.decode(content).chat_template_caps.supports_tools
        except (Failure, msgspec.DecodeError):
            return None


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
