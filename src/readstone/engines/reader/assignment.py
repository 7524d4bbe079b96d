"""What a request gives the reader: the images and documents to read, and the words that say how."""

from dataclasses import dataclass

from readstone.core.chat import (
    DocumentPart,
    Image,
    ImagePart,
    Message,
    Source,
    TextPart,
)
from readstone.core.errors import ContextTooLong, InvalidRequest
from readstone.engines.reader.tokens import count, image_tokens

INSTRUCTION_TOKENS = 8192
"""More words than that are not an instruction about a page; they are refused, never cut."""
_CHARACTERS = 32 * INSTRUCTION_TOKENS
"""What is longer is too long whatever it says: counting the words of a body of megabytes would hold everybody up."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be read and what was said about it; `text_tokens` are those of the instruction."""

    sources: tuple[Source, ...]
    instruction: str
    text_tokens: int

    @property
    def image_tokens(self) -> int:
        """Tokens of the images; a document's pages count as they come."""
        images = (source for source in self.sources if isinstance(source, Image))
        return sum(image_tokens(image.width, image.height) for image in images)


def assignment(messages: tuple[Message, ...]) -> Assignment:
    """The images and documents of the last message that has any, and the instruction.

    So a client that goes on to ask for something else gets the same page, and pages of earlier turns are not read
    again. Raises InvalidRequest where there is no image, ContextTooLong for too long an instruction.
    """
    seen = [sources for message in messages if (sources := _sources(message))]
    if not seen:
        raise InvalidRequest(
            "This model reads documents: send at least one image, as a part "
            '{"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}} of a user message, '
            "or a PDF as a file part.",
            param="messages",
            code="no_image",
        )
    said = instruction(messages)
    if len(said) > _CHARACTERS:
        raise _too_long(f"{len(said)} characters")
    tokens = count(said)
    if tokens > INSTRUCTION_TOKENS:
        raise _too_long(f"{tokens} tokens")
    return Assignment(seen[-1], said, tokens)


def _too_long(size: str) -> ContextTooLong:
    return ContextTooLong(
        f"The instruction is {size} long; this model takes at most {INSTRUCTION_TOKENS} tokens. Images do not count.",
        param="messages",
    )


def instruction(messages: tuple[Message, ...]) -> str:
    """The words of system messages and of the last user message."""
    users = [message for message in messages if message.role == "user"]
    heard = [message for message in messages if message.role in {"system", "developer"}]
    return "\n".join(_text(message) for message in [*heard, *users[-1:]])


def _sources(message: Message) -> tuple[Source, ...]:
    return tuple(_source(part) for part in message.parts if not isinstance(part, TextPart))


def _source(part: ImagePart | DocumentPart) -> Source:
    return part.image if isinstance(part, ImagePart) else part.document


def _text(message: Message) -> str:
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart))
