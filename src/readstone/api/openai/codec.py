"""Wire → core: a JSON body becomes a checked `ChatRequest`; nothing below looks at the wire again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import product
from types import MappingProxyType
from typing import Final, assert_never

import msgspec

from readstone.api.openai import schema
from readstone.api.openai.delivery import includes_usage, streams
from readstone.api.openai.lifting import Lifted
from readstone.api.openai.places import places_of, refuse_images
from readstone.api.violations import decode_json
from readstone.core.chat import ChatRequest, ImagePart, Message, Part, TextPart
from readstone.core.errors import InvalidRequest
from readstone.core.model import Kind, Model
from readstone.core.record import record
from readstone.media.attachments import Attachments, Place
from readstone.serving.catalogue import Catalogue

READS_DOCUMENTS: frozenset[Kind] = frozenset({"ocr", "extract"})
"""Kinds of model that take a PDF where OpenAI's API has an image; a `file` part is for every kind."""

_PLAIN = msgspec.json.Decoder(schema.PlainRequest)
_REQUEST = msgspec.json.Decoder(schema.ChatCompletionRequest)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_TURN = frozenset({"role", "content"})
_TEXT = frozenset({"type", "text", "refusal"})
_IMAGE = frozenset({"type", "image_url"})
_ADDRESS = frozenset({"url", "detail"})
_DECODED = frozenset(
    {
        "model",
        "messages",
        "max_completion_tokens",
        "max_tokens",
        "temperature",
        "top_p",
        "stream",
        "stream_options",
    }
)
"""Properties that become fields of ChatRequest or of Envelope; every other one goes to the engine."""
_NOTHING: Mapping[str, bytes] = MappingProxyType({})
_DEFAULTED = {
    (length, temperature, top_p): frozenset(
        name
        for name, is_left in (
            ("max_tokens", length),
            ("temperature", temperature),
            ("top_p", top_p),
        )
        if is_left
    )
    for length, temperature, top_p in product((False, True), repeat=3)
}
"""The properties that a client left to the model, by whether it left each."""


_MOST_TURNS: Final = 16_384
"""Messages of a request, and parts of messages, together: each is looked at on every floor."""
_NO_CHOICE = (None, "none", "auto")
"""Choices of a tool that need none."""


@record
class Origin:
    """Where a request comes from: its id, the public id of its key, `time.monotonic()` at its arrival, the trace it is of."""

    request_id: str
    key_id: str
    arrived: float
    trace: tuple[tuple[str, str], ...] = ()


@record
class Turn:
    """The members of a message that are passed on as they came: its own, and by position those of its parts.

    `addresses` are those beside the URLs of its images.
    """

    extras: Mapping[str, bytes]
    parts: Mapping[int, Mapping[str, bytes]]
    addresses: Mapping[int, Mapping[str, bytes]]


@record
class Envelope:
    """A body that is what the schema says, for a model that is there; its images are not looked at yet."""

    wire: schema.ChatCompletionRequest | schema.PlainRequest
    model: Model
    stream: bool
    include_usage: bool
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    turns: tuple[Turn, ...] = ()
    places: tuple[Place, ...] = ()


class ChatCodec:
    """Decodes chat requests against a catalogue."""

    def __init__(self, catalogue: Catalogue, attachments: Attachments) -> None:
        self._catalogue = catalogue
        self._attachments = attachments

    def open(self, lifted: Lifted, accept: str | None) -> Envelope:
        """Check a body against the schema and the model, but for what is in its images.

        Raises InvalidRequest, UnsupportedParameter or ModelNotFound, each naming the field.
        """
        envelope = self._open(lifted.body, accept, lifted.payloads)
        lifted_out = len(lifted.payloads)
        if not lifted_out or lifted_out == sum(bool(place.digits) for place in envelope.places):
            return envelope
        # One stood elsewhere and must be put back there, or a client wrote a reference of its own.
        return self._open(lifted.content, accept, ())

    def _open(
        self, content: bytes | bytearray, accept: str | None, payloads: tuple[bytes, ...]
    ) -> Envelope:
        wire = _plain(content) or decode_json(_REQUEST, content)
        _refuse_many(wire.messages)
        model = self._catalogue.find(wire.model)
        stream = streams(accept, model, asked=wire.stream)
        include_usage = includes_usage(wire.stream_options, stream=stream)
        if isinstance(wire, schema.PlainRequest):
            return Envelope(wire, model, stream, include_usage)
        _refuse_halves(wire)
        documents = model.kind in READS_DOCUMENTS
        places = tuple(places_of(wire.messages, payloads, documents=documents))
        refuse_images(places, model)
        members = decode_json(_MEMBERS, content)
        turns = tuple(
            _turn(message, raw)
            for message, raw in zip(wire.messages, _LIST.decode(members["messages"]), strict=True)
        )
        extras = _others(members, _DECODED)
        return Envelope(wire, model, stream, include_usage, extras, turns, places)

    async def decode(self, envelope: Envelope, origin: Origin) -> ChatRequest:
        """Fetch, limit and check the images, and apply the model's defaults.

        Raises what `Attachments.load` raises, each naming the field.
        """
        wire, defaults = envelope.wire, envelope.model.defaults
        if isinstance(wire, schema.PlainRequest):
            messages = [
                Message(message.role, (TextPart(message.content, _NOTHING),), _NOTHING)
                for message in wire.messages
            ]
        else:
            loaded = await self._attachments.load(envelope.places)
            turns = zip(wire.messages, envelope.turns, strict=True)
            messages = [
                Message(message.role, tuple(_parts(message, index, loaded, turn)), turn.extras)
                for index, (message, turn) in enumerate(turns)
            ]
        length = wire.max_completion_tokens or wire.max_tokens
        temperature, top_p = wire.temperature, wire.top_p
        return ChatRequest(
            id=origin.request_id,
            key_id=origin.key_id,
            model=envelope.model,
            model_name=wire.model,
            messages=tuple(messages),
            max_tokens=length or defaults.max_tokens,
            temperature=defaults.temperature if temperature is None else temperature,
            top_p=defaults.top_p if top_p is None else top_p,
            arrived=origin.arrived,
            extras=envelope.extras,
            defaulted=_DEFAULTED[length is None, temperature is None, top_p is None],
            trace=origin.trace,
            streams=envelope.stream,
        )


