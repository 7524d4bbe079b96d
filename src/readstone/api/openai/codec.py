"""Wire → core: a JSON body becomes a checked `ChatRequest`; nothing below looks at the wire again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

import msgspec

from readstone.api.openai import schema
from readstone.api.violations import decode_json
from readstone.core.chat import (
    ChatRequest,
    DocumentPart,
    Image,
    ImageFormat,
    ImagePart,
    Message,
    Part,
    TextPart,
)
from readstone.core.errors import InvalidImage, InvalidRequest, UnsupportedParameter
from readstone.core.model import Kind, Model
from readstone.media.data_uri import decode_data_uri
from readstone.media.inspect import DocumentLimits, ImageLimits, inspect, inspect_document
from readstone.media.signature import is_pdf
from readstone.serving.catalogue import Catalogue

FORMATS: frozenset[ImageFormat] = frozenset({"jpeg", "png", "webp"})
READS_DOCUMENTS: frozenset[Kind] = frozenset({"ocr", "extract"})
"""Kinds of model that take a PDF where OpenAI's API has an image; a `file` part is for every kind."""
DOCUMENT_LIMITS = DocumentLimits()

_REQUEST = msgspec.json.Decoder(schema.ChatCompletionRequest)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
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
"""Properties that become fields of ChatRequest or of Decoded; every other one goes to the engine."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A request and how its answer is to be sent."""

    chat: ChatRequest
    stream: bool
    include_usage: bool


class ChatCodec:
    """Decodes chat requests against a catalogue and the limits of an image and of a document."""

    def __init__(
        self,
        catalogue: Catalogue,
        limits: ImageLimits,
        documents: DocumentLimits = DOCUMENT_LIMITS,
    ) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._documents = documents

    def decode(
        self, content: bytes, accept: str | None, request_id: str, arrived: float
    ) -> Decoded:
        """Check a body and apply the model's defaults.

        Raises InvalidRequest, InvalidImage, TooLarge or ModelNotFound, each naming the field.
        """
        wire = decode_json(_REQUEST, content)
        model = self._catalogue.find(wire.model)
        stream = _streams(accept, model, asked=wire.stream)
        options = wire.stream_options or schema.StreamOptions()
        if wire.stream_options is not None and not stream:
            raise InvalidRequest(
                "'stream_options' is for streams: set 'stream' to true.", param="stream_options"
            )
        if options.include_obfuscation:
            raise UnsupportedParameter(
                "Chunks are not padded here: leave 'include_obfuscation' out or false.",
                param="stream_options.include_obfuscation",
            )
        defaults = model.defaults
        chat = ChatRequest(
            id=request_id,
            model=model,
            model_name=wire.model,
            messages=self._messages(wire.messages, model),
            max_tokens=wire.max_completion_tokens or wire.max_tokens or defaults.max_tokens,
            temperature=_or(wire.temperature, defaults.temperature),
            top_p=_or(wire.top_p, defaults.top_p),
            arrived=arrived,
            extras=_extras(content),
        )
        return Decoded(chat, stream, options.include_usage is True)

    def _messages(self, messages: list[schema.RequestMessage], model: Model) -> tuple[Message, ...]:
        images = [image for message in messages for image in _images(message)]
        if len(images) > model.max_images:
            raise InvalidRequest(
                f"The request has {len(images)} images; '{model.id}' takes at most "
                f"{model.max_images} (models.<id>.max_images).",
                param="messages",
                code="too_many_images",
            )
        return tuple(
            Message(message.role, tuple(self._parts(message, f"messages[{index}].content", model)))
            for index, message in enumerate(messages)
        )

    def _parts(self, message: schema.RequestMessage, path: str, model: Model) -> Iterator[Part]:
        if isinstance(message.content, str):
            yield TextPart(message.content)
            return
        for index, part in enumerate(message.content or ()):
            param = f"{path}[{index}]"
            match part:
                case schema.Text(text=text) | schema.Refusal(refusal=text):
                    yield TextPart(text)
                case schema.ImageURL(image_url=address) if model.kind in READS_DOCUMENTS:
                    yield self._source(address.url, f"{param}.image_url.url")
                case schema.ImageURL(image_url=address):
                    yield ImagePart(self._image(address.url, f"{param}.image_url.url"))
                case schema.File(file=file):
                    yield self._file(file, f"{param}.file")
                case schema.InputAudio():
                    raise UnsupportedParameter("Audio is not served here.", param=param)
                case _:
                    assert_never(part)

    def _source(self, url: str, param: str) -> ImagePart | DocumentPart:
        """An image or a PDF, as its bytes say."""
        data = self._data(url, max(self._limits.bytes, self._documents.bytes), param)
        if is_pdf(data):
            return DocumentPart(inspect_document(data, self._documents, param))
        return ImagePart(inspect(data, self._limits, FORMATS, param))

    def _image(self, url: str, param: str) -> Image:
        data = self._data(url, self._limits.bytes, param)
        return inspect(data, self._limits, FORMATS, param)

    def _data(self, url: str, limit: int, param: str) -> bytes:
        if url[:5].lower() != "data:":
            raise InvalidImage(
                "Images are taken as data: URIs ('data:image/png;base64,…'); this server does not "
                "fetch URLs.",
                param=param,
                code="unsupported_image_url",
            )
        return decode_data_uri(url, limit, param)

    def _file(self, file: schema.FileContent, param: str) -> ImagePart | DocumentPart:
        if file.file_id is not None:
            raise UnsupportedParameter(
                "This server keeps no files: send 'file_data'.", param=f"{param}.file_id"
            )
        if file.file_data is None:
            raise InvalidRequest(
                f"'{param}.file_data' is missing.",
                param=f"{param}.file_data",
                code="missing_parameter",
            )
        return self._source(file.file_data, f"{param}.file_data")


def _images(message: schema.RequestMessage) -> list[schema.ContentPart]:
    if message.content is None or isinstance(message.content, str):
        return []
    return [part for part in message.content if isinstance(part, schema.ImageURL | schema.File)]


def _streams(accept: str | None, model: Model, *, asked: bool | None) -> bool:
    """The contract's rule: an SDK that leaves `stream` out accepts JSON only, and gets JSON."""
    if asked is not None:
        return asked
    accepted = (accept or "").lower()
    wants_json = "application/json" in accepted and "text/event-stream" not in accepted
    return model.defaults.stream and not wants_json


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _extras(content: bytes) -> dict[str, bytes]:
    members = _MEMBERS.decode(content)
    return {name: bytes(raw) for name, raw in members.items() if name not in _DECODED}
