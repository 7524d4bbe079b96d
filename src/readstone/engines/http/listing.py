"""Asks an OpenAI-compatible server which models it serves, what each is for and how much it holds.

`GET /v1/models` lists them everywhere, but says little. What else is known of a server is asked as its own documents have
it: Ollama's `/api/show` (capabilities, `num_ctx`), llama.cpp's `/props` (modalities, context of a slot), and in the list itself
vLLM's `max_model_len`, the `kind` of another of our servers and the fields of hosted APIs. Where nobody tells, the name decides what a model is for.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias, cast

import msgspec

from readstone.core.errors import EngineFailed, EngineUnavailable
from readstone.core.model import KIND_DEFAULTS, Kind, Offer
from readstone.engines.http.client import Client, Limits, Method
from readstone.engines.http.connection import Bounds
from readstone.engines.http.engine import HTTPOptions
from readstone.engines.http.response import Failure

Members: TypeAlias = Mapping[str, object]

_MOST_BYTES: Final = 8 * 1024 * 1024
_MOST_MODELS: Final = 1_000
_LONGEST_NAME: Final = 256
_AT_ONCE: Final = 8
_SECONDS: Final = 10.0
_READS = re.compile(r"(?:^|[^a-z])ocr|ocr(?:$|[^a-z])")
_SEES = re.compile(
    r"(?:^|[^a-z])v(?:lm?|ision)(?:$|[^a-z])|llava|pixtral|internvl|moondream|smolvlm|minicpm-?v|multimodal|omni"
)
_NO_CHAT = re.compile(
    r"(?:^|[^a-z])(?:embed(?:ding)?s?|rerank(?:er)?|whisper|tts|moderation)(?:$|[^a-z])"
)
_NUM_CTX = re.compile(r"^\s*num_ctx\s+(\d+)\s*$", re.MULTILINE)
_CONTEXTS = ("n_ctx", "max_model_len", "context_length", "context_window", "max_context_length")
_ASKS = "It asks for a key: name the environment variable that holds it, with --upstream-key-env or 'api_key_env'"
_HINT = "; an OpenAI-compatible address often ends in /v1"
_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@dataclass(frozen=True, slots=True)
class Listed:
    """What a server said: which program it is where that is known, all names it lists, and what it offers for chats."""

    server: str
    names: tuple[str, ...]
    offers: tuple[Offer, ...]


class Listing:
    """Asks one of several servers that serve the same: the first that answers."""

    def __init__(self, servers: Sequence[HTTPOptions]) -> None:
        self._servers = servers

    async def ask(self) -> tuple[Offer, ...]:
        """The models that the first server that answers lists and that answer chats, in its order; raises as `look`."""
        return (await self.look()).offers

    async def look(self) -> Listed:
        """What the first server that answers says.

        EngineUnavailable where no server answers, EngineFailed where one answers something else; the messages are for
        our log and our terminal, never for the wire.
        """
        failure: EngineFailed = EngineUnavailable("It has no address.")
        for options in self._servers:
            try:
                return await _ask(options)
            except EngineFailed as error:
                failure = error
        raise failure


async def _ask(options: HTTPOptions) -> Listed:
    client = Client(
        options.target,
        credentials=options.credentials,
        ca_file=options.ca_file,
        limits=Limits(connect_seconds=min(options.connect_seconds, _SECONDS)),
        bounds=Bounds(head_seconds=_SECONDS, silence_seconds=_SECONDS),
    )
    await client.start()
    try:
        return await _Inquiry(client, has_key=bool(options.credentials)).look()
    except Failure as failure:
        raise EngineUnavailable(f"It does not answer: {failure}.") from failure
    finally:
        await client.stop()


class _Inquiry:
    """The questions to one server."""

    def __init__(self, client: Client, *, has_key: bool) -> None:
        self._client = client
        self._has_key = has_key
        self._root = client.target.base.removesuffix("/v1")

    async def look(self) -> Listed:
        path = self._client.target.path("/models")
        status, listed = await self._json("GET", path)
        if status in _REFUSALS:
            told = "It refuses the key" if self._has_key else _ASKS
            raise EngineFailed(f"{told} (GET {path} gives {status}).")
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise EngineFailed(
                f"GET {path} gives {status}: it is elsewhere, and where it redirects to is not followed. Name that address."
            )
        if status != HTTPStatus.OK or not isinstance(listed.get("data"), list):
            hint = "" if self._client.target.base.endswith("/v1") else _HINT
            raise EngineFailed(f"GET {path} gives {status} and no list of models{hint}.")
        entries = _entries(listed["data"])
        server, offers = await self._of(entries)
        return Listed(server, tuple(entries), tuple(offer for offer in offers if offer))

    async def _of(self, entries: Mapping[str, Members]) -> tuple[str, Sequence[Offer | None]]:
        """Which program the server is, and what it tells of each model."""
        owners = {str(entry.get("owned_by")) for entry in entries.values()}
        if owners == {"llamacpp"} and len(entries) == 1:
            return await self._of_llamacpp(*entries)
        if not owners & {"vllm", "sglang", "llamacpp"}:
            _, told = await self._json("GET", f"{self._root}/api/version")
            if "version" in told:
                return f"Ollama {told['version']}", await self._of_ollama(entries)
        if "vllm" in owners:
            _, told = await self._json("GET", f"{self._root}/version")
            owners = {f"vLLM {told.get('version', '')}".rstrip()}
        server = owners.pop() if len(owners) == 1 else ""
        return server, [_of_entry(name, entry) for name, entry in entries.items()]

    async def _of_llamacpp(self, name: str) -> tuple[str, Sequence[Offer | None]]:
        _, props = await self._json("GET", f"{self._root}/props")
        modalities = _members(props.get("modalities"))
        settings = _members(props.get("default_generation_settings"))
        sees = modalities.get("vision")
        kind = _kind(name, sees if isinstance(sees, bool) else None)
        server = f"llama.cpp {props.get('build_info', '')}".rstrip()
        return server, [Offer(name, kind, _count(settings.get("n_ctx")))]

    async def _of_ollama(self, names: Iterable[str]) -> Sequence[Offer | None]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def show(name: str) -> Offer | None:
            async with room:
                body = msgspec.json.encode({"model": name})
                _, shown = await self._json("POST", f"{self._root}/api/show", body)
            return _of_shown(name, shown)

        return await asyncio.gather(*map(show, names))

    async def _json(self, method: Method, path: str, body: bytes = b"") -> tuple[int, Members]:
        """The status and the members of what came; none where it is no JSON object."""
        headers = (("content-type", "application/json"),) if body else ()
        async with self._client.send(method, path, body, headers) as response:
            content = await response.read(_MOST_BYTES)
        try:
            return response.status, _members(msgspec.json.decode(content))
        except msgspec.DecodeError:
            return response.status, {}


def _entries(data: object) -> dict[str, Members]:
    """The models of a list by name; what has no name that can be one is left out."""
    entries: dict[str, Members] = {}
    for item in cast("list[object]", data)[:_MOST_MODELS] if isinstance(data, list) else []:
        entry = _members(item)
        name = entry.get("id")
        if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
            entries.setdefault(name, entry)
    return entries


def _of_entry(name: str, entry: Members) -> Offer | None:
    """What the list itself tells; None for a model that is not for chats."""
    if _NO_CHAT.search(name.lower()):
        return None
    own = entry.get("kind")
    inputs = _members(entry.get("architecture")).get("input_modalities")
    sees = "image" in cast("list[object]", inputs) if isinstance(inputs, list) else None
    told = {**entry, **_members(entry.get("meta"))}
    contexts = (_count(told.get(member)) for member in _CONTEXTS)
    kind: Kind | None = next((each for each in KIND_DEFAULTS if each == own), None)
    return Offer(name, kind or _kind(name, sees), next((each for each in contexts if each), None))


def _of_shown(name: str, shown: Members) -> Offer | None:
    """What Ollama shows of a model. Its context is told only where it is set: else it depends on the machine's memory."""
    capabilities = shown.get("capabilities")
    if not isinstance(capabilities, list):
        return _of_entry(name, {})
    able = cast("list[object]", capabilities)
    if "completion" not in able:
        return None
    parameters = shown.get("parameters")
    found = _NUM_CTX.search(parameters) if isinstance(parameters, str) else None
    context = int(found[1]) if found else None
    aliases = (short,) if (short := name.removesuffix(":latest")) not in {name, ""} else ()
    return Offer(name, _kind(name, "vision" in able), context, aliases)


def _kind(name: str, sees: bool | None) -> Kind:  # noqa: FBT001  (three values: it does, it does not, nobody told)
    lower = name.lower()
    reads = _READS.search(lower) is not None
    if sees is None:
        sees = reads or _SEES.search(lower) is not None
    if not sees:
        return "chat"
    return "ocr" if reads else "vision"


def _members(value: object) -> Members:
    return cast("Members", value) if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    """A number of tokens, None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return None
