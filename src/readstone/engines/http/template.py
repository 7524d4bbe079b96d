"""What the chat template of a model on llama.cpp has a place for: what it has none for, llama.cpp passes over in silence."""

from http import HTTPStatus

import msgspec

from readstone.core.chat import ChatRequest
from readstone.core.errors import UnsupportedParameter
from readstone.engines.http.client import Client
from readstone.engines.http.response import Failure
from readstone.engines.neutral import asks_for_nothing

_PATH = "/props"
_MOST_BYTES = 8 * 1024 * 1024
_TOOLS = "tools"


class _Capabilities(msgspec.Struct):
    supports_tools: bool = True


class _Props(msgspec.Struct):
    """The part of llama.cpp's properties that is looked at; an older one does not tell."""

    chat_template_caps: _Capabilities = msgspec.field(default_factory=_Capabilities)


_DECODER = msgspec.json.Decoder(_Props)


class Template:
    """Asks a server once, when the first request has tools; as long as it does not tell, everything is passed on."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._takes_tools: bool | None = None

    async def check(self, request: ChatRequest) -> None:
        """UnsupportedParameter where the request has tools that the model would never see."""
        raw = request.extras.get(_TOOLS, b"null")
        is_free = request.extras.get("tool_choice", b"").strip() == b'"none"'
        if is_free or asks_for_nothing(_TOOLS, raw):
            return
        if self._takes_tools is None:
            self._takes_tools = await self._ask()
        if self._takes_tools is False:
            raise UnsupportedParameter(
                f"'{request.model.id}' knows no tools: its chat template has no place for them. Leave 'tools' out.",
                param=_TOOLS,
            )

    async def _ask(self) -> bool | None:
        """Whether tools have a place; None where the server does not say."""
        path = self._client.target.base.removesuffix("/v1") + _PATH
        try:
            async with self._client.send("GET", path) as response:
                content = await response.read(_MOST_BYTES)
            if response.status != HTTPStatus.OK:
                return None
            return _DECODER.decode(content).chat_template_caps.supports_tools
        except (Failure, msgspec.DecodeError):
            return None
