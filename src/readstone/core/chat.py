"""A checked chat request, the event stream that answers it, and the fold of that stream."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from readstone.core.errors import EngineFailed
from readstone.core.model import Model, Profile
from readstone.core.record import record
from readstone.core.usage import Usage

Role: TypeAlias = Literal["developer", "system", "user", "assistant", "tool", "function"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]
ImageFormat: TypeAlias = Literal["jpeg", "png", "webp", "bmp"]


@dataclass(frozen=True, slots=True)
class Image:
    """An encoded image whose header was read and held against the limits; never a URL.

    `width` and `height` are pixels of the upright image (EXIF orientation applied); `param` is the request
    field it came from, for errors that only decoding can find. `plain` says that every decoder of the format shows
    it alike: upright as stored, still, opaque, grey or RGB of 8 bits. `digits` is the same in base64, where it came
    so: whoever sends it on need not encode it again. `profile` is how the reader is to read it.
    """

    data: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int
    param: str
    plain: bool = False
    digits: bytes = field(default=b"", repr=False, compare=False)
    profile: Profile = "balanced"

    @property
    def weight(self) -> int:
        """Bytes it holds."""
        return len(self.data) + len(self.digits)


@dataclass(frozen=True, slots=True)
class Document:
    """An encoded PDF whose signature and size were checked; nothing in it has been looked at.

    `pages` is the most pages and `pixels` the most pixels of one page that may be read of it; `param` is the
    request field it came from, for errors that only opening it can find. `profile` is how the reader is to read it.
    """

    data: bytes = field(repr=False)
    pages: int
    pixels: int
    param: str
    profile: Profile = "balanced"


Source: TypeAlias = Image | Document
"""What pages are read from."""


@record
class TextPart:
    """A piece of text in a message; `extras` holds every other member the client sent, as raw JSON by name."""

    text: str
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@record
class ImagePart:
    """An image in a message; `extras` are every other member the client sent, `beside_url` those beside its URL."""

    image: Image
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    beside_url: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """A PDF in a message."""

    document: Document


Part: TypeAlias = TextPart | ImagePart | DocumentPart


@record
class Message:
    """One turn of the conversation; its parts in the order they were sent.

    `extras` holds every other member the client sent (`name`, `tool_calls`, …), as raw JSON by name.
    """

    role: Role
    parts: tuple[Part, ...]
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@record
class ChatRequest:
    """A request past the codec: the model is known, defaults are applied, images and documents are bytes.

    `model_name` is the name the client used, `key_id` the public id of its key. `arrived` is `time.monotonic()` at arrival. `extras` holds every other
    property the client sent, as raw JSON by name: an engine honours each, refuses it, or passes it on.
    `defaulted` names the properties that the client left to the model's defaults. `trace` are headers that say which trace it
    belongs to, for engines that are servers. `streams` tells whether the answer is read as it comes; where it is not, an
    engine may tell of it in fewer events.
    """

    id: str
    key_id: str
    model: Model
    model_name: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float
    top_p: float
    arrived: float
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    defaulted: frozenset[str] = frozenset()
    trace: tuple[tuple[str, str], ...] = ()
    streams: bool = True
    attachments: tuple[ImagePart | DocumentPart, ...] = field(init=False, repr=False, compare=False)
    """The images and documents of its messages, in their order: looked for once, asked for on every floor."""

    def __post_init__(self) -> None:
        found = [
            part
            for message in self.messages
            for part in message.parts
            if not isinstance(part, TextPart)
        ]
        object.__setattr__(self, "attachments", tuple(found))

    @property
    def weight(self) -> int:
        """Bytes of its images and documents."""
        total = 0
        for part in self.attachments:
            total += part.image.weight if isinstance(part, ImagePart) else len(part.document.data)
        return total


@record
class TextDelta:
    """The next piece of the answer's text and the completion tokens it is worth."""

    text: str
    tokens: int


@record
class Relay:
    """The next chunks of an answer as an OpenAI-compatible engine wrote them.

    `choices` is the JSON of each chunk's `choices` array, in order, untouched; `tokens` is how many completion
    tokens they are worth as far as can be told before the engine's own count comes with the Finish. The first one
    tells the `fingerprint` of what answers where the engine's server has one of its own.
    """

    choices: tuple[bytes, ...]
    tokens: int
    fingerprint: str = ""


@record
class Finish:
    """The last event of every stream, exactly once.

    `choices` is the JSON of the last chunk's `choices` where it was held back to travel with the usage. `engine` is
    who answered where that is not the engine that was asked; `notes` are sentences for the client about how the
    answer came to be; `extras` are further members of the engine's last chunk, as raw JSON by name; `fingerprint` is
    as in Relay; `profile` is how the reader read.
    """

    reason: FinishReason
    usage: Usage
    choices: bytes | None = None
    engine: str | None = None
    notes: tuple[str, ...] = ()
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    fingerprint: str = ""
    profile: Profile | None = None


ChatEvent: TypeAlias = TextDelta | Relay | Finish


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: the fold of an event stream."""

    text: str
    finish: Finish


async def fold(events: AsyncIterator[ChatEvent]) -> Answer:
    """Read a stream to its end for its text, of the first choice; EngineFailed where it ends without a Finish."""
    texts: list[str] = []
    async for event in events:
        match event:
            case TextDelta(text=text):
                texts.append(text)
            case Relay(choices=choices):
                texts += map(_content, choices)
            case Finish(choices=choices):
                texts.append(_content(choices) if choices else "")
                return Answer("".join(texts), event)
    raise EngineFailed("The engine ended its answer without saying why.")


def _content(choices: bytes) -> str:
    """The text that the first choice of a chunk adds."""
    return "".join(
        choice["delta"].get("content") or ""
        for choice in json.loads(choices)
        if choice["index"] == 0
    )