def _turn(message: schema.RequestMessage, members: Mapping[str, msgspec.Raw]) -> Turn:
    parts: dict[int, Mapping[str, bytes]] = {}
    addresses: dict[int, Mapping[str, bytes]] = {}
    if isinstance(message.content, list):
        for position, part in enumerate(_LIST.decode(members["content"])):
            is_image = isinstance(message.content[position], schema.ImageURL)
            known = _IMAGE if is_image else _TEXT
            if not known.issuperset(part) and (is_image or "text" in part):
                parts[position] = _others(part, known)
            if is_image:
                addresses[position] = _others(_MEMBERS.decode(part["image_url"]), _ADDRESS)
    extras = _NOTHING if _TURN.issuperset(members) else _others(members, _TURN)
    return Turn(extras, parts, addresses)


def _others(members: Mapping[str, msgspec.Raw], known: frozenset[str]) -> dict[str, bytes]:
    return {name: bytes(raw) for name, raw in members.items() if name not in known}


def _plain(content: bytes | bytearray) -> schema.PlainRequest | None:
    """A request that is nothing but words; None for every other, and for what is none."""
    try:
        return _PLAIN.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _refuse_many(messages: Sequence[schema.RequestMessage | schema.PlainMessage]) -> None:
    """Raise for more messages and parts than a conversation or a stack of pages has."""
    parts = [len(each.content) for each in messages if isinstance(each.content, list)]
    count = len(messages) + sum(parts)
    if count > _MOST_TURNS:
        raise InvalidRequest(
            f"The request has {count} messages and parts of messages; at most {_MOST_TURNS} are taken. "
            "Put texts together.",
            param="messages",
            code="too_many_messages",
        )


def _refuse_halves(wire: schema.ChatCompletionRequest) -> None:
    """Raise for a property that means nothing without another one: some engines would pass over it in silence."""
    if wire.tool_choice not in _NO_CHOICE and not wire.tools:
        raise InvalidRequest("'tool_choice' needs 'tools' to choose from.", param="tool_choice")
    named = _named(wire.tool_choice)
    if named is not None and named not in map(_named, wire.tools or ()):
        raise InvalidRequest("'tool_choice' names none of the 'tools'.", param="tool_choice")
    said = wire.response_format or {}
    # Where OpenAI has 'json_schema', some servers take the schema itself.
    if said.get("type") == "json_schema" and not ({"json_schema", "schema"} & said.keys()):
        name = "response_format.json_schema"
        raise InvalidRequest(f"'{name}' is missing.", param=name, code="missing_parameter")


def _named(tool: str | schema.JSONObject | None) -> object:
    """The name of the function that a tool, or a choice of one, is about; None where it is about none."""
    match tool:
        case {"type": "function", "function": {"name": name}}:
            return name
        case _:
            return None


def _parts(
    message: schema.RequestMessage, index: int, loaded: Mapping[str, Part], turn: Turn
) -> Iterator[Part]:
    if isinstance(message.content, str):
        yield TextPart(message.content)
        return
    for position, part in enumerate(message.content or ()):
        match part:
            case schema.Text(text=text) | schema.Refusal(refusal=text):
                yield TextPart(text, turn.parts.get(position, _NOTHING))
            case schema.ImageURL():
                image = loaded[f"messages[{index}].content[{position}].image_url.url"]
                more, beside = turn.parts.get(position), turn.addresses.get(position)
                if (more or beside) and isinstance(image, ImagePart):
                    image = replace(image, extras=more or _NOTHING, beside_url=beside or _NOTHING)
                yield image
            case schema.File():
                yield loaded[f"messages[{index}].content[{position}].file.file_data"]
            case schema.InputAudio():
                continue
            case _:
                assert_never(part)
